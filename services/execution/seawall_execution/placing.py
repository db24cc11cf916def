"""From an approval, or a wish to be flat, to one order."""

from __future__ import annotations

from decimal import Decimal

from seawall_proto import OrderApproved, OrderState, OrderStateChanged, Side
from seawall_venues.ids import client_order_id

from .commands import PlaceOrder, ReadAccount
from .scope import covers
from .state import Account, Flattening
from .tracking import Out, begin

VERIFY_AFTER_MS = 300  # a market order and its fill take two round trips


def refusal(state: Account, approval: OrderApproved) -> str:
    """Return why an approved order must not leave; empty where it may.

    Only orders that add risk are refused for doubts: getting out is always allowed.
    """
    if not state.served:
        return "no trading session for this account"
    if approval.reduce_only:
        return ""
    for scope in state.halts.active():
        if covers(scope, state.venue, state.account, approval.symbol, approval.strategy):
            return f"halted: {scope}"
    if state.doubt:
        return f"in doubt: {state.doubt}"
    if approval.symbol in state.flattening:
        return "the position is being closed"
    for tracked in state.working(approval.symbol):
        if tracked.change.state is OrderState.UNKNOWN:
            return f"order {tracked.change.client_order_id} is unknown"
    return ""


def intend(state: Account, approval: OrderApproved) -> Out:
    """Take up an approval as one order, or record why it was not placed."""
    reason = refusal(state, approval)
    role = "exit" if approval.reduce_only else "entry"
    change = OrderStateChanged(
        causes=(approval.id,),
        ts_received_ns=approval.ts_received_ns,
        venue=state.venue,
        account=state.account,
        client_order_id=client_order_id(approval.id, state.venue, state.account, role),
        venue_order_id="",
        intent_id=approval.id,
        symbol=approval.symbol,
        side=approval.side,
        order_type=approval.order_type,
        quantity=approval.quantity,
        filled_quantity=Decimal(0),
        limit_price=approval.limit_price,
        average_price=None,
        reduce_only=approval.reduce_only,
        state=OrderState.NOT_PLACED if reason else OrderState.INTENDED,
        previous_state=None,
        reason=reason,
        sequence=1,
        stop_distance_bps=approval.stop_distance_bps,
    )
    # it can only leave before it expires, so doubts about it are counted from then
    tracked = begin(state, change, max(approval.expires_at_ns, approval.ts_received_ns), approval.strategy)
    if reason:
        return [tracked.change]
    # out of the market at any price; into it never worse than approved
    worst = None if approval.reduce_only else approval.worst_price
    return [
        tracked.change,
        _command(tracked.change, worst, approval.expires_at_ns, approval.ts_received_ns),
    ]


def flatten(state: Account, symbol: str, flattening: Flattening, now_ns: int) -> Out:
    """Close what is held of a symbol with one reduce-only market order."""
    held = state.position(symbol).holding.quantity
    side: Side = "sell" if held > 0 else "buy"
    name = (flattening.request_id, state.venue, state.account, f"flatten-{symbol}")
    order_id = client_order_id(*name, generation=flattening.generation)
    flattening.generation += 1
    quantity = min(abs(held), state.market_max.get(symbol, abs(held)))
    change = OrderStateChanged(
        causes=(flattening.request_id,),
        venue=state.venue,
        account=state.account,
        client_order_id=order_id,
        venue_order_id="",
        intent_id=flattening.request_id,
        symbol=symbol,
        side=side,
        order_type="market",
        quantity=quantity,
        filled_quantity=Decimal(0),
        limit_price=None,
        average_price=None,
        reduce_only=True,
        state=OrderState.INTENDED,
        previous_state=None,
        reason=flattening.reason,
        sequence=1,
    )
    tracked = begin(state, change, now_ns)
    return [tracked.change, _command(tracked.change, None, 0, 0)]


def drive_flattening(state: Account, symbol: str, now_ns: int, *, settled: bool) -> Out:
    """Send the next closing order, or ask for the reading that proves the position closed.

    ``settled`` is True just after venue and ledger were compared: only that ends a flattening.
    """
    flattening = state.flattening.get(symbol)
    if flattening is None:
        return []
    if any(one.change.intent_id == flattening.request_id for one in state.working(symbol)):
        return []
    again = ReadAccount(
        venue=state.venue, account=state.account, after_ms=VERIFY_AFTER_MS, reason=f"{symbol} is being closed"
    )
    if not settled:
        return [again]
    if state.position(symbol).holding.quantity:
        return [*flatten(state, symbol, flattening, now_ns), again]
    if state.working(symbol):
        return [again]
    del state.flattening[symbol]
    return []


def _command(change: OrderStateChanged, worst_price: Decimal | None, expires_at_ns: int, ts_tick_ns: int) -> PlaceOrder:
    return PlaceOrder(
        venue=change.venue,
        account=change.account,
        client_order_id=change.client_order_id,
        symbol=change.symbol,
        side=change.side,
        order_type=change.order_type,
        quantity=change.quantity,
        limit_price=change.limit_price,
        worst_price=worst_price,
        reduce_only=change.reduce_only,
        expires_at_ns=expires_at_ns,
        ts_tick_ns=ts_tick_ns,
    )
