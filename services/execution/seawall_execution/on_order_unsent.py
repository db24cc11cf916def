"""An order was held back because its time was over."""

from __future__ import annotations

from .facts import OrderUnsent
from .graph import UNSETTLED
from .state import Account
from .tracking import Out, search


def decide(state: Account, event: OrderUnsent) -> tuple[Account, Out]:
    """Ask the venue before saying that the order was never placed."""
    tracked = state.tracked(event.client_order_id)
    if tracked is None or tracked.change.state not in UNSETTLED:
        return state, []
    tracked.unsent = event.reason
    return state, search(state, tracked, after_ms=0)
