"""What market-data remembers of one symbol."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import msgspec

from seawall_proto import BarClosed, BookChanged, FeedState, FundingPosted, Level, QuoteTicked
from seawall_venues.feed import Channel, Dialect, VerifiedBook
from seawall_venues.instruments import unlisted
from seawall_venues.port import Instrument

from .activity_bars import ActivityBarBuilder, ActivityKind
from .bars import BarBuilder
from .feed_clock import FeedClock
from .feed_pace import FeedPace
from .feed_tally import FeedTally
from .trade_line import TradeLine

RECENT_QUOTES = 512  # two seconds of the busiest best quote; older ones are never compared


class Top(NamedTuple):
    """The book's best levels at one of its numbers."""

    update_id: int
    bid: Level | None
    ask: Level | None


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How bars are cut, how often books and quotes are said, and when a feed is not to be trusted.

    While a feed is not live for ``poll_after_ns`` the book is read over REST every ``poll_every_ns``.
    """

    bar_interval_ns: int
    book_levels: int
    book_every_ns: int
    quote_every_ns: int
    stale_after_ns: int
    poll_after_ns: int = 2_000_000_000
    poll_every_ns: int = 2_000_000_000
    activity_bars: tuple[tuple[ActivityKind, float], ...] = ()


class Market:
    """One symbol's feed: its book, its quotes, its trades and bars, and whether they can be trusted."""

    __slots__ = (
        "announced_ns",
        "book",
        "book_bucket",
        "book_pending",
        "book_said",
        "candle",
        "clock",
        "connected",
        "depth_counted_ns",
        "depth_received_ns",
        "dialect",
        "feed",
        "feed_since_ns",
        "frozen",
        "funding",
        "heard_ns",
        "instrument",
        "is_listed",
        "last_quote_id",
        "last_quote_ns",
        "last_quote_venue_ns",
        "live_since_ns",
        "pace",
        "polled_ns",
        "quote_bucket",
        "quote_doubts",
        "quote_pending",
        "quote_reference",
        "reason",
        "recent_quotes",
        "refresh",
        "refreshed_ns",
        "refusals",
        "renewals",
        "renewed_ns",
        "settings",
        "snapshot_attempt",
        "snapshot_request",
        "snapshot_wanted",
        "symbol",
        "tally",
        "trades",
        "unlisted",
        "unproven",
        "venue",
    )

    def __init__(self, dialect: Dialect, symbol: str, settings: Settings) -> None:
        self.venue = dialect.venue
        self.symbol = symbol
        self.dialect = dialect
        self.settings = settings
        self.instrument: Instrument = unlisted(dialect.venue, symbol, symbol)
        self.is_listed = False  # until the venue's own rules are known
        self.announced_ns = 0
        self.tally = FeedTally()

        self.connected = False
        self.feed: FeedState = "down"
        self.reason = "not connected yet"
        self.feed_since_ns = 0
        self.polled_ns = 0
        self.heard_ns = 0  # when the last frame of any channel arrived
        self.clock = FeedClock()
        self.pace = FeedPace()

        self.book: VerifiedBook = dialect.new_book(self.instrument)
        self.refresh: VerifiedBook | None = None  # a deeper book being synchronised beside the live one
        self.refreshed_ns = 0
        self.snapshot_wanted = True  # by the next update, so that it is older than the snapshot
        self.snapshot_request = 0
        self.snapshot_attempt = 0
        self.renewals = 0
        self.renewed_ns = 0
        self.refusals: dict[Channel, int] = {}  # in a row, until the channel is heard
        self.unlisted = False  # the venue has no such book: asking again on this connection cannot help
        self.frozen: set[Channel] = set()  # channels that fell silent with the whole symbol, until they are heard
        self.live_since_ns = 0
        self.depth_received_ns = 0
        self.depth_counted_ns = 0
        self.book_bucket = 0
        self.book_pending = False
        self.book_said: BookChanged | None = None  # the newest, polled or not

        self.last_quote_id = 0
        self.last_quote_ns = 0  # when it arrived
        self.last_quote_venue_ns = 0
        self.recent_quotes: deque[QuoteTicked] = deque(maxlen=RECENT_QUOTES)  # newer than the book
        self.quote_reference: QuoteTicked | None = None  # the newest that is not
        self.quote_doubts = 0
        self.unproven: deque[Top] = deque(maxlen=RECENT_QUOTES)  # tops of the book that no later quote has followed
        self.quote_bucket = 0
        self.quote_pending: QuoteTicked | None = None

        self.candle: BarClosed | None = None  # the venue's own, still open as far as is known
        self.funding: FundingPosted | None = None

        bars = BarBuilder(dialect.venue, symbol, settings.bar_interval_ns)
        activity = [ActivityBarBuilder(dialect.venue, symbol, kind, size) for kind, size in settings.activity_bars]
        self.trades = TradeLine(bars, dialect, activity)
