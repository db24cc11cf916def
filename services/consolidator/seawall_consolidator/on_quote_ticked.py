"""The best bid and ask of one market."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import Event, QuoteTicked

from .pace import price_changed, say_due
from .state import Consolidation


def decide(state: Consolidation, event: QuoteTicked) -> tuple[Consolidation, Sequence[Event]]:
    """Keep the price, and say its asset's view when its pace allows."""
    state.advance(event.ts_received_ns)
    said: list[Event] = []
    entry = state.entry_of(event.venue, event.symbol)
    if entry is not None and entry.takes(event):
        entry.set_price(event.bid_price, event.ask_price, event)
        said = price_changed(state, entry, event.id)
    return state, said + say_due(state, event.id)
