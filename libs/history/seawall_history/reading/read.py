"""A file as rows of one kind, each with its number in the file, nothing repaired and nothing left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from seawall_history.errors import BadInputError
from seawall_history.intervals import MINUTE_NS
from seawall_history.schema import SCHEMAS, Kind, Schema

from . import columns
from .file_names import FileWords, symbol_of_pair, words_of
from .tables import Table, read_table
from .times import times_of

ROW = "row"
AGGREGATED = "agg-"  # before the id of a trade that stands for several, whose ids are counted apart


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file holds: ``frame`` has the columns of its schema and ``row``, and may hold anything.

    ``zone`` is the zone its times were in where that was not UTC; ``raw`` the texts the numbers came
    from, by column, where the file is text.
    """

    path: Path
    words: FileWords
    kind: Kind
    frame: pl.DataFrame
    zone: str
    raw: pl.DataFrame | None

    @property
    def schema(self) -> Schema:
        """The columns of this kind."""
        return SCHEMAS[self.kind]

    def found(self, row: int, column: str) -> str:
        """Return what the file says in a cell, as it says it."""
        if self.raw is not None and column in self.raw.columns:
            return repr(self.raw[column][row - int(self.frame[ROW][0])])
        return str(self.frame[column][row - int(self.frame[ROW][0])])


def read_file(path: Path, *, kind: Kind | None = None) -> Reading:
    """Read a file as what it is, or as the kind that is said. Raises BadInputError."""
    table = read_table(path)
    words = words_of(path)
    of_kind = kind or words.kind or columns.kind_of(table.frame)
    if of_kind is None:
        raise BadInputError(f"{path}: columns {', '.join(table.frame.columns)}: expected candles, funding or trades")
    if table.frame.is_empty():
        raise BadInputError(f"{path}: no rows")
    if not words.symbol and "symbol" in table.frame.columns:
        words = replace(words, symbol=symbol_of_pair(str(table.frame["symbol"][0])))
    time = columns.first_of(columns.TIME, table.frame)
    if not time:
        raise BadInputError(f"{path}: no column of times among {', '.join(table.frame.columns)}")
    times, zone = times_of(table.frame[time], str(path))
    if of_kind == "funding":
        # Venues stamp a rate some milliseconds after the minute it is due.
        times = (times + MINUTE_NS // 2) // MINUTE_NS * MINUTE_NS
    frame, raw = _rows(table, of_kind, path)
    schema = SCHEMAS[of_kind]
    source = f"{path.parent.name}/{path.name}" if path.parent.name else path.name
    frame = schema.shaped(frame.with_columns(times.alias(schema.time), pl.lit(source).alias("source")))
    rows = pl.int_range(table.first_row, table.first_row + frame.height, dtype=pl.Int64, eager=True).alias(ROW)
    raw = raw.with_columns(table.frame[time].alias(schema.time)) if raw is not None else None
    return Reading(path, words, of_kind, frame.with_columns(rows), zone, raw)


def _rows(table: Table, kind: Kind, path: Path) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Return our columns (without time and source) as numbers, and as texts where the file is text."""
    if kind == "candles":
        named = columns.candle_columns(table.frame, path)
    elif kind == "funding":
        named = columns.numbers(table.frame, columns.FUNDING)
        if "funding_rate" not in named and "open" in table.frame.columns:
            named["funding_rate"] = "open"  # freqtrade keeps the rate where a candle has its open
        if "funding_rate" not in named:
            raise BadInputError(f"{path}: no column for funding_rate among {', '.join(table.frame.columns)}")
    else:
        return _trades(table.frame, path)
    raw = table.frame.select(pl.col(name).alias(ours) for ours, name in named.items())
    frame = raw.select(pl.col(name).cast(pl.Float64, strict=False) for name in raw.columns)
    frame = frame.select(pl.col(name).cast(SCHEMAS[kind].columns[name], strict=False) for name in raw.columns)
    is_text = any(dtype == pl.String for dtype in raw.dtypes)
    return frame, raw if is_text else None


def _trades(frame: pl.DataFrame, path: Path) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    named = columns.numbers(frame, columns.TRADES)
    single, aggregated = columns.first_of(columns.TRADE_IDS, frame), columns.first_of(columns.AGGREGATED_IDS, frame)
    side = columns.first_of(("side", "aggressor", "is_buyer_maker", "isbuyermaker"), frame)
    absent = [name for name in columns.TRADES if name not in named]
    absent += ["trade_id"] * (not single and not aggregated) + ["side or is_buyer_maker"] * (not side)
    if absent:
        raise BadInputError(f"{path}: no column for {', '.join(absent)} among {', '.join(frame.columns)}")
    told = pl.col(side).cast(pl.String).str.to_lowercase()
    if side.startswith("is"):  # the buyer was waiting, so the seller took
        aggressor = told.replace_strict({"true": "sell", "false": "buy"}, default=None)
    else:
        aggressor = told.replace_strict({"buy": "buy", "sell": "sell", "b": "buy", "s": "sell"}, default=None)
    identity = pl.col(single).cast(pl.String) if single else AGGREGATED + pl.col(aggregated).cast(pl.String)
    raw = frame.select(pl.col(name).alias(ours) for ours, name in named.items())
    rows = frame.select(
        identity.alias("trade_id"),
        *(pl.col(name).cast(pl.Float64, strict=False).alias(ours) for ours, name in named.items()),
        aggressor.alias("aggressor"),
    )
    return rows, raw if any(dtype == pl.String for dtype in raw.dtypes) else None
