"""Kraken spot's feed as market-data sees it."""

from __future__ import annotations

from seawall_venues.feed import Dialect
from seawall_venues.parsing import no_funding

from . import parse, parse_rest
from .book import DepthBook
from .limits import CANDLE_MINUTES, LISTED_TRADES
from .symbols import VENUE

DIALECT = Dialect(
    venue=VENUE,
    new_book=DepthBook,
    parse_depth=parse.parse_depth,
    parse_snapshot=parse_rest.parse_snapshot,
    parse_quote=parse.parse_quote,
    parse_trade=parse.parse_trade,
    parse_candle=parse.parse_candle,
    parse_funding=no_funding,
    parse_trades=parse_rest.parse_trades,
    parse_bars=parse_rest.parse_bars,
    resync="resubscription",
    proof="checksum",
    trades_are_numbered=True,
    quotes_share_numbers=False,
    bar_intervals_ms=frozenset(CANDLE_MINUTES),
    listed_trades=LISTED_TRADES,
)
