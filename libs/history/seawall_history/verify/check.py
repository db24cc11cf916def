"""A file, a folder of files, or a selection of the store, checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from seawall_history.errors import HistoryError, StoreError
from seawall_history.files import UNREADABLE, sha256_of
from seawall_history.intervals import interval_name, show_time
from seawall_history.manifest import Manifest, Part, part_path
from seawall_history.names import Dataset
from seawall_history.reading.file_names import SUFFIXES
from seawall_history.reading.read import ROW, Reading, read_file
from seawall_history.schema import Kind
from seawall_history.store import Store

from .candles import CandleCheck, usual_interval_ns
from .common import in_frame
from .defects import Report
from .others import TradeCheck, check_funding


def data_files(path: Path) -> list[Path]:
    """Return the file, or every file below the folder whose ending is a known one, in order."""
    if path.is_dir():
        return sorted(each for each in path.rglob("*") if each.name.endswith(SUFFIXES) and each.is_file())
    return [path]


def check_file(path: Path, *, now_ns: int, kind: Kind | None = None, interval_ns: int = 0) -> Report:
    """Check a file as it is, before any import. A file that cannot be read at all is a defect of its own."""
    try:
        reading = read_file(path, kind=kind)
    except HistoryError as error:
        report = Report(str(path))
        report.add("file", 0, None, str(error))
        return report
    return check_reading(reading, now_ns=now_ns, interval_ns=interval_ns)


def check_reading(reading: Reading, *, now_ns: int, interval_ns: int = 0) -> Report:
    """Check what was read from a file; without a word on it, candles have the interval that is their commonest step."""
    report = Report(str(reading.path), reading.kind)
    frame, schema = reading.frame, reading.schema
    if reading.zone:
        reason = f"times are in {reading.zone}; expected UTC (an import converts them)"
        report.add("zone", int(frame[ROW][0]), frame[schema.time][0], reason)
    if reading.kind == "funding":
        check_funding(frame, report, reading.found, now_ns=now_ns)
    elif reading.kind == "trades":
        TradeCheck(report, now_ns=now_ns).take(frame, reading.found)
    else:
        length_ns = interval_ns or reading.words.interval_ns or usual_interval_ns(frame[schema.time])
        if length_ns < 1_000_000_000:
            report.rows = frame.height
            report.add(
                "file", 0, None, "no interval: not in the name, and the rows have no common step; say --interval"
            )
            return report
        report.interval = interval_name(length_ns)
        check = CandleCheck(length_ns, report, now_ns=now_ns, volumes=not reading.words.mark)
        check.take(frame, reading.found)
        check.finish()
    return report


def check_store(store: Store, datasets: Iterable[Dataset], *, now_ns: int) -> Iterator[Report]:
    """Check histories of the store: every file against the manifest, and every row."""
    for dataset in datasets:
        report = Report(str(dataset), dataset.kind, dataset.interval)
        try:
            manifest = store.manifest(dataset)
        except StoreError as error:
            report.add("file", 0, None, str(error))
            yield report
            continue
        if manifest is None:
            report.add("file", 0, None, f"{store.folder_of(dataset)} has no manifest; import its files again")
        else:
            _check_dataset(store.folder_of(dataset), dataset, manifest, report, now_ns)
        yield report


def _check_dataset(folder: Path, dataset: Dataset, manifest: Manifest, report: Report, now_ns: int) -> None:
    for path in sorted(folder.glob("*.parquet")):
        if path.stem not in manifest.parts:
            report.add("file", 0, None, f"{path} is not in the manifest: written by another program?")
    frames = _parts(folder, dataset, manifest, report)
    if dataset.kind == "candles":
        check = CandleCheck(dataset.interval_ns, report, now_ns=now_ns)
        for part, frame in frames:
            check.take(frame, in_frame(frame), closed_by_ns=part.ts_written_ns)
        check.finish()
    elif dataset.kind == "trades":
        trades = TradeCheck(report, now_ns=now_ns)
        for _, frame in frames:
            trades.take(frame, in_frame(frame))
    elif rates := [frame for _, frame in frames]:
        frame = pl.concat(rates)
        check_funding(frame, report, in_frame(frame), now_ns=now_ns)


def _parts(folder: Path, dataset: Dataset, manifest: Manifest, report: Report) -> Iterator[tuple[Part, pl.DataFrame]]:
    """Yield the parts that are what the manifest says, their rows numbered through from 1; note the others."""
    first_row = 1
    for name, part in sorted(manifest.parts.items()):
        path = part_path(folder, name)
        frame = _read(path, dataset, part, report)
        if frame is not None:
            yield part, frame.with_columns(pl.int_range(first_row, first_row + frame.height).alias(ROW))
        first_row += part.rows


def _read(path: Path, dataset: Dataset, part: Part, report: Report) -> pl.DataFrame | None:
    schema = dataset.schema
    try:
        found = sha256_of(path)
        if found != part.sha256:
            report.add("file", 0, None, f"{path} has sha256 {found[:16]}…, expected {part.sha256[:16]}…")
            return None
        frame = pl.read_parquet(path, hive_partitioning=False, glob=False)
    except UNREADABLE as error:
        report.add("file", 0, None, f"{path} cannot be read: {error}")
        return None
    if frame.schema != pl.Schema(schema.columns):
        report.add("file", 0, None, f"{path} has columns {dict(frame.schema)}, expected {dict(schema.columns)}")
        return None
    time = frame[schema.time]
    if (frame.height, time[0], time[-1]) != (part.rows, part.ts_from_ns, part.ts_to_ns):
        reason = f"{frame.height} rows from {show_time(time[0])} to {show_time(time[-1])}"
        report.add("file", 0, None, f"{path} holds {reason}, expected {part.rows} as the manifest says")
    return frame
