"""The mark price moved: trail the stop, and watch that the native one acts."""

from __future__ import annotations

import msgspec

from seawall_stop_guardian import trail
from seawall_stop_guardian.advance import advance
from seawall_stop_guardian.facts import MarkSeen
from seawall_stop_guardian.state import Guarded

BREACH_MARGIN_BPS = 10  # beyond the trigger by this much, a resting stop must have acted


def decide(state: Guarded, event: MarkSeen) -> tuple[Guarded, list[msgspec.Struct]]:
    """Keep the best price that two readings in a row have reached, so that one bad price moves nothing."""
    before, state.mark_price = state.mark_price, event.price
    if state.is_open and state.quantity and before is not None:
        side = trail.closing_side(state.quantity)
        reached = min(before, event.price) if side == "sell" else max(before, event.price)
        state.best_price = reached if state.best_price is None else trail.tightest(side, state.best_price, reached)
    _watch(state, event)
    return state, advance(state, event.ts_received_ns)


def _watch(state: Guarded, event: MarkSeen) -> None:
    trigger = state.trigger_price
    if not state.is_open or not state.quantity or trigger is None:
        crossed = False
    else:
        crossed = trail.is_crossed(trail.closing_side(state.quantity), event.price, trigger, BREACH_MARGIN_BPS)
    state.breaches = state.breaches + 1 if crossed else 0
    state.breached_ns = (state.breached_ns or event.ts_received_ns) if crossed else 0
