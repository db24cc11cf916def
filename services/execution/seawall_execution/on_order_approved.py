"""Risk approved one order."""

from __future__ import annotations

from seawall_proto import OrderApproved

from .placing import intend
from .state import Account
from .tracking import Out, alert


def decide(state: Account, event: OrderApproved) -> tuple[Account, Out]:
    """Intend the order and have it sent, once; an approval seen before changes nothing."""
    if event.id in state.intents:
        return state, []
    if not event.quantity.is_finite() or event.quantity <= 0:
        return state, [alert("approval_unusable", "critical", f"approval {event.id} is for {event.quantity}")]
    return state, intend(state, event)
