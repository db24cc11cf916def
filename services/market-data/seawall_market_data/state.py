"""What market-data remembers of one symbol."""

from __future__ import annotations

from collections import deque

import msgspec

from seawall_proto import FeedState, QuoteTicked
from seawall_venues.feed import Dialect, VerifiedBook
from seawall_venues.port import Instrument

from .bars import BarBuilder
from .feed_clock import FeedClock
from .trade_line import TradeLine

RECENT_QUOTES = 512  # two seconds of the busiest best quote; older ones are never compared


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How bars are cut and how often books and quotes are said."""

    bar_interval_ns: int
    book_levels: int
    book_every_ns: int
    quote_every_ns: int
    stale_after_ns: int


class Market:
    """One symbol's feed: its book, its quotes, its trades and bars, and whether they can be trusted."""

    __slots__ = (
        "announced_ns",
        "book",
        "book_bucket",
        "book_pending",
        "clock",
        "connected",
        "depth_received_ns",
        "dialect",
        "feed",
        "heard_ns",
        "instrument",
        "last_quote_id",
        "live_since_ns",
        "quote_bucket",
        "quote_pending",
        "reason",
        "recent_quotes",
        "refresh",
        "refreshed_ns",
        "settings",
        "snapshot_attempt",
        "snapshot_request",
        "snapshot_wanted",
        "symbol",
        "trades",
        "venue",
    )

    def __init__(self, dialect: Dialect, symbol: str, settings: Settings) -> None:
        self.venue = dialect.venue
        self.symbol = symbol
        self.dialect = dialect
        self.settings = settings
        self.instrument: Instrument | None = None
        self.announced_ns = 0

        self.connected = False
        self.feed: FeedState = "down"
        self.reason = "not connected yet"
        self.heard_ns = 0  # when the last frame of any channel arrived
        self.clock = FeedClock()

        self.book: VerifiedBook = dialect.new_book()
        self.refresh: VerifiedBook | None = None  # a deeper book being synchronised beside the live one
        self.refreshed_ns = 0
        self.snapshot_wanted = True  # by the next update, so that it is older than the snapshot
        self.snapshot_request = 0
        self.snapshot_attempt = 0
        self.live_since_ns = 0
        self.depth_received_ns = 0
        self.book_bucket = 0
        self.book_pending = False

        self.last_quote_id = 0
        self.recent_quotes: deque[QuoteTicked] = deque(maxlen=RECENT_QUOTES)
        self.quote_bucket = 0
        self.quote_pending: QuoteTicked | None = None

        bars = BarBuilder(dialect.venue, symbol, settings.bar_interval_ns)
        self.trades = TradeLine(bars, dialect.bar_intervals_ms)
