"""The history as files: Parquet in folders named for what they hold, one file a month (trades: a day).

```
venue=binance-usdm/symbol=BTC-USDT-PERP/kind=candles/interval=1m/2025-05.parquet
                                                                 manifest.json
```
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from .errors import BadInputError, StoreError
from .files import UNREADABLE
from .intervals import interval_ns_of
from .manifest import FILE, Manifest, part_path, read_manifest
from .names import Dataset
from .schema import SCHEMAS, Kind

DEFAULT_FOLDER = Path(".data/history")


class Store:
    """The history below one folder. Reading needs no lock: every file is whole at every moment."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)

    def candles(
        self, venue: str, symbol: str, interval_ns: int, ts_from_ns: int | None = None, ts_to_ns: int | None = None
    ) -> pl.LazyFrame:
        """Return the candles that open in ``[ts_from_ns, ts_to_ns)``, oldest first, as ``schema.CANDLES``.

        Raises StoreError where there is no such history at all; a range without candles gives no rows.
        """
        return self.rows(Dataset(venue, symbol, "candles", interval_ns), ts_from_ns, ts_to_ns)

    def funding(
        self, venue: str, symbol: str, ts_from_ns: int | None = None, ts_to_ns: int | None = None
    ) -> pl.LazyFrame:
        """Return the funding rates charged in ``[ts_from_ns, ts_to_ns)``, oldest first, as ``schema.FUNDING``."""
        return self.rows(Dataset(venue, symbol, "funding"), ts_from_ns, ts_to_ns)

    def trades(
        self, venue: str, symbol: str, ts_from_ns: int | None = None, ts_to_ns: int | None = None
    ) -> pl.LazyFrame:
        """Return the trades of ``[ts_from_ns, ts_to_ns)``, oldest first, as ``schema.TRADES``."""
        return self.rows(Dataset(venue, symbol, "trades"), ts_from_ns, ts_to_ns)

    def rows(self, dataset: Dataset, ts_from_ns: int | None = None, ts_to_ns: int | None = None) -> pl.LazyFrame:
        """Return the rows of any history in a range of time; only the files that can hold some are read."""
        schema = dataset.schema
        begin, end = _bounds(ts_from_ns, ts_to_ns)
        files = self._files(dataset, begin, end)
        if not files:
            return schema.empty().lazy()
        frame = pl.scan_parquet(files, hive_partitioning=False, glob=False).select(list(schema.columns))
        return frame.filter(pl.col(schema.time).is_between(begin, end, closed="left"))

    def chunks(
        self, dataset: Dataset, ts_from_ns: int | None = None, ts_to_ns: int | None = None
    ) -> Iterator[pl.DataFrame]:
        """Yield the rows file by file, oldest first, for what would not fit into memory at once. Raises StoreError."""
        schema = dataset.schema
        begin, end = _bounds(ts_from_ns, ts_to_ns)
        for file in self._files(dataset, begin, end):
            try:
                frame = pl.read_parquet(file, columns=list(schema.columns), hive_partitioning=False, glob=False)
            except UNREADABLE as error:
                raise StoreError(f"{file} is damaged: {error}; see 'seawall data verify'") from error
            yield frame.filter(pl.col(schema.time).is_between(begin, end, closed="left"))

    def _files(self, dataset: Dataset, begin: int, end: int) -> list[Path]:
        manifest = self.manifest(dataset)
        if manifest is None:
            held = ", ".join(str(each) for each in self.datasets() if each.symbol == dataset.symbol)
            raise StoreError(f"no {dataset} under {self.folder}: of this symbol there is {held or 'nothing'}")
        return [
            part_path(self.folder_of(dataset), name)
            for name, part in sorted(manifest.parts.items())
            if part.ts_from_ns < end and part.ts_to_ns >= begin
        ]

    def manifest(self, dataset: Dataset) -> Manifest | None:
        """Return what is known of a history, None where there is none. Raises StoreError where it is damaged."""
        return read_manifest(self.folder_of(dataset), dataset)

    def folder_of(self, dataset: Dataset) -> Path:
        """Return the folder of a history."""
        return self.folder / dataset.folder

    def datasets(self) -> list[Dataset]:
        """Return every history below the folder, in order; also one whose manifest is gone.

        Raises StoreError for a folder with a strange name.
        """
        return sorted(_dataset_of(folder, self.folder) for folder in self._folders())

    def _folders(self) -> set[Path]:
        kinds = "venue=*/symbol=*/kind=*"
        patterns = (f"{kinds}{interval}/{name}" for interval in ("", "/interval=*") for name in (FILE, "*.parquet"))
        return {path.parent for pattern in patterns for path in self.folder.glob(pattern)}


def _bounds(ts_from_ns: int | None, ts_to_ns: int | None) -> tuple[int, int]:
    return -(2**63) if ts_from_ns is None else ts_from_ns, 2**63 - 1 if ts_to_ns is None else ts_to_ns


def _dataset_of(folder: Path, root: Path) -> Dataset:
    named = dict(part.split("=", 1) for part in folder.relative_to(root).parts)
    try:
        interval_ns = interval_ns_of(named["interval"]) if "interval" in named else 0
        return Dataset(named["venue"], named["symbol"], _kind(named["kind"]), interval_ns)
    except BadInputError as error:
        raise StoreError(f"{folder} is no folder of a history: {error}") from error


def _kind(name: str) -> Kind:
    for kind in SCHEMAS:
        if kind == name:
            return kind
    raise BadInputError(f"kind {name!r}: expected one of {', '.join(SCHEMAS)}")
