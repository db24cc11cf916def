"""The book came over REST while the stream was away."""

from __future__ import annotations

from seawall_venues.feed_errors import MalformedFrameError

from .commands import Said
from .facts import BookPolled
from .feed_state import trouble
from .polling import say_polled
from .state import Market


def decide(state: Market, event: BookPolled) -> tuple[Market, Said]:
    """Say it, marked as polled; as soon as the stream is good again it is ignored."""
    if state.feed == "live":
        return state, []
    try:
        snapshot = state.dialect.parse_snapshot(event.payload, state.instrument)
    except MalformedFrameError as error:
        return state, [trouble(state, "malformed_frame", str(error))]
    return state, say_polled(state, snapshot, event.ts_received_ns)
