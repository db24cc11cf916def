"""Which rows may be stored: what cannot be true is never kept, whoever says it."""

from __future__ import annotations

import polars as pl

from seawall_history.intervals import anchor_ns
from seawall_history.schema import SCHEMAS, Kind

from .common import FIRST_NS, is_good

_PRICES = ("open", "high", "low", "close")


def storable(kind: Kind, interval_ns: int, now_ns: int) -> pl.Expr:
    """Return whether a row can be true: finite numbers, a high that is the highest, a time that was, on the grid."""
    time = pl.col(SCHEMAS[kind].time)
    timely = time.is_not_null() & (time >= FIRST_NS) & (time <= now_ns)
    if kind == "candles":
        return (timely & (time % interval_ns == anchor_ns(interval_ns) % interval_ns) & _candle()).fill_null(False)
    if kind == "funding":
        return (timely & pl.col("funding_rate").is_finite() & _none_or_good("mark_price", positive=True)).fill_null(
            False
        )
    numbers = is_good("price", positive=True) & is_good("quantity", positive=True)
    return (timely & numbers & pl.col("aggressor").is_not_null() & pl.col("trade_id").is_not_null()).fill_null(False)


def _candle() -> pl.Expr:
    prices = pl.all_horizontal(is_good(name, positive=True) for name in _PRICES)
    volumes = is_good("volume", positive=False) & pl.all_horizontal(
        _none_or_good(name, positive=False) for name in ("quote_volume", "buy_volume", "trade_count")
    )
    highest = pl.col("high") >= pl.max_horizontal("open", "low", "close")
    lowest = pl.col("low") <= pl.min_horizontal("open", "close")
    return prices & volumes & highest & lowest


def _none_or_good(column: str, *, positive: bool) -> pl.Expr:
    return pl.col(column).is_null() | is_good(column, positive=positive)
