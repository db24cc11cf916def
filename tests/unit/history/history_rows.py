"""Rows that the tests of the history share."""

from __future__ import annotations

from typing import Any

import polars as pl

from seawall_history.intervals import MINUTE_NS
from seawall_history.names import Dataset
from seawall_history.schema import CANDLES

BEGIN_NS = 1_746_144_000_000_000_000  # 2025-05-02
NOW_NS = BEGIN_NS + 400 * 86_400_000_000_000
MINUTES = Dataset("binance-usdm", "BTC-USDT-PERP", "candles", MINUTE_NS)


def candles(minutes: list[int], *, source: str = "one", **columns: Any) -> pl.DataFrame:
    """Candles of some minutes after the beginning, true and alike; columns replace what they name."""
    frame = pl.DataFrame(
        {"ts_open_ns": [BEGIN_NS + minute * MINUTE_NS for minute in minutes]}, schema={"ts_open_ns": pl.Int64}
    )
    frame = frame.with_columns(
        *(pl.lit(value).alias(name) for name, value in (("open", 100.0), ("high", 101.0), ("low", 99.0))),
        *(pl.lit(value).alias(name) for name, value in (("close", 100.5), ("volume", 3.0), ("source", source))),
    )
    return CANDLES.shaped(frame.with_columns(pl.Series(name, values, strict=False) for name, values in columns.items()))
