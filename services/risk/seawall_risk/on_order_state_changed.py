"""An order moved: what it may still fill counts, and all of it while its outcome is unknown."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import Event, OrderStateChanged

from .exposure import book_order
from .state import Portfolio


def decide(state: Portfolio, event: OrderStateChanged) -> tuple[Portfolio, Sequence[Event]]:
    """Replace the approval by its order, and the order by its newest state."""
    state.advance(event.ts_received_ns)
    account = state.account_of(event.venue, event.account)
    if account is not None:
        book_order(state, account, event)
    return state, ()
