"""OKX's feed as market-data sees it."""

from __future__ import annotations

from seawall_venues.feed import Dialect

from . import parse
from .book import DepthBook
from .limits import LISTED_TRADES
from .symbols import VENUE

# ``seqId`` counts an instrument's market data, not a channel's: the documentation shows ``bbo-tbt`` and
# ``books5`` with one number and one top of book, and orders the channels of one number on a connection.
QUOTES_SHARE_NUMBERS = True
# Of ``trades-all`` and of the list over REST; ``trades`` adds several up, so it is not asked for.
TRADES_ARE_NUMBERED = True

DIALECT = Dialect(
    venue=VENUE,
    new_book=DepthBook,
    parse_depth=parse.parse_depth,
    parse_snapshot=parse.parse_snapshot,
    parse_quote=parse.parse_quote,
    parse_trade=parse.parse_trade,
    parse_candle=parse.parse_candle,
    parse_funding=parse.parse_funding,
    parse_trades=parse.parse_trades,
    parse_bars=parse.parse_bars,
    resync="resubscription",
    proof="sequence",
    trades_are_numbered=TRADES_ARE_NUMBERED,
    quotes_share_numbers=QUOTES_SHARE_NUMBERS,
    bar_intervals_ms=frozenset(parse.CANDLES),
    listed_trades=LISTED_TRADES,
)
