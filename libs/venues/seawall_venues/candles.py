"""What holds for every venue's candles."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Protocol

from seawall_proto import BarClosed

from .port import Instrument


class Prices(Protocol):
    """The prices of a candle."""

    @property
    def open(self) -> float:
        """The first."""

    @property
    def high(self) -> float:
        """The highest."""

    @property
    def low(self) -> float:
        """The lowest."""

    @property
    def close(self) -> float:
        """The last, or the newest while the candle is open."""


def bar_of(
    prices: Prices,
    instrument: Instrument,
    open_ns: int,
    interval_ns: int,
    ts_received_ns: int,
    *,
    volume: float,
    quote_volume: float = 0.0,
    buy_volume: float = 0.0,
    trade_count: int = 0,
    ts_venue_ns: int | None = None,
) -> BarClosed:
    """Return a venue's candle as a bar, marked as repaired; what the venue does not tell of is 0.

    Volumes are in base units but for ``quote_volume``. The bar's venue time is its close where none is given.
    """
    close_ns = open_ns + interval_ns
    return BarClosed(
        id=f"{instrument.venue}.{instrument.symbol}.bar.{interval_ns}.{open_ns}",
        ts_received_ns=ts_received_ns,
        venue=instrument.venue,
        symbol=instrument.symbol,
        ts_venue_ns=close_ns if ts_venue_ns is None else ts_venue_ns,
        interval_ns=interval_ns,
        ts_open_ns=open_ns,
        ts_close_ns=close_ns,
        open=prices.open,
        high=prices.high,
        low=prices.low,
        close=prices.close,
        volume=volume,
        quote_volume=quote_volume,
        buy_volume=buy_volume,
        trade_count=trade_count,
        repaired=True,
    )


def overlap(opens: Iterable[int], interval: int) -> bool:
    """True where two candles begin closer to each other than the interval, in whichever unit: it is another one."""
    return any(later - earlier < interval for earlier, later in pairwise(sorted(opens)))
