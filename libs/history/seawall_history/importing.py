"""Files into the store: each named, checked, merged; what cannot be true is refused, what differs is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from .errors import BadInputError, BadRowsError, HistoryError
from .intervals import interval_name
from .merge import Merged
from .names import Dataset, check_symbol
from .reading.file_names import FileWords, words_of
from .reading.read import ROW, Reading, read_file
from .schema import FUNDING, Kind
from .store import Store
from .verify.candles import usual_interval_ns
from .verify.check import check_reading, data_files
from .verify.storable import storable
from .writer import writing

SHOWN_REASONS = 3
_BLOCKING = frozenset({"number", "shape", "grid", "time"})


@dataclass(frozen=True, slots=True)
class Said:
    """What the user says of the files; what is empty is taken from their names and columns."""

    venue: str = ""
    symbol: str = ""
    kind: Kind | None = None
    interval_ns: int = 0


@dataclass(slots=True)
class Imported:
    """What became of one file. ``error`` says why nothing of it was stored."""

    path: Path
    dataset: str = ""
    rows: int = 0
    left_out: int = 0
    merged: Merged = field(default_factory=Merged)
    notes: list[str] = field(default_factory=list)
    error: str = ""


def import_files(
    store: Store,
    path: Path,
    said: Said,
    *,
    now_ns: Callable[[], int],
    replace_held: bool = False,
    drop_bad: bool = False,
) -> Iterator[Imported]:
    """Import a file, or every file below a folder, and yield what became of each.

    Mark prices come last: they are put at the funding rates they belong to. Raises BadInputError where
    the path holds no file that can be read.
    """
    files = data_files(path)
    if not path.exists() or not files:
        raise BadInputError(f"{path}: {'no file of data in it' if path.exists() else 'there is nothing'}")
    for file in sorted(files, key=lambda file: (words_of(file).mark, str(file))):
        result = Imported(file)
        try:
            _import_file(store, file, said, result, now_ns, replace_held=replace_held, drop_bad=drop_bad)
        except HistoryError as error:
            result.error = str(error)
        yield result


def _import_file(
    store: Store,
    path: Path,
    said: Said,
    result: Imported,
    now_ns: Callable[[], int],
    *,
    replace_held: bool,
    drop_bad: bool,
) -> None:
    reading = read_file(path, kind=said.kind)
    result.rows = reading.frame.height
    words = _whole(reading, said)
    if words.mark:
        _import_marks(store, reading, words, result, now_ns, replace_held=replace_held)
        return
    dataset = Dataset(words.venue, words.symbol, reading.kind, words.interval_ns)
    result.dataset = str(dataset)
    if reading.zone:
        result.notes.append(f"times converted from {reading.zone} to UTC")
    rows = _true_rows(reading, dataset, result, now_ns(), drop_bad=drop_bad)
    with writing(store, dataset, now_ns) as writer:
        result.merged = writer.add(rows, replace=replace_held)


def _whole(reading: Reading, said: Said) -> FileWords:
    """Return all that is needed to name the history. Raises BadInputError naming what is not known."""
    words = replace(
        reading.words,
        venue=said.venue or reading.words.venue,
        symbol=said.symbol or reading.words.symbol,
        interval_ns=(said.interval_ns or reading.words.interval_ns) if reading.kind == "candles" else 0,
    )
    if not words.interval_ns and reading.kind == "candles":
        words = replace(words, interval_ns=usual_interval_ns(reading.frame[reading.schema.time]))
    unknown = [f"--{name}" for name in ("venue", "symbol") if not getattr(words, name)]
    if reading.kind == "candles" and words.interval_ns < 1:
        unknown.append("--interval")
    if unknown:
        raise BadInputError(f"{reading.path}: neither its name nor its columns tell {', '.join(unknown)}: please say")
    check_symbol(words.symbol)
    return words


def _true_rows(reading: Reading, dataset: Dataset, result: Imported, now_ns: int, *, drop_bad: bool) -> pl.DataFrame:
    """Return the rows that may be stored. Raises BadRowsError where others are there and are not to be dropped."""
    frame, interval_ns = reading.frame, dataset.interval_ns
    if interval_ns:
        usual_ns = usual_interval_ns(frame[reading.schema.time])
        if usual_ns and usual_ns != interval_ns and frame.height > 2:
            raise BadInputError(
                f"{reading.path}: most rows are {usual_ns / 1e9:g} s apart, expected {interval_name(interval_ns)}"
            )
        still_open = (pl.col(reading.schema.time) + interval_ns > now_ns) & (pl.col(reading.schema.time) <= now_ns)
        closed = frame.filter(~still_open.fill_null(False))
        if closed.height < frame.height:
            result.notes.append(f"{frame.height - closed.height} candle that had not closed: left out")
            frame = closed
    good = frame.filter(storable(reading.kind, interval_ns, now_ns))
    bad = frame.height - good.height
    if bad and not drop_bad:
        report = check_reading(reading, now_ns=now_ns, interval_ns=interval_ns)
        reasons = [f"row {each.row}: {each.reason}" for each in report.defects if each.kind in _BLOCKING]
        raise BadRowsError(
            f"{reading.path}: {bad} of {frame.height} rows cannot be true, nothing of it was stored;"
            f" --drop-bad leaves them out: {'; '.join(reasons[:SHOWN_REASONS])}"
        )
    if bad:
        result.notes.append(f"{bad} rows that cannot be true: left out")
    result.left_out = reading.frame.height - good.height
    return good.drop(ROW)


def _import_marks(
    store: Store,
    reading: Reading,
    words: FileWords,
    result: Imported,
    now_ns: Callable[[], int],
    *,
    replace_held: bool,
) -> None:
    """Put the opening mark prices at the funding rates charged at that moment; others have no place."""
    dataset = Dataset(words.venue, words.symbol, "funding")
    result.dataset = str(dataset)
    marks = reading.frame.filter(storable("candles", words.interval_ns, now_ns())).select(
        pl.col("ts_open_ns").alias(FUNDING.time), pl.col("open").alias("mark_price"), "source"
    )
    if store.manifest(dataset) is None:
        result.left_out = reading.frame.height
        result.notes.append("mark prices, but no funding rates of this symbol to put them at: import those first")
        return
    with writing(store, dataset, now_ns) as writer:
        rates = store.rows(dataset).select(FUNDING.time, "funding_rate").collect()
        rows = FUNDING.shaped(rates.join(marks, on=FUNDING.time, how="inner"))
        result.merged = writer.add(rows, replace=replace_held)
    result.left_out = reading.frame.height - rows.height
    result.notes.append(f"mark prices put at {rows.height} funding rates")
