"""The one request of an order came back."""

from __future__ import annotations

from seawall_proto import OrderState
from seawall_venues.outcomes import LOCAL_RATE_LIMIT, NOT_SENT
from seawall_venues.port import Outcome

from .facts import OrderAnswered
from .graph import UNSETTLED
from .placing import drive_flattening
from .state import Account
from .tracking import Out, move, report, search

NEVER_LEFT = frozenset({NOT_SENT, LOCAL_RATE_LIMIT})


def decide(state: Account, event: OrderAnswered) -> tuple[Account, Out]:
    """Take over what the answer proves; where it proves nothing the order is unknown and looked for."""
    tracked = state.tracked(event.client_order_id)
    if tracked is None:
        return state, []
    result = event.result
    tracked.note_sent(result.ts_sent_ns)
    reason = " ".join(part for part in (result.code, result.message) if part)
    out: Out = []
    if result.outcome is Outcome.ACCEPTED and result.order is not None:
        out = report(state, tracked, result.order)
    elif tracked.change.state in UNSETTLED:
        if result.outcome is Outcome.REJECTED:
            to = OrderState.NOT_PLACED if result.code in NEVER_LEFT else OrderState.REJECTED
            out = move(state, tracked, to, reason=reason)
        else:
            tracked.since_ns = event.ts_received_ns
            out = move(state, tracked, OrderState.UNKNOWN, reason=reason or "no proof") + search(state, tracked)
    return state, out + drive_flattening(state, tracked.change.symbol, event.ts_received_ns, settled=False)
