"""What every event carries: who it is, what caused it, and when the outside fact reached us."""

from __future__ import annotations

import hashlib

import msgspec

EventId = str


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False, gc=False):
    """A fact or a wish on the bus.

    ``id`` is derived, never random, so that reprocessing yields the same id and deduplicates.
    ``causes`` are the ids of the events that led here; the chain ends at a venue's message.
    ``ts_received_ns`` is when the outside fact that set this event off reached Seawall, in
    integer nanoseconds UTC; a decision inherits it, so ``now - ts_received_ns`` at the far end
    of a chain is the chain's latency.
    """

    id: EventId = ""
    causes: tuple[EventId, ...] = ()
    ts_received_ns: int = 0


class MarketEvent(Event, frozen=True, kw_only=True):
    """An event about one instrument at one venue; ``ts_venue_ns`` is the venue's own time."""

    venue: str
    symbol: str
    ts_venue_ns: int


class AccountEvent(Event, frozen=True, kw_only=True):
    """An event about one account at one venue."""

    venue: str
    account: str


def derive_id(source: str, causes: tuple[EventId, ...], ordinal: int) -> EventId:
    """Return the 32-hex id of the ``ordinal``-th event that ``source`` makes from ``causes``."""
    text = "\x1f".join((source, *causes, str(ordinal)))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def event_type(kind: type[Event]) -> str:
    """Return the wire tag of an event type, e.g. ``market.trade_printed.v1``."""
    tag = kind.__struct_config__.tag
    if not isinstance(tag, str):
        raise TypeError(f"{kind.__name__} is not a tagged event")
    return tag
