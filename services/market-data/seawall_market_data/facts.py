"""What the sockets tell the decisions: facts about one symbol's feed, never seen on the bus."""

from __future__ import annotations

from seawall_proto import Event
from seawall_venues.feed import Channel
from seawall_venues.port import Instrument


class FeedFact(Event, frozen=True, kw_only=True):
    """Something happened to the feed of one symbol at ``ts_received_ns``."""

    venue: str
    symbol: str


class InstrumentFetched(FeedFact, frozen=True, kw_only=True):
    """The venue stated the rules of the instrument."""

    instrument: Instrument


class ConnectionChanged(FeedFact, frozen=True, kw_only=True):
    """The connection that carries these channels of the symbol came or went."""

    channels: tuple[Channel, ...]
    connected: bool
    reason: str = ""


class FrameReceived(FeedFact, frozen=True, kw_only=True):
    """A frame arrived, as the venue sent it."""

    channel: Channel
    payload: bytes


class FrameLost(FeedFact, frozen=True, kw_only=True):
    """A frame on the symbol's connection could not be attributed; it may have been any of these channels'."""

    channels: tuple[Channel, ...]
    reason: str


class SubscriptionRefused(FeedFact, frozen=True, kw_only=True):
    """The venue did not accept the subscription to a channel; ``is_final`` where asking again cannot help."""

    channel: Channel
    reason: str
    is_final: bool


class BookPolled(FeedFact, frozen=True, kw_only=True):
    """The answer to PollBook came."""

    payload: bytes


class SnapshotFetched(FeedFact, frozen=True, kw_only=True):
    """The answer to FetchSnapshot ``request`` came."""

    request: int
    payload: bytes


class TradesFetched(FeedFact, frozen=True, kw_only=True):
    """The answer to FetchTrades ``request`` came; None where the venue could not be asked."""

    request: int
    payload: bytes | None


class BarsFetched(FeedFact, frozen=True, kw_only=True):
    """The answer to FetchBars came; ``interval_ms`` is that of the candles that were asked for."""

    interval_ms: int
    payload: bytes


class MomentPassed(FeedFact, frozen=True, kw_only=True):
    """Time went by: told to each symbol several times a second."""
