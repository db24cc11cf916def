"""Bybit's two feeds as market-data sees them."""

from __future__ import annotations

from seawall_venues.feed import Dialect

from . import parse
from .book import DepthBook
from .limits import LISTED_TRADES
from .symbols import LINEAR, SPOT

# The candles up to a day, by what the venue calls them.
KLINE_INTERVALS = {
    60_000: "1",
    180_000: "3",
    300_000: "5",
    900_000: "15",
    1_800_000: "30",
    3_600_000: "60",
    7_200_000: "120",
    14_400_000: "240",
    21_600_000: "360",
    43_200_000: "720",
    86_400_000: "D",
}


def _dialect(venue: str) -> Dialect:
    return Dialect(
        venue=venue,
        new_book=lambda instrument: DepthBook(),
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
        trades_are_numbered=False,  # contracts name them by chance, spot by numbers with holes
        # ``seq`` and ``cs`` are one number line: of the recorded tickers, 1 002 of 1 002 prices are those of
        # the book between whose numbers they stand. But a book and a ticker never carried the same number
        # (0 of 505), so that they must agree there is likely and not shown; a check that is not shown to hold
        # could drop good books for ever.
        quotes_share_numbers=False,
        bar_intervals_ms=frozenset(KLINE_INTERVALS),
        listed_trades=LISTED_TRADES[venue],
    )


LINEAR_DIALECT = _dialect(LINEAR)
SPOT_DIALECT = _dialect(SPOT)
