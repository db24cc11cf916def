"""What is believed about a position: growth at once, shrinking and flatness only with evidence."""

from __future__ import annotations

from decimal import Decimal

from seawall_stop_guardian.exposure import grow, note_change, start_steps
from seawall_stop_guardian.facts import Memory, PositionSeen
from seawall_stop_guardian.state import ZERO, Guarded, Phase
from seawall_stop_guardian.trail import closing_side, tightest

FLAT_DOUBT_NS = 3_000_000_000  # zero seen only by reads must last this long: degraded venues have shown zeros


def take(state: Guarded, seen: PositionSeen) -> None:
    """Believe the fact or not. A read older than what the stream has said since is not believed."""
    is_read = seen.source == "read"
    if state.quantity is not None and seen.quantity == state.quantity:
        _agree(state, seen)
        return
    if is_read and state.quantity is not None and seen.ts_asked_ns <= state.changed_ns:
        return
    _change(state, seen)


def _agree(state: Guarded, seen: PositionSeen) -> None:
    state.entry_price = seen.entry_price or state.entry_price
    if seen.source == "stream":
        state.agreed_stream = True
    elif seen.ts_asked_ns > state.changed_ns:
        state.agreed_reads += 1
        state.first_agreed_ns = state.first_agreed_ns or seen.ts_received_ns
        state.last_read_ns = seen.ts_received_ns


def _change(state: Guarded, seen: PositionSeen) -> None:
    before = state.quantity
    doubted_zero = before == 0 and not is_settled(state)
    now_ns = seen.ts_received_ns
    same_side = before is not None and before * seen.quantity > 0
    returned = doubted_zero and not state.agreed_stream and _is_same_side(state, seen.quantity)
    note_change(state, seen.quantity - (before or ZERO), now_ns)
    state.quantity, state.changed_ns = seen.quantity, now_ns
    state.entry_price = seen.entry_price or state.entry_price
    state.agreed_stream = seen.source == "stream"
    state.agreed_reads = 1 if seen.source == "read" else 0
    state.first_agreed_ns = now_ns if seen.source == "read" else 0
    if seen.source == "read":
        state.last_read_ns = now_ns
    if seen.quantity == 0:
        return
    if same_side or returned:
        grow(state, now_ns)
    elif _continues(state, state.restored, seen):
        _resume(state, now_ns)
    else:
        _open(state, now_ns)
        if before is None:
            _keep_resting_trigger(state)
        state.fills_wanted = seen.source == "read"


def is_settled(state: Guarded) -> bool:
    """True where a second source or a second read agrees, so that a stop may be cancelled for it."""
    if state.quantity is None or not state.agreed_reads:
        return False
    if state.agreed_stream:
        return True
    if state.quantity == 0 and not state.triggered_ns:
        return state.last_read_ns - state.first_agreed_ns >= FLAT_DOUBT_NS
    return state.agreed_reads >= 2


def _is_same_side(state: Guarded, quantity: Decimal) -> bool:
    sides = {stop.side for stop in state.stops.values()}
    return closing_side(quantity) in sides and state.trigger_price is not None


def _continues(state: Guarded, memory: Memory | None, seen: PositionSeen) -> bool:
    """True where the position found after a restart is the one remembered: same side, and same entry or stop."""
    if memory is None or memory.quantity * seen.quantity <= 0:
        return False
    rests = any(
        stop.side == closing_side(seen.quantity) and stop.phase is Phase.RESTING for stop in state.stops.values()
    )
    return rests or memory.entry_price == seen.entry_price


def _resume(state: Guarded, now_ns: int) -> None:
    memory = state.restored
    assert memory is not None
    state.opened_ns = memory.opened_ns
    state.distance_bps = memory.distance_bps
    state.trigger_price = memory.trigger_price
    state.best_price = None
    state.fills_wanted = state.quantity != memory.quantity
    start_steps(state, now_ns, memory.exposed_ns)


def _keep_resting_trigger(state: Guarded) -> None:
    """Without a journal, a stop of ours that rests still says how tight protection was."""
    side = closing_side(state.quantity or ZERO)
    for stop in state.stops.values():
        if stop.verified and stop.side == side:
            state.trigger_price = tightest(side, state.trigger_price or stop.trigger_price, stop.trigger_price)


def _open(state: Guarded, now_ns: int) -> None:
    assert state.quantity is not None
    opening_side = "buy" if state.quantity > 0 else "sell"
    approved = state.approved_distance_bps if state.approved_side == opening_side else 0
    state.opened_ns = now_ns
    state.distance_bps = approved or state.options.default_stop_distance_bps
    state.trigger_price = state.best_price = state.mark_price = None
    state.breached_ns = state.breaches = state.failures = state.retry_ns = state.triggered_ns = 0
    state.flattening = None
    state.alerted = False
    start_steps(state, now_ns)
