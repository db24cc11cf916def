"""Binance spot's feed as market-data sees it."""

from __future__ import annotations

from seawall_venues.binance import dialect as usdm
from seawall_venues.binance import parse as shared
from seawall_venues.feed import Dialect
from seawall_venues.parsing import no_funding

from .book import SpotBook
from .parse import parse_depth
from .symbols import VENUE

KLINE_INTERVALS = {1_000: "1s", **usdm.KLINE_INTERVALS}

DIALECT = Dialect(
    venue=VENUE,
    new_book=lambda _instrument: SpotBook(),
    parse_depth=parse_depth,
    parse_snapshot=shared.parse_snapshot,
    parse_quote=shared.parse_quote,
    parse_trade=shared.parse_trade,
    parse_candle=shared.parse_candle,
    parse_funding=no_funding,
    parse_trades=shared.parse_trades,
    parse_bars=shared.parse_bars,
    resync="snapshot",
    proof="sequence",
    trades_are_numbered=True,
    quotes_share_numbers=True,
    quotes_are_complete=True,
    bar_intervals_ms=frozenset(KLINE_INTERVALS),
    listed_trades=usdm.LISTED_TRADES,
)
