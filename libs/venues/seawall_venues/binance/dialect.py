"""Binance USD-M's feed as market-data sees it."""

from __future__ import annotations

from seawall_venues.feed import Dialect

from . import parse
from .book import DepthBook
from .symbols import VENUE

LISTED_TRADES = 1_000  # the most that the venue lists at once
# The candles that USD-M futures offer up to a day; unlike spot there are none of a second.
KLINE_INTERVALS = {
    60_000: "1m",
    180_000: "3m",
    300_000: "5m",
    900_000: "15m",
    1_800_000: "30m",
    3_600_000: "1h",
    7_200_000: "2h",
    14_400_000: "4h",
    21_600_000: "6h",
    28_800_000: "8h",
    43_200_000: "12h",
    86_400_000: "1d",
}

DIALECT = Dialect(
    venue=VENUE,
    new_book=lambda _instrument: DepthBook(),
    parse_depth=parse.parse_depth,
    parse_snapshot=parse.parse_snapshot,
    parse_quote=parse.parse_quote,
    parse_trade=parse.parse_trade,
    parse_candle=parse.parse_candle,
    parse_funding=parse.parse_funding,
    parse_trades=parse.parse_trades,
    parse_bars=parse.parse_bars,
    resync="snapshot",
    proof="sequence",
    trades_are_numbered=True,
    quotes_share_numbers=True,
    quotes_are_complete=True,
    bar_intervals_ms=frozenset(KLINE_INTERVALS),
    listed_trades=LISTED_TRADES,
)
