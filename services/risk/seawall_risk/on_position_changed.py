"""A position is now this large."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import Event, PositionChanged

from .exposure import book_position
from .state import Portfolio


def decide(state: Portfolio, event: PositionChanged) -> tuple[Portfolio, Sequence[Event]]:
    """Take over the absolute quantity."""
    state.advance(event.ts_received_ns)
    account = state.account_of(event.venue, event.account)
    if account is not None:
        book_position(account, event)
    return state, ()
