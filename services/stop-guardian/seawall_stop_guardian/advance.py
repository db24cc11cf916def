"""What follows from the state as it now is: the same few steps after every fact."""

from __future__ import annotations

import msgspec

from seawall_stop_guardian import doubt, exposure, flatten, memory, protection
from seawall_stop_guardian.commands import ReadFills
from seawall_stop_guardian.position import is_settled
from seawall_stop_guardian.state import Guarded

MILLISECOND_NS = 1_000_000
ACKNOWLEDGED_PATIENCE = 5  # the venue took the stop but its reads fail: closing at once would punish every hiccup
BREACH_GRACE_NS = 750 * MILLISECOND_NS  # the native stop goes first
BREACHES_NEEDED = 2  # one bad mark price is not a market
FILLS_BACK_NS = 600_000 * MILLISECOND_NS  # as far as a guardian that was away looks for a position's beginning


def advance(state: Guarded, now_ns: int) -> list[msgspec.Struct]:
    """Return everything that should be said and done now."""
    if state.quantity is None:
        return doubt.ask(state, now_ns)
    settled = is_settled(state)
    protection.update_trigger(state)
    out = _overdue_trigger(state, now_ns)
    out += exposure.report(state, now_ns, settled)
    out += _bounds(state, now_ns)
    out += flatten.drive(state, now_ns, settled)
    out += protection.keep(state, now_ns, settled)
    out += doubt.ask(state, now_ns)
    out += _fills(state, now_ns)
    if settled and not state.quantity:
        state.trigger_price = state.best_price = state.restored = None
        state.triggered_ns = state.breached_ns = state.breaches = state.opened_ns = 0
    return out + memory.remember(state)


def _overdue_trigger(state: Guarded, now_ns: int) -> list[msgspec.Struct]:
    """A triggered stop that left the position standing has failed: close what remains."""
    if not state.triggered_ns or now_ns - state.triggered_ns < exposure.TRIGGER_GRACE_NS or not state.is_open:
        return []
    exposure.lose_cover(state, state.triggered_ns, now_ns)
    triggered_ns, state.triggered_ns = state.triggered_ns, 0
    if exposure.first_uncovered(state, now_ns) is None:
        return []
    waited_ms = (now_ns - triggered_ns) // MILLISECOND_NS
    return flatten.start(state, f"the stop triggered {waited_ms} ms ago and the position is still there", now_ns)


def _bounds(state: Guarded, now_ns: int) -> list[msgspec.Struct]:
    """Close a position that could not be protected in time, or that the market has left behind its stop."""
    if _is_breached(state, now_ns):
        return flatten.start(state, "the mark crossed the stop and the position is still there", now_ns)
    step = exposure.first_uncovered(state, now_ns)
    if step is None or state.flattening:
        return []
    if state.failures >= protection.MAX_FAILURES:
        return flatten.start(state, f"{state.failures} stops in a row could not be placed", now_ns)
    waited_ms = (now_ns - step.known_ns) // MILLISECOND_NS
    if waited_ms <= state.options.flatten_after_ms:
        return []
    acknowledged = any(protection.is_wanted(state, stop) and stop.acknowledged_ns for stop in state.stops.values())
    if not acknowledged or waited_ms > state.options.flatten_after_ms * ACKNOWLEDGED_PATIENCE:
        return flatten.start(state, f"no verified stop within {waited_ms} ms", now_ns)
    if state.alerted:
        return []
    state.alerted = True
    detail = f"{state.symbol}: a stop was accepted {waited_ms} ms ago but could not be read back"
    return [flatten.alert("stop_not_verified", "critical", detail)]


def _is_breached(state: Guarded, now_ns: int) -> bool:
    return (
        state.is_open
        and state.breaches >= BREACHES_NEEDED
        and now_ns - state.breached_ns >= BREACH_GRACE_NS
        and state.last_read_ns > state.breached_ns
    )


def _fills(state: Guarded, now_ns: int) -> list[msgspec.Struct]:
    if not state.fills_wanted:
        return []
    state.fills_wanted = False
    return [ReadFills(venue=state.venue, account=state.account, symbol=state.symbol, since_ns=now_ns - FILLS_BACK_NS)]
