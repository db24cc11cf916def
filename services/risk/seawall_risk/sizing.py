"""How much: strength times the position limit, cut to every cap, rounded down to the venue's lots.

Money and quantities are ``Decimal``; book levels are ``float`` as measured and are turned into
``Decimal`` where an order comes of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from seawall_proto import InstrumentListed, Level, RefusalReason, Side

from .exposure import decimal_of
from .state import ZERO

ONE = Decimal(1)
BPS = Decimal(10_000)
DEPTH_WITHIN = Decimal("0.01")
EPSILON = 1e-12  # what binary fractions may leave over when levels are taken off one by one


class Cap(NamedTuple):
    """The most an order may be, in base units, and what to say where that is too little."""

    quantity: Decimal
    reason: RefusalReason
    detail: str


def round_down(value: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of ``step`` that is not above ``value``; both are not negative."""
    return (value / step).to_integral_value(ROUND_FLOOR) * step


def worst_price(mid: Decimal, side: Side, slippage_bps: int, tick_size: Decimal) -> Decimal:
    """Return the price an average fill must not be worse than, on a tick, rounded towards the mid."""
    share = Decimal(slippage_bps) / BPS
    if side == "buy":
        return (mid * (ONE + share) / tick_size).to_integral_value(ROUND_FLOOR) * tick_size
    return (mid * (ONE - share) / tick_size).to_integral_value(ROUND_CEILING) * tick_size


def depth_within(levels: Sequence[Level], mid: Decimal, share: Decimal = DEPTH_WITHIN) -> Decimal:
    """Return the quantity in ``levels`` whose price is within ``share`` of the mid.

    Only what the book event shows is counted (at most 20 levels), so this errs on the low side.
    """
    bound = float(mid * share)
    middle = float(mid)
    return decimal_of(sum(quantity for price, quantity in levels if abs(price - middle) <= bound))


def average_fill(levels: Sequence[Level], quantity: Decimal) -> Decimal | None:
    """Return the average price of a market order that walks ``levels``; None where they do not hold it."""
    missing = float(quantity)
    cost = 0.0
    for price, available in levels:
        taken = min(available, missing)
        cost += taken * price
        missing -= taken
        if missing <= EPSILON * float(quantity):
            return decimal_of(cost / float(quantity))
    return None


def slippage_bps(side: Side, reference: Decimal, price: Decimal) -> Decimal:
    """Return how much worse than ``reference`` a price is for ``side``, in basis points; negative is better."""
    worse = price - reference if side == "buy" else reference - price
    return worse / reference * BPS


def below_minimum(rules: InstrumentListed, quantity: Decimal, price: Decimal) -> str | None:
    """Return what the venue would object to about the size of an order, None where it would take it."""
    if quantity <= 0:
        return f"less than one lot of {rules.lot_size}"
    if quantity < rules.min_quantity:
        return f"quantity {quantity} below the venue's minimum {rules.min_quantity}"
    notional = quantity * price
    if notional < rules.min_notional:
        return f"{quantity} at {price} is {notional:.2f}, below the venue's minimum of {rules.min_notional}"
    return None


def largest_order(rules: InstrumentListed) -> Decimal:
    """Return the largest market order the venue takes; a limit of zero means that it names none."""
    named = [limit for limit in (rules.max_quantity, rules.market_max_quantity) if limit > 0]
    return min(named, default=Decimal("Infinity"))


def is_usable(rules: InstrumentListed) -> bool:
    """True where steps are positive and minima are not negative: rules that an order can be made by."""
    steps = (rules.tick_size, rules.lot_size)
    floors = (rules.min_quantity, rules.min_notional, rules.max_quantity, rules.market_max_quantity)
    finite = all(value.is_finite() for value in (*steps, *floors))
    return finite and all(step > 0 for step in steps) and all(floor >= ZERO for floor in floors)


def clean(levels: Sequence[Level]) -> bool:
    """True where every price and quantity is a number above zero and below infinity."""
    return all(0.0 < price < float("inf") and 0.0 < quantity < float("inf") for price, quantity in levels)
