"""The feed of one market became live, or stopped being so, or is as it was."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import Event, FeedChanged

from .pace import price_changed, say_due
from .state import Consolidation


def decide(state: Consolidation, event: FeedChanged) -> tuple[Consolidation, Sequence[Event]]:
    """Forget the price of a feed that is not live; of one that is live again, only what comes from now on counts."""
    state.advance(event.ts_received_ns)
    said: list[Event] = []
    entry = state.entry_of(event.venue, event.symbol)
    if entry is not None and event.ts_received_ns >= entry.feed_ns:
        before, entry.feed, entry.feed_ns = entry.feed, event.state, event.ts_received_ns
        if event.state != "live" or before not in {None, "live"}:
            entry.since_ns = event.ts_received_ns
        if event.state != before and entry.has_price:
            if event.state != "live":
                entry.clear_price()
            said = price_changed(state, entry, event.id)
    return state, said + say_due(state, event.id)
