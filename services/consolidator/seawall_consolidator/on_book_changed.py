"""The top of one market's verified book."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import BookChanged, Event

from .pace import price_changed, say_due
from .state import Consolidation


def decide(state: Consolidation, event: BookChanged) -> tuple[Consolidation, Sequence[Event]]:
    """Keep the depth, and the best levels as the price: some venues have no other best quote."""
    state.advance(event.ts_received_ns)
    said: list[Event] = []
    entry = state.entry_of(event.venue, event.symbol)
    if entry is not None and entry.takes(event):
        bid = event.bids[0][0] if event.bids else 0.0
        ask = event.asks[0][0] if event.asks else 0.0
        entry.set_price(bid, ask, event)
        entry.set_depth(event)
        said = price_changed(state, entry, event.id)
    return state, said + say_due(state, event.id)
