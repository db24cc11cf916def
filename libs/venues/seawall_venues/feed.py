"""What every exchange's market feed has in common, so that market-data knows no venue by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, Protocol

from seawall_proto import BarClosed, FundingPosted, QuoteTicked, TradePrinted

from .book import OrderBook

Channel = Literal["depth", "quote", "trade", "funding"]


class Verdict(Enum):
    """What a venue's sync rule says about one message."""

    WAITING = "waiting"
    """Kept until the snapshot comes."""
    OLD = "old"
    """Already part of the book; ignored."""
    APPLIED = "applied"
    """In sequence; the book is verified up to it."""
    SNAPSHOT_OLD = "snapshot older than the first update"
    """The updates since the snapshot were not all seen: another snapshot is needed."""
    GAP = "sequence gap"
    """Something was lost: the book is worthless."""


class VerifiedBook(Protocol):
    """A book under its venue's sync rule. ``levels`` may be read only while ``is_live``.

    ``update_id`` and ``ts_venue_ns`` are the venue's number and time of the book's last change.
    """

    levels: OrderBook
    is_live: bool
    update_id: int
    ts_venue_ns: int

    def apply(self, update: Any) -> Verdict:
        """Take one depth update, of the type that the venue's ``parse_depth`` returns."""

    def load(self, snapshot: Any) -> Verdict:
        """Take a snapshot, and the updates kept since; of the type ``parse_snapshot`` returns."""

    def reset(self) -> None:
        """Forget everything."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One venue's feed in pure functions. Parsers raise MalformedFrameError.

    Parsers of events take ``(payload, symbol, ts_received_ns)``; ``symbol`` is ours.
    ``bar_intervals_ms`` are the bars that the venue itself can deliver.
    """

    venue: str
    new_book: Callable[[], VerifiedBook]
    parse_depth: Callable[[bytes], Any]
    parse_snapshot: Callable[[bytes], Any]
    parse_quote: Callable[[bytes, str, int], QuoteTicked]
    parse_trade: Callable[[bytes, str, int], TradePrinted | None]
    parse_funding: Callable[[bytes, str, int], FundingPosted]
    parse_trades: Callable[[bytes, str, int], tuple[TradePrinted, ...]]
    parse_bars: Callable[[bytes, str, int], tuple[BarClosed, ...]]
    bar_intervals_ms: frozenset[int]
