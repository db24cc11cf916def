"""Rows into the store: merged with what is there, each file whole, one writer a history."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from .errors import StoreBusyError, StoreError
from .files import TEMPORARY, UNREADABLE, put_in_place, sha256_of, write_parquet
from .manifest import Manifest, Part, part_path, read_manifest, write_manifest
from .merge import Merged, merge
from .names import Dataset
from .ranges import Range, join, runs
from .store import Store

LOCK = ".lock"


class Writer:
    """Writes one history. Made by ``writing``, which holds the lock."""

    def __init__(self, folder: Path, dataset: Dataset, now_ns: Callable[[], int]) -> None:
        self.dataset = dataset
        self._folder = folder
        self._now_ns = now_ns
        self.manifest = read_manifest(folder, dataset) or Manifest(
            venue=dataset.venue, symbol=dataset.symbol, kind=dataset.kind, interval_ns=dataset.interval_ns
        )

    def add(self, rows: pl.DataFrame, *, asked: Sequence[Range] = (), replace: bool = False) -> Merged:
        """Merge rows into the files of their months (days), and remember what the venue was asked for.

        All of it is there afterwards, or after a crash a prefix that the next run completes. Raises StoreError.
        """
        schema, total = self.dataset.schema, Merged()
        written: dict[str, tuple[Path, Part]] = {}
        labelled = rows.with_columns(pl.from_epoch(schema.time, time_unit="ns").dt.strftime(schema.part).alias("_part"))
        for (name,), of_part in labelled.partition_by("_part", as_dict=True, include_key=False).items():
            frame, merged = merge(self.part(str(name)), of_part, schema, replace=replace)
            total.add(merged)
            if merged.changed:
                written[str(name)] = self._write_beside(str(name), frame)
        self._commit(written, asked)
        return total

    def part(self, name: str) -> pl.DataFrame:
        """Return the rows of one part; none where it is not there. Raises StoreError."""
        if name not in self.manifest.parts:
            return self.dataset.schema.empty()
        return self._read(name, list(self.dataset.schema.columns))

    def _times(self, name: str) -> pl.Series:
        return self._read(name, [self.dataset.schema.time]).to_series()

    def _read(self, name: str, columns: list[str]) -> pl.DataFrame:
        path = part_path(self._folder, name)
        try:
            return pl.read_parquet(path, columns=columns, hive_partitioning=False, glob=False)
        except UNREADABLE as error:
            raise StoreError(f"{path} is damaged: {error}; see 'seawall data verify'") from error

    def held(self) -> list[Range]:
        """Return the times that need not be asked for: asked before, or covered by candles that are here."""
        held = list(self.manifest.asked)
        if self.dataset.interval_ns:
            for name in sorted(self.manifest.parts):
                held += runs(self._times(name), self.dataset.interval_ns)
        return join(held)

    def _write_beside(self, name: str, frame: pl.DataFrame) -> tuple[Path, Part]:
        path = part_path(self._folder, name)
        if name not in self.manifest.parts and path.exists():
            raise StoreError(f"{path} is there and not in the manifest: move it away and import it again")
        temporary = write_parquet(path, frame)
        time = frame[self.dataset.schema.time]
        part = Part(
            sha256=sha256_of(temporary),
            rows=frame.height,
            bytes=temporary.stat().st_size,
            ts_from_ns=time[0],
            ts_to_ns=time[-1],
            sources=tuple(sorted(frame["source"].unique())),
            ts_written_ns=self._now_ns(),
        )
        return temporary, part

    def _commit(self, written: dict[str, tuple[Path, Part]], asked: Sequence[Range]) -> None:
        if written:
            self.manifest.pending = {name: part for name, (_, part) in written.items()}
            write_manifest(self._folder, self.manifest)
            for name, (temporary, part) in written.items():
                path = part_path(self._folder, name)
                try:
                    put_in_place(temporary, path)
                except OSError as error:
                    raise StoreError(f"{path} cannot be written: {error.strerror}") from error
                self.manifest.parts[name] = part
            self.manifest.pending = {}
        if self.manifest.add_asked(list(asked)) or written:
            write_manifest(self._folder, self.manifest)


@contextmanager
def writing(store: Store, dataset: Dataset, now_ns: Callable[[], int]) -> Iterator[Writer]:
    """Open a history for writing, alone. Raises StoreBusyError where another command writes it.

    The lock is the kernel's: it ends with the process, however that ends.
    """
    folder = store.folder_of(dataset)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreBusyError(f"{dataset}: another command writes it; wait for it to end") from error
        for left_over in folder.glob(f"*{TEMPORARY}"):
            left_over.unlink()
        yield Writer(folder, dataset, now_ns)
    finally:
        os.close(lock)
