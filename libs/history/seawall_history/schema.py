"""The columns of each kind of history, in order. Documented in docs/history.md; a test keeps the two equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

Kind = Literal["candles", "funding", "trades"]


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """One kind: its columns and types, what names a row, which may be unknown, and how its files are cut.

    ``part`` is the pattern of a part's name: one file a month, or a day where rows are many.
    """

    kind: Kind
    columns: Mapping[str, pl.DataType]
    time: str
    key: tuple[str, ...]
    optional: frozenset[str]
    part: str

    @property
    def values(self) -> tuple[str, ...]:
        """The columns in which two sources may differ."""
        return tuple(name for name in self.columns if name not in (*self.key, "source"))

    def empty(self) -> pl.DataFrame:
        """Return no rows, of these columns."""
        return pl.DataFrame(schema=pl.Schema(self.columns))

    def shaped(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the frame with exactly these columns; unknown ones where they may be are null."""
        return frame.select(
            (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
            for name, kind in self.columns.items()
        )


CANDLES = Schema(
    kind="candles",
    columns={
        "ts_open_ns": pl.Int64(),
        "open": pl.Float64(),
        "high": pl.Float64(),
        "low": pl.Float64(),
        "close": pl.Float64(),
        "volume": pl.Float64(),
        "quote_volume": pl.Float64(),
        "buy_volume": pl.Float64(),
        "trade_count": pl.Int64(),
        "source": pl.String(),
    },
    time="ts_open_ns",
    key=("ts_open_ns",),
    optional=frozenset({"quote_volume", "buy_volume", "trade_count"}),
    part="%Y-%m",
)
FUNDING = Schema(
    kind="funding",
    columns={
        "ts_funding_ns": pl.Int64(),
        "funding_rate": pl.Float64(),
        "mark_price": pl.Float64(),
        "source": pl.String(),
    },
    time="ts_funding_ns",
    key=("ts_funding_ns",),
    optional=frozenset({"mark_price"}),
    part="%Y-%m",
)
TRADES = Schema(
    kind="trades",
    columns={
        "ts_trade_ns": pl.Int64(),
        "trade_id": pl.String(),
        "price": pl.Float64(),
        "quantity": pl.Float64(),
        "aggressor": pl.String(),
        "source": pl.String(),
    },
    time="ts_trade_ns",
    key=("ts_trade_ns", "trade_id"),
    optional=frozenset(),
    part="%Y-%m-%d",
)
SCHEMAS: Mapping[Kind, Schema] = {"candles": CANDLES, "funding": FUNDING, "trades": TRADES}
