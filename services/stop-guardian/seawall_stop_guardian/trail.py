"""Where a stop belongs: distance from entry, trailing, and when the market has crossed it.

``side`` is always the stop's own side: ``sell`` protects a long, ``buy`` a short. Distances are in
basis points, prices in quote currency.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from seawall_proto import Side

BPS = Decimal(10_000)


def closing_side(quantity: Decimal) -> Side:
    """Return the side that closes a signed position."""
    return "sell" if quantity > 0 else "buy"


def round_tighter(side: Side, price: Decimal, tick_size: Decimal) -> Decimal:
    """Return the price on the tick grid, rounded towards the market, so that rounding never adds risk."""
    rounding = ROUND_CEILING if side == "sell" else ROUND_FLOOR
    ticks = (price / tick_size).to_integral_value(rounding=rounding)
    return max(ticks, Decimal(1)) * tick_size


def below(side: Side, price: Decimal, distance_bps: int) -> Decimal:
    """Return the price moved by a distance to the losing side: down for a sell stop, up for a buy stop."""
    share = Decimal(distance_bps) / BPS
    return price * (1 - share if side == "sell" else 1 + share)


def initial_trigger(side: Side, entry_price: Decimal, distance_bps: int, tick_size: Decimal) -> Decimal:
    """Return the first trigger of a position."""
    return round_tighter(side, below(side, entry_price, distance_bps), tick_size)


def trail_trigger(
    side: Side, entry_price: Decimal, best_price: Decimal, trail_bps: int, tick_size: Decimal
) -> Decimal | None:
    """Return where trailing wants the stop, or None before the price has moved ``trail_bps`` in favour.

    Until then the initial distance that risk approved stands; from then on the stop is near break-even or better.
    """
    start = below("buy" if side == "sell" else "sell", entry_price, trail_bps)
    if is_tighter(side, start, best_price):
        return None
    return round_tighter(side, below(side, best_price, trail_bps), tick_size)


def is_tighter(side: Side, price: Decimal, than: Decimal) -> bool:
    """True where a stop at ``price`` would act sooner than one at ``than``."""
    return price > than if side == "sell" else price < than


def tightest(side: Side, first: Decimal, second: Decimal) -> Decimal:
    """Return the trigger of two that would act sooner."""
    return max(first, second) if side == "sell" else min(first, second)


def is_worth_moving(side: Side, current: Decimal, candidate: Decimal, step_bps: int) -> bool:
    """True where the candidate is tighter by at least a step; smaller moves would only cost requests."""
    return is_tighter(side, candidate, current) and abs(candidate - current) >= current * step_bps / BPS


def is_crossed(side: Side, mark_price: Decimal, trigger_price: Decimal, margin_bps: int) -> bool:
    """True where the mark is beyond the trigger by a margin: a resting stop should have acted."""
    limit = below(side, trigger_price, margin_bps)
    return mark_price <= limit if side == "sell" else mark_price >= limit
