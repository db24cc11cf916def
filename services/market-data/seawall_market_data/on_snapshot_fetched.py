"""A snapshot of the book came."""

from __future__ import annotations

from seawall_venues.feed_errors import MalformedFrameError

from .book_sync import fetch_again, take_snapshot
from .commands import Said
from .facts import SnapshotFetched
from .feed_state import trouble
from .state import Market


def decide(state: Market, event: SnapshotFetched) -> tuple[Market, Said]:
    """Synchronise with it, or ask again where it is no snapshot."""
    try:
        snapshot = state.dialect.parse_snapshot(event.payload, state.instrument)
    except MalformedFrameError as error:
        return state, [trouble(state, "malformed_frame", str(error)), *fetch_again(state, event.request)]
    return state, take_snapshot(state, snapshot, event.request, event.ts_received_ns)
