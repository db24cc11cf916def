"""Which stop should rest, and the steps to it: place new, verify, cancel old."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

import msgspec

from seawall_stop_guardian import trail
from seawall_stop_guardian.commands import CancelStop, PlaceStop
from seawall_stop_guardian.exposure import TRIGGER_GRACE_NS, first_uncovered, stop_changed
from seawall_stop_guardian.memory import memory_of
from seawall_stop_guardian.ownership import MAX_GENERATIONS, StopContent, stop_id
from seawall_stop_guardian.state import Guarded, OwnStop, Phase

MILLISECOND_NS = 1_000_000
CANCEL_AGAIN_NS = 1_000 * MILLISECOND_NS  # a cancel that did not take is repeated once a second
FIRST_RETRY_NS = 100 * MILLISECOND_NS
LONGEST_RETRY_NS = 5_000 * MILLISECOND_NS
MAX_FAILURES = 5  # with doubling pauses this is about 1.5 s; then the position is closed

_STANDING = (Phase.PLACING, Phase.UNKNOWN, Phase.RESTING, Phase.MISSING)


def update_trigger(state: Guarded) -> None:
    """Move the wanted trigger: it starts at the approved distance and from then on only tightens, by whole steps."""
    if not state.is_open or state.rules is None:
        return
    side = trail.closing_side(state.quantity or Decimal(0))
    candidate = _candidate(state, side)
    if candidate is None:
        return
    if state.trigger_price is None or trail.is_worth_moving(
        side, state.trigger_price, candidate, state.options.trail_step_bps
    ):
        state.trigger_price = candidate


def _candidate(state: Guarded, side: trail.Side) -> Decimal | None:
    assert state.rules is not None
    entry, tick = state.entry_price or state.mark_price, state.rules.tick_size
    if not entry:
        return None
    candidate = trail.initial_trigger(side, entry, state.distance_bps, tick)
    if state.best_price is None:
        return candidate
    trailed = trail.trail_trigger(side, entry, state.best_price, state.options.trail_bps, tick)
    return candidate if trailed is None else trail.tightest(side, candidate, trailed)


def wanted_quantity(state: Guarded) -> Decimal:
    """Return the position's size in whole lots, rounded up, so that the stop closes all of it."""
    assert state.rules is not None
    assert state.quantity is not None
    lots = (abs(state.quantity) / state.rules.lot_size).to_integral_value(rounding=ROUND_CEILING)
    return lots * state.rules.lot_size


def is_wanted(state: Guarded, stop: OwnStop) -> bool:
    """True where the stop is the one that should rest now."""
    return (
        state.is_open
        and state.rules is not None
        and stop.side == trail.closing_side(state.quantity or Decimal(0))
        and stop.quantity == wanted_quantity(state)
        and stop.trigger_price == state.trigger_price
        and stop.phase in _STANDING
    )


def keep(state: Guarded, now_ns: int, settled: bool) -> list[msgspec.Struct]:
    """Return the placement and the cancels that bring the venue nearer to what should rest."""
    out: list[msgspec.Struct] = []
    if state.is_open:
        out += _place(state, now_ns)
    return out + _cancel(state, now_ns, settled)


def _place(state: Guarded, now_ns: int) -> list[msgspec.Struct]:
    in_flight = any(stop.phase in (Phase.PLACING, Phase.UNKNOWN) for stop in state.stops.values())
    if in_flight or state.rules is None or state.trigger_price is None or now_ns < state.retry_ns:
        return []
    if any(is_wanted(state, stop) for stop in state.stops.values()):
        return []
    if state.triggered_ns and now_ns - state.triggered_ns < TRIGGER_GRACE_NS:
        return []  # the stop is acting: another would only be refused
    if state.breached_ns and (state.flattening or first_uncovered(state, now_ns) is None):
        return []  # the mark is beyond the trigger: a new stop would be refused at once
    side = trail.closing_side(state.quantity or Decimal(0))
    name = _name(state, side, now_ns)
    if not name:
        return []  # the next moment has names again
    stop = OwnStop(
        client_stop_id=name,
        side=side,
        quantity=wanted_quantity(state),
        trigger_price=state.trigger_price,
        phase=Phase.PLACING,
        sent_ns=now_ns,
    )
    state.stops[stop.client_stop_id] = stop
    command = PlaceStop(
        venue=state.venue,
        account=state.account,
        symbol=state.symbol,
        client_stop_id=stop.client_stop_id,
        side=side,
        quantity=stop.quantity,
        trigger_price=stop.trigger_price,
        memory=memory_of(state),
    )
    return [stop_changed(state, stop, "placing"), command]


def _name(state: Guarded, side: trail.Side, now_ns: int) -> str:
    """Return a name that was never sent: equal stops of one moment differ by their generation."""
    assert state.trigger_price is not None
    content = StopContent(state.venue, state.account, state.symbol, side, wanted_quantity(state), state.trigger_price)
    names = (stop_id(content, now_ns, generation) for generation in range(MAX_GENERATIONS))
    return next((name for name in names if name not in state.stops and name not in state.departed), "")


def failed(state: Guarded, now_ns: int) -> None:
    """Count a failed placement and set when the next may be tried."""
    state.failures += 1
    state.retry_ns = now_ns + min(FIRST_RETRY_NS << min(state.failures - 1, 8), LONGEST_RETRY_NS)


def _cancel(state: Guarded, now_ns: int, settled: bool) -> list[msgspec.Struct]:
    if not settled:
        return []  # a stop is never taken away on the word of one source
    stops = list(state.stops.values())
    keeper = next((stop for stop in stops if stop.verified and is_wanted(state, stop)), None)
    if keeper:
        surplus = [stop for stop in stops if stop is not keeper]
    elif state.is_open:
        closing = trail.closing_side(state.quantity or Decimal(0))
        surplus = [stop for stop in stops if stop.side != closing]
    else:
        surplus = stops
    return [_cancel_one(state, stop, now_ns) for stop in surplus if _may_cancel(stop, now_ns)]


def _may_cancel(stop: OwnStop, now_ns: int) -> bool:
    if stop.phase is Phase.CANCELING:
        return now_ns >= stop.cancel_again_ns
    return stop.phase in (Phase.RESTING, Phase.MISSING)


def _cancel_one(state: Guarded, stop: OwnStop, now_ns: int) -> CancelStop:
    stop.phase = Phase.CANCELING
    stop.cancel_answered_ns = 0
    stop.cancel_again_ns = now_ns + CANCEL_AGAIN_NS
    return CancelStop(venue=state.venue, account=state.account, symbol=state.symbol, client_stop_id=stop.client_stop_id)
