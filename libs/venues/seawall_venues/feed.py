"""What every exchange's market feed has in common, so that market-data knows no venue by name.

A venue's folder has the same seven files: ``parse.py`` (bytes to events), ``book.py`` (its sync rule),
``symbols.py`` (its lists of instruments), ``limits.py``, ``errors.py``, ``session.py`` (what is said on
its sockets, without I/O) and ``dialect.py`` (these, as one value).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, Protocol

import msgspec

from seawall_proto import BarClosed, FundingPosted, Level, QuoteTicked, TradePrinted

from .book import OrderBook
from .port import Instrument

Channel = Literal["depth", "quote", "trade", "candle", "funding"]


class Verdict(Enum):
    """What a venue's sync rule says about one message."""

    WAITING = "waiting"
    """Kept until the snapshot comes, or ignored where the snapshot comes on the stream itself."""
    OLD = "old"
    """Already part of the book; ignored."""
    APPLIED = "applied"
    """In sequence, or its checksum agrees; the book is verified up to it."""
    SNAPSHOT_OLD = "snapshot older than the first update"
    """The updates since the snapshot were not all seen: another snapshot is needed."""
    GAP = "sequence gap"
    """Something was lost: the book is worthless."""
    CORRUPT = "checksum mismatch"
    """The venue's checksum is not the book's: the book is worthless."""


APPLIED, WAITING, OLD, GAP = Verdict.APPLIED, Verdict.WAITING, Verdict.OLD, Verdict.GAP
"""For the tick path: Python 3.11 takes 60 ns to look a member up in its class."""


class VerifiedBook(Protocol):
    """A book under its venue's sync rule. ``levels`` may be read only while ``is_live``.

    ``update_id`` and ``ts_venue_ns`` are the venue's number and time of the book's last change. After
    GAP or CORRUPT the book is not live and has forgotten everything but what may begin a new one.
    """

    levels: OrderBook
    is_live: bool
    update_id: int
    ts_venue_ns: int

    def apply(self, update: Any) -> Verdict:
        """Take one depth message, of the type that ``parse_depth`` returns; also a snapshot on the stream."""

    def load(self, snapshot: BookSnapshot) -> Verdict:
        """Take a snapshot over REST, and the updates kept since (only where ``resync`` is "snapshot")."""

    def reset(self) -> None:
        """Forget everything."""


class BookSnapshot(msgspec.Struct, frozen=True, gc=False):
    """An order book as a venue gives it over REST; base quantities, in any order.

    ``limit`` is how many levels a side were asked for: fewer in the answer means that there are no more.
    ``ts_venue_ns`` is 0 where the venue does not say.
    """

    update_id: int
    ts_venue_ns: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    limit: int


@dataclass(frozen=True, slots=True)
class Dialect:
    """One venue's feed in pure functions. Parsers raise MalformedFrameError, and nothing else.

    Parsers take ``(payload, instrument, ts_received_ns)`` and return base quantities; of a frame that
    tells of several instruments they return what concerns this one. ``parse_funding`` also takes what
    was last known, for venues that send only what changed; it returns None while something is missing.
    ``parse_candle`` returns the candles of a stream frame whether ended or not, ``parse_bars`` those of
    a REST answer, oldest first; both marked as repaired, since they are not built from our trades.
    ``parse_bars`` takes ``(payload, instrument, interval_ms, ts_received_ns)``, since most answers do not
    state the interval that was asked for; one that contradicts it is malformed.
    ``parse_trades`` returns the trades of a REST answer, oldest first.

    ``resync`` is how a lost book is found again: by a "snapshot" over REST, or by a "resubscription"
    that brings one on the stream. ``proof`` is what shows that nothing was lost: numbers of the book's
    own, a checksum, or numbers of the whole connection.
    ``trades_are_numbered`` is True where ``trade_id`` rises by one from trade to trade of an instrument.
    ``quotes_share_numbers`` is True where a quote's ``update_id`` is the book's own number, so that both
    must agree at the same number; ``quotes_are_complete`` where, besides, every change of the best bid or
    ask is a quote, so that the newest quote up to a book's number is its top. ``bar_intervals_ms`` are the
    bars that the venue itself can deliver over REST; its stream may have fewer, which its plans know.
    ``listed_trades`` is how many trades ``trades_request`` asks for at most.
    """

    venue: str
    new_book: Callable[[Instrument], VerifiedBook]
    parse_depth: Callable[[bytes, Instrument], Any]
    parse_snapshot: Callable[[bytes, Instrument], BookSnapshot]
    parse_quote: Callable[[bytes, Instrument, int], QuoteTicked | None]
    parse_trade: Callable[[bytes, Instrument, int], tuple[TradePrinted, ...]]
    parse_candle: Callable[[bytes, Instrument, int], tuple[BarClosed, ...]]
    parse_funding: Callable[[bytes, Instrument, int, FundingPosted | None], FundingPosted | None]
    parse_trades: Callable[[bytes, Instrument, int], tuple[TradePrinted, ...]]
    parse_bars: Callable[[bytes, Instrument, int, int], tuple[BarClosed, ...]]
    resync: Literal["snapshot", "resubscription"]
    proof: Literal["sequence", "checksum", "connection"]
    trades_are_numbered: bool
    quotes_share_numbers: bool
    bar_intervals_ms: frozenset[int]
    listed_trades: int
    quotes_are_complete: bool = False
