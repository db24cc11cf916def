"""The verified book changed."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import BookChanged, Event

from .state import Instrument


def decide(state: Instrument, event: BookChanged) -> tuple[Instrument, Sequence[Event]]:
    """Keep it for the next bar; what it says is worked out once a bar, not ten times a second."""
    if state.book is None or event.ts_venue_ns >= state.book.ts_venue_ns:
        state.book = event
    return state, ()
