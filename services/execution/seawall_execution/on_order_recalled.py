"""An order turned out to be in the ledger already: an earlier life of this service intended it."""

from __future__ import annotations

from seawall_proto import OrderState

from .facts import OrderRecalled
from .state import Account
from .tracking import Out, move, search


def decide(state: Account, event: OrderRecalled) -> tuple[Account, Out]:
    """Take over the ledger's row. What may have been sent is looked for, never sent again."""
    tracked, known = state.tracked(event.client_order_id), event.known
    if tracked is None:
        return state, []
    if known is None:
        state.forget(event.client_order_id)
        return state, []
    if known.sequence < tracked.change.sequence:
        return state, []
    tracked.change, tracked.since_ns = known, event.ts_received_ns
    state.remember(tracked)
    out: Out = []
    if known.state is OrderState.INTENDED:
        out = move(state, tracked, OrderState.UNKNOWN, reason="may have been sent before")
    return state, out + (search(state, tracked, after_ms=0) if tracked.is_working else [])
