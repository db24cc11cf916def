"""An order was looked for everywhere."""

from __future__ import annotations

from seawall_proto import OrderState

from .commands import ReadAccount
from .facts import OrderSearched
from .graph import UNSETTLED
from .placing import drive_flattening
from .positions import ZERO
from .state import SECOND_NS, Account, Tracked
from .tracking import Out, alert, move, report, search


def decide(state: Account, event: OrderSearched) -> tuple[Account, Out]:
    """Take over what was found. Not found is not not-placed: that takes the whole quarantine and every source."""
    tracked = state.tracked(event.client_order_id)
    if tracked is None:
        return state, []
    tracked.searching = False
    tracked.searches += 1
    if event.found is not None:
        return state, _found(state, tracked, event)
    if not tracked.is_working:
        return state, []
    if not event.complete:
        return state, search(state, tracked)
    return state, _missing(state, tracked, event)


def _found(state: Account, tracked: Tracked, event: OrderSearched) -> Out:
    assert event.found is not None
    out = report(state, tracked, event.found)
    if tracked.change.state in UNSETTLED:
        return out + search(state, tracked)  # the venue's word was one we do not know
    return out + drive_flattening(state, event.symbol, event.ts_received_ns, settled=False)


def _missing(state: Account, tracked: Tracked, event: OrderSearched) -> Out:
    out: Out = []
    if tracked.change.state not in UNSETTLED:
        tracked.since_ns = event.ts_received_ns
        out = move(state, tracked, OrderState.UNKNOWN, reason="the venue does not show it any more")
    unexplained = _unexplained(state, event)
    if not unexplained and tracked.unsent and tracked.change.state is OrderState.INTENDED:
        out += move(state, tracked, OrderState.NOT_PLACED, reason=tracked.unsent)
        return out + drive_flattening(state, event.symbol, event.ts_received_ns, settled=False)
    elapsed_ns = event.ts_received_ns - tracked.since_ns
    if elapsed_ns < state.quarantine_ns:
        return out + search(state, tracked)
    if unexplained:
        return out + _warn(state, tracked, unexplained) + search(state, tracked)
    reason = f"not found in {elapsed_ns // SECOND_NS} s, no fill or position unexplained"
    out += move(state, tracked, OrderState.NOT_PLACED, reason=reason)
    return out + drive_flattening(state, event.symbol, event.ts_received_ns, settled=False)


def _unexplained(state: Account, event: OrderSearched) -> str:
    """Return a trace that the order may have left at the venue; empty where everything is explained."""
    others = {order.venue_order_id for order in event.history}
    for fill in event.fills:
        if (fill.symbol, fill.fill_id) not in state.booked:
            return f"fill {fill.fill_id} is not booked"
        if fill.venue_order_id not in others and state.tracked_at_venue(fill.symbol, fill.venue_order_id) is None:
            return f"fill {fill.fill_id} belongs to no known order"
    held = state.position(event.symbol).holding.quantity
    theirs = event.position.quantity if event.position is not None else ZERO
    return "" if held == theirs else f"position is {theirs} at the venue and {held} here"


def _warn(state: Account, tracked: Tracked, unexplained: str) -> Out:
    again = ReadAccount(venue=state.venue, account=state.account, after_ms=0, reason=unexplained)
    if tracked.warned:
        return [again]
    tracked.warned = True
    detail = f"order {tracked.change.client_order_id} stays unknown: {unexplained}"
    return [alert("order_unknown", "critical", detail), again]
