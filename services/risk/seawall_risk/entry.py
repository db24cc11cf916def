"""Taking new risk: every limit is asked, then the smallest of all caps decides the size."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from seawall_proto import Level, RefusalReason, Side

from . import limits, sizing
from .case import Case, Order, Refusal
from .exposure import decimal_of, equity_of, gross_of
from .sizing import Cap
from .state import ZERO


def enter(case: Case, side: Side) -> Order | Refusal:
    """Buy or sell up to the target that the signal's strength asks for."""
    state, account = case.state, case.account
    refusal = (
        limits.check_halted(state, account, case.signal)
        or limits.check_peg(state, case.signal.symbol)
        or limits.check_equity(state, account)
        or limits.check_unknown(account)
        or limits.check_in_flight(case.market)
        or limits.check_rate(state)
    )
    if refusal is not None:
        return refusal
    levels = case.market.asks if side == "buy" else case.market.bids
    if not sizing.clean(levels):
        return Refusal(RefusalReason.FEED_NOT_LIVE, "the book holds figures that are no prices or quantities")
    worst = sizing.worst_price(case.mid, side, state.limits.max_slippage_bps, case.rules.tick_size)
    cap = min(_caps(case, max(case.mid, worst), levels), key=lambda cap: cap.quantity)
    quantity = sizing.round_down(cap.quantity, case.rules.lot_size)
    objection = sizing.below_minimum(case.rules, quantity, case.mid)
    if objection is not None:
        return Refusal(cap.reason, f"{cap.detail}: {objection}")
    order = Order(side, quantity, worst, reduce_only=False)
    return _check_slippage(case, order, levels) or order


def _caps(case: Case, price: Decimal, levels: Sequence[Level]) -> tuple[Cap, ...]:
    """Return everything that bounds the order; money is turned into quantity at the worst fill."""
    held = abs(case.market.position) * case.mid
    depth = sizing.depth_within(levels, case.mid) * limits.decimal_limit(case.state.limits.max_depth_share)
    share = f"{case.state.limits.max_depth_share:g} of the depth within 1 % is {depth:.8g}"
    largest = sizing.largest_order(case.rules)
    return (
        _target_cap(case, held, price),
        _exposure_cap(case, price),
        Cap(depth, RefusalReason.LIQUIDITY, share),
        Cap(largest, RefusalReason.BELOW_MINIMUM, f"the venue's largest order is {largest}"),
    )


def _target_cap(case: Case, held: Decimal, price: Decimal) -> Cap:
    """Strength times the position limit, less what is held: never more than the limit itself."""
    most = limits.decimal_limit(case.state.limits.max_position) * (equity_of(case.account) or ZERO)
    target = decimal_of(case.signal.strength) * most
    if held >= most:
        return Cap(ZERO, RefusalReason.POSITION_LIMIT, f"position {held:.2f} of at most {most:.2f}")
    reason = RefusalReason.ALREADY_POSITIONED if held else RefusalReason.BELOW_MINIMUM
    return Cap(max(target - held, ZERO) / price, reason, f"target {target:.2f}, held {held:.2f}")


def _exposure_cap(case: Case, price: Decimal) -> Cap:
    equity, gross = equity_of(case.account), gross_of(case.account)
    if equity is None or gross is None:
        return Cap(ZERO, RefusalReason.EXPOSURE_LIMIT, "something that is held has no price")
    most = limits.decimal_limit(case.state.limits.max_exposure) * equity
    detail = f"gross exposure {gross:.2f} of at most {most:.2f}"
    return Cap(max(most - gross, ZERO) / price, RefusalReason.EXPOSURE_LIMIT, detail)


def _check_slippage(case: Case, order: Order, levels: Sequence[Level]) -> Refusal | None:
    limit_bps = case.state.limits.max_slippage_bps
    moved_bps = sizing.slippage_bps(order.side, decimal_of(case.signal.price), case.mid)
    if moved_bps > limit_bps:
        detail = f"mid {case.mid} is {moved_bps:.1f} bps worse than the signal's {case.signal.price:g}"
        return Refusal(RefusalReason.SLIPPAGE, f"{detail}, limit {limit_bps}")
    average = sizing.average_fill(levels, order.quantity)
    if average is None:
        return Refusal(RefusalReason.LIQUIDITY, f"the visible book does not hold {order.quantity}")
    if sizing.slippage_bps(order.side, order.worst_price, average) > 0:
        paid_bps = sizing.slippage_bps(order.side, case.mid, average)
        detail = f"{order.quantity} would fill at {average:.8g}, {paid_bps:.1f} bps from mid {case.mid}"
        return Refusal(RefusalReason.SLIPPAGE, f"{detail}, limit {limit_bps}")
    return None
