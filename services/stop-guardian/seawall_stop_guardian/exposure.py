"""How much of a position is covered by verified stops, and for how long some of it has not been."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from seawall_proto import ProtectionChanged, StopChanged
from seawall_proto.stops import StopState
from seawall_stop_guardian.state import ZERO, Guarded, OwnStop, Phase, Protection, Step
from seawall_stop_guardian.trail import closing_side

MILLISECOND_NS = 1_000_000
TRIGGER_GRACE_NS = 500 * MILLISECOND_NS  # a triggered stop is a market order on its way: ten round trips
FILL_BEFORE_POSITION_NS = 5_000_000_000  # a fill older than this belongs to another change
MAX_STEPS = 64  # fills that may pile up uncovered; beyond, the oldest time stands for all of them


def start_steps(state: Guarded, now_ns: int, exposed_ns: int = 0) -> None:
    """Begin to measure a position that was not known before."""
    state.steps = [Step(abs(state.quantity or ZERO), exposed_ns or _fill_time(state, now_ns), now_ns)]


def grow(state: Guarded, now_ns: int) -> None:
    """Note that the position changed on its own side: growth adds a step, shrinking cuts steps off."""
    size = abs(state.quantity or ZERO)
    if not state.steps or size > state.steps[-1].quantity:
        if len(state.steps) >= MAX_STEPS:
            state.steps[-1].quantity = size
        else:
            state.steps.append(Step(size, _fill_time(state, now_ns), now_ns))
        return
    kept = [step for step in state.steps if step.quantity < size]
    first_beyond = state.steps[len(kept)]
    state.steps = [*kept, Step(size, first_beyond.exposed_ns, first_beyond.known_ns)]


def note_change(state: Guarded, change: Decimal, now_ns: int) -> None:
    """Note that the position changed by so much; its fills may have come before, or come now."""
    _age(state, now_ns)
    state.unmatched += change
    state.unmatched_ns = now_ns


def note_fill(state: Guarded, quantity: Decimal, ts_fill_ns: int, now_ns: int) -> None:
    """Date the exposure by the venue's fill time, whichever of fill and position came first."""
    _age(state, now_ns)
    told_before = state.unmatched * quantity > 0
    state.unmatched -= quantity
    state.unmatched_ns = now_ns
    if not told_before:
        state.fill_ns = state.fill_ns or ts_fill_ns
    elif state.steps and state.quantity and state.quantity * quantity > 0:
        latest = state.steps[-1]
        if latest.known_ns - ts_fill_ns <= FILL_BEFORE_POSITION_NS:
            latest.exposed_ns = min(latest.exposed_ns, ts_fill_ns)


def _age(state: Guarded, now_ns: int) -> None:
    """Fills and positions that never met are forgotten, so that a lost message misdates nothing later."""
    if now_ns - state.unmatched_ns > FILL_BEFORE_POSITION_NS or not state.unmatched:
        state.unmatched, state.fill_ns = ZERO, 0


def _fill_time(state: Guarded, now_ns: int) -> int:
    fill_ns, state.fill_ns = state.fill_ns, 0
    return min(fill_ns, now_ns) if fill_ns and now_ns - fill_ns <= FILL_BEFORE_POSITION_NS else now_ns


def date_by_fills(state: Guarded, fills: Sequence[tuple[int, Decimal]], now_ns: int) -> None:
    """Find in ``(time, signed quantity)`` fills, oldest first, when the position outgrew what is covered."""
    step = first_uncovered(state, now_ns)
    if step is None or not state.quantity:
        return
    covered = covered_quantity(state, now_ns)
    position, sign = state.quantity, 1 if state.quantity > 0 else -1
    for ts_fill_ns, quantity in reversed(fills):
        position -= quantity
        step.exposed_ns = min(step.exposed_ns, ts_fill_ns)
        if position * sign <= covered:
            return


def covers(state: Guarded, stop: OwnStop, now_ns: int) -> bool:
    """True where the stop was read back, is on the closing side, and still stands or is just acting."""
    if not state.quantity or stop.side != closing_side(state.quantity):
        return False
    if stop.phase is Phase.TRIGGERED:
        return now_ns - state.triggered_ns < TRIGGER_GRACE_NS
    return stop.verified and stop.phase in (Phase.RESTING, Phase.MISSING)


def covered_quantity(state: Guarded, now_ns: int) -> Decimal:
    """Return how much the verified stops on the closing side would close."""
    return sum((stop.quantity for stop in state.stops.values() if covers(state, stop, now_ns)), ZERO)


def first_uncovered(state: Guarded, now_ns: int) -> Step | None:
    """Return the step since which some of the position is not covered, or None where all of it is."""
    if not state.is_open:
        return None
    covered = covered_quantity(state, now_ns)
    return next((step for step in state.steps if step.quantity > covered), None)


def lose_cover(state: Guarded, since_ns: int, now_ns: int) -> None:
    """Note that a stop was lost at some time and noticed now: exposure counts from then, patience from now."""
    covered = covered_quantity(state, now_ns)
    for step in state.steps:
        if step.quantity > covered and step.known_ns < now_ns:
            step.exposed_ns = max(step.exposed_ns, min(since_ns or now_ns, now_ns))
            step.known_ns = now_ns


def report(state: Guarded, now_ns: int, settled: bool) -> list[msgspec.Struct]:
    """Say when the position became protected, unprotected or flat, and how long some of it was uncovered."""
    step = first_uncovered(state, now_ns)
    if step and state.protection == "unprotected":
        _move_on(state, step, now_ns)
        return []
    new: Protection = "unprotected" if step else "protected" if state.is_open else "flat"
    if new == state.protection or (new == "flat" and not settled):
        return []
    if step:
        state.exposed_ns, state.longest_ns = step.exposed_ns, 0
        state.failures = state.retry_ns = 0
        exposed_for_ns = now_ns - step.exposed_ns
    elif state.protection == "unprotected":
        until_ns = now_ns if new == "protected" else state.changed_ns
        exposed_for_ns = max(state.longest_ns, until_ns - state.exposed_ns)
    else:
        exposed_for_ns = 0
    state.protection = new
    if new == "protected":
        state.steps = [Step(abs(state.quantity or ZERO), now_ns, now_ns)]
        state.failures, state.alerted = 0, False
    elif new == "flat":
        state.steps = []
    return [_protection_changed(state, exposed_for_ns, now_ns)]


def _move_on(state: Guarded, step: Step, now_ns: int) -> None:
    """Part was covered while a later part is not: keep the longest time any part waited."""
    if step.exposed_ns > state.exposed_ns:
        state.longest_ns = max(state.longest_ns, now_ns - state.exposed_ns)
    state.exposed_ns = step.exposed_ns


def _protection_changed(state: Guarded, exposed_for_ns: int, now_ns: int) -> ProtectionChanged:
    return ProtectionChanged(
        venue=state.venue,
        account=state.account,
        symbol=state.symbol,
        state=state.protection,
        position_quantity=state.quantity or ZERO,
        stop_quantity=covered_quantity(state, now_ns),
        unprotected_ms=-(-max(0, exposed_for_ns) // MILLISECOND_NS),
    )


def stop_changed(state: Guarded, stop: OwnStop, word: StopState, reason: str = "") -> StopChanged:
    """Return the event that says where a stop of ours stands."""
    return StopChanged(
        venue=state.venue,
        account=state.account,
        symbol=state.symbol,
        client_stop_id=stop.client_stop_id,
        venue_stop_id=stop.venue_stop_id,
        side=stop.side,
        quantity=stop.quantity,
        trigger_price=stop.trigger_price,
        state=word,
        verified=stop.verified and word == "resting",
        reason=reason,
    )
