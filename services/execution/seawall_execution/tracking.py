"""Orders: how one begins, how it moves, and what is said about it."""

from __future__ import annotations

import msgspec

from seawall_proto import AlertRaised, HaltRequested, OrderState, OrderStateChanged, derive_id
from seawall_venues.port import VenueOrder

from . import graph
from .commands import SearchOrder
from .state import Account, Tracked

Out = list[msgspec.Struct]

SERVICE = "execution"
# Reference §2.1: look at 0.25, 0.5, 1, 2, 4, 8 … then every 15 s.
FIRST_SEARCH_MS = 250
LAST_SEARCH_MS = 15_000
SEARCH_MARGIN_NS = 60_000_000_000  # fills are looked for from a minute before the order was known
# Ids that Binance gives to orders it makes itself when it liquidates or delevers an account.
LIQUIDATION_PREFIXES = ("autoclose-", "adl_autoclose", "settlement_autoclose-", "delivery_autoclose-")


def begin(state: Account, change: OrderStateChanged, now_ns: int, strategy: str = "") -> Tracked:
    """Take up an order with its first event."""
    tracked = Tracked(change=_named(change), strategy=strategy, since_ns=now_ns)
    state.remember(tracked)
    return tracked


def move(state: Account, tracked: Tracked, to: OrderState, *, reason: str = "", **changes: object) -> Out:
    """Move an order along the graph and return its event; an impossible move is told and not made."""
    before = tracked.change
    if to is before.state and not changes:
        return []
    late = graph.is_late_correction(before.state, to) or (before.state.is_terminal and bool(changes))
    if to is not before.state and not late and not graph.may_move(before.state, to):
        return [alert("order_move_refused", "warning", f"{before.client_order_id} {before.state.value} to {to.value}")]
    after = msgspec.structs.replace(
        before,
        id="",
        causes=(before.id,),
        ts_received_ns=0,
        state=to,
        previous_state=before.state,
        reason=reason,
        sequence=before.sequence + 1,
        **changes,
    )
    tracked.change = _named(after)
    state.remember(tracked)
    out: Out = [tracked.change]
    if late:
        detail = f"order {before.client_order_id} was {before.state.value} and is {to.value} after all"
        out += [alert("order_corrected", "critical", detail), halt(state, detail)]
    return out


def report(state: Account, tracked: Tracked, order: VenueOrder) -> Out:
    """Apply the venue's word about an order; an older word than the last changes nothing."""
    before = tracked.change
    filled = min(max(order.filled_quantity, before.filled_quantity), before.quantity)
    changes: dict[str, object] = {}
    if filled > before.filled_quantity:
        changes["filled_quantity"] = filled
        if order.average_price is not None:
            changes["average_price"] = order.average_price
    if order.venue_order_id and not before.venue_order_id:
        changes["venue_order_id"] = order.venue_order_id
    to = order.state
    if to is OrderState.UNKNOWN or _is_stale(before, order):
        to = before.state
    elif to is OrderState.OPEN and filled:
        to = OrderState.PARTIALLY_FILLED
    if to not in graph.UNSETTLED:
        tracked.searches = 0
    return move(state, tracked, to, reason=before.reason if to is before.state else "", **changes)


def _is_stale(before: OrderStateChanged, order: VenueOrder) -> bool:
    """True where the word is older than what is known: fills never shrink, an ended order does not reopen."""
    if before.state in {OrderState.NOT_PLACED, OrderState.REJECTED}:
        return False
    if before.state.is_terminal:
        return True
    return order.state is OrderState.OPEN and before.state is OrderState.PARTIALLY_FILLED


def adopt(state: Account, order: VenueOrder, now_ns: int) -> Out:
    """Take up an order that execution did not send: a stop, a person's, or the venue's own."""
    quantity = max(order.quantity, order.filled_quantity)
    if quantity <= 0:  # an order to close whatever there is; its fills say what that was
        return [alert("order_without_quantity", "warning", f"{order.symbol}: {order.client_order_id} names none")]
    external = OrderStateChanged(
        causes=(),
        venue=state.venue,
        account=state.account,
        client_order_id=order.client_order_id or f"venue-{order.symbol}-{order.venue_order_id}",
        venue_order_id=order.venue_order_id,
        intent_id="",
        symbol=order.symbol,
        side=order.side,
        order_type="market" if "market" in order.order_type else "limit",
        quantity=quantity,
        filled_quantity=order.filled_quantity,
        limit_price=order.limit_price,
        average_price=order.average_price,
        reduce_only=order.reduce_only,
        state=order.state if order.state in graph.FIRST else OrderState.OPEN,
        previous_state=None,
        reason="external",
        sequence=1,
    )
    tracked = begin(state, external, now_ns)
    out: Out = [tracked.change]
    if order.client_order_id.startswith(LIQUIDATION_PREFIXES):
        detail = f"the venue closes {order.symbol} itself: order {order.client_order_id}"
        out += [alert("liquidation", "critical", detail), halt(state, detail)]
    return out


def search(state: Account, tracked: Tracked, *, after_ms: int | None = None) -> Out:
    """Ask for an order to be looked for, each time later than the last; one search at a time."""
    if tracked.searching:
        return []
    tracked.searching = True
    wait_ms = min(FIRST_SEARCH_MS << min(tracked.searches, 16), LAST_SEARCH_MS) if after_ms is None else after_ms
    change = tracked.change
    return [
        SearchOrder(
            venue=state.venue,
            account=state.account,
            symbol=change.symbol,
            client_order_id=change.client_order_id,
            after_ms=wait_ms,
            since_ns=max(tracked.since_ns - SEARCH_MARGIN_NS, 0),
        )
    ]


def alert(name: str, severity: str, detail: str) -> AlertRaised:
    """Return the event that calls for somebody to look."""
    return AlertRaised(service=SERVICE, name=name, severity=severity, detail=detail)  # type: ignore[arg-type]


def halt(state: Account, reason: str) -> HaltRequested:
    """Return the wish that the account takes no new risk."""
    return HaltRequested(scope=f"account:{state.venue}/{state.account}", actor=SERVICE, reason=reason)


def _named(change: OrderStateChanged) -> OrderStateChanged:
    """Give the event its id: an order's n-th change has one name, however often it is made."""
    number = str(change.sequence)
    event_id = derive_id(f"{SERVICE}.OrderStateChanged", (change.client_order_id, number), 0)
    return msgspec.structs.replace(change, id=event_id)
