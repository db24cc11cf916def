"""The venue says how an order stands."""

from __future__ import annotations

from .booking import book_fill
from .facts import OrderReported
from .placing import drive_flattening
from .state import Account
from .tracking import Out, adopt, report


def decide(state: Account, event: OrderReported) -> tuple[Account, Out]:
    """Move the order, adopt it where it is not ours, and book its fill once."""
    order = event.order
    tracked = state.tracked(order.client_order_id) or state.tracked_at_venue(order.symbol, order.venue_order_id)
    if tracked is not None:
        tracked.note_sent(event.ts_sent_ns)
    out: Out = adopt(state, order, event.ts_received_ns) if tracked is None else report(state, tracked, order)
    if event.fill is not None:
        out += book_fill(state, event.fill)
    return state, out + drive_flattening(state, order.symbol, event.ts_received_ns, settled=False)
