"""From a signal to an order, or to the reason why not."""

from __future__ import annotations

from seawall_proto import OrderApproved, OrderRefused, RefusalReason, Side, SignalRaised, derive_id

from . import entry, limits, sizing
from .case import Case, Order, Refusal
from .exposure import forget_overdue, mid_of
from .state import MILLISECOND_NS, Account, Commitment, Portfolio

EPOCH = 1  # one risk service decides; a lease will number its holders
CLOSE_SLIPPAGE_FACTOR = 4  # getting out may cost more than getting in: staying costs more still


def judge(state: Portfolio, signal: SignalRaised) -> OrderApproved | OrderRefused:
    """Approve at most one order for the signal, or refuse it with the reason."""
    account = state.accounts.get(signal.venue)
    if account is None:
        detail = "the configuration names no account at this venue"
        return _refused(signal, "none", Refusal(RefusalReason.UNKNOWN_INSTRUMENT, detail))
    case = _open(state, account, signal)
    if isinstance(case, Refusal):
        return _refused(signal, account.name, case)
    order = _order(case)
    if isinstance(order, Refusal):
        return _refused(signal, account.name, order)
    approved = _approved(case, order)
    _commit(case, approved)
    return approved


def _open(state: Portfolio, account: Account, signal: SignalRaised) -> Case | Refusal:
    market = account.markets.get(signal.symbol)
    refusal = limits.check_signal(state, signal) or limits.check_ready(state) or limits.check_market(state, market)
    if refusal is not None:
        return refusal
    rules, mid = (market.instrument, mid_of(market)) if market is not None else (None, None)
    if market is None or rules is None or mid is None:
        return Refusal(RefusalReason.UNKNOWN_INSTRUMENT, "no rules or no price")
    forget_overdue(state, account, market)
    return Case(state, account, market, signal, rules, mid)


def _order(case: Case) -> Order | Refusal:
    held, direction = case.market.position, case.signal.direction
    against = (direction == "long" and held < 0) or (direction == "short" and held > 0)
    if direction == "flat" or against:
        return _close(case)
    return entry.enter(case, "buy" if direction == "long" else "sell")


def _close(case: Case) -> Order | Refusal:
    """Close exactly what is held, reduce-only. No halt, limit or thin book stands in the way of less risk."""
    held, rules = case.market.position, case.rules
    quantity = sizing.round_down(min(abs(held), sizing.largest_order(rules)), rules.lot_size)
    if not quantity:
        return Refusal(RefusalReason.NOTHING_TO_CLOSE, f"position is {held}")
    side: Side = "sell" if held > 0 else "buy"
    slippage_bps = case.state.limits.max_slippage_bps * CLOSE_SLIPPAGE_FACTOR
    worst = sizing.worst_price(case.mid, side, slippage_bps, rules.tick_size)
    return limits.check_closing(case.market) or Order(side, quantity, worst, reduce_only=True)


def _approved(case: Case, order: Order) -> OrderApproved:
    signal, state = case.signal, case.state
    return OrderApproved(
        id=derive_id("risk.OrderApproved", (signal.id,), 0),
        causes=(signal.id,),
        ts_received_ns=signal.ts_received_ns,
        venue=signal.venue,
        account=case.account.name,
        symbol=signal.symbol,
        side=order.side,
        order_type="market",
        quantity=order.quantity,
        limit_price=None,
        worst_price=order.worst_price,
        reference_price=case.mid,
        reduce_only=order.reduce_only,
        strategy=signal.strategy,
        signal_id=signal.id,
        stop_distance_bps=state.limits.stop_distance_bps,
        epoch=EPOCH,
        expires_at_ns=state.now_ns + state.limits.approval_lifetime_ms * MILLISECOND_NS,
    )


def _commit(case: Case, approved: OrderApproved) -> None:
    """Count the approval as exposure from now on, used or not, until it is answered or long expired."""
    case.market.commitments[approved.id] = Commitment(
        quantity=approved.quantity,
        price=max(approved.worst_price, approved.reference_price),
        reduce_only=approved.reduce_only,
        expires_at_ns=approved.expires_at_ns,
    )
    case.account.touched.add(case.market)
    case.state.approved_at_ns.append(case.state.now_ns)


def _refused(signal: SignalRaised, account: str, refusal: Refusal) -> OrderRefused:
    return OrderRefused(
        venue=signal.venue,
        account=account,
        symbol=signal.symbol,
        strategy=signal.strategy,
        signal_id=signal.id,
        reason=refusal.reason,
        detail=refusal.detail,
    )
