"""The venue answered a placement, or did not."""

from __future__ import annotations

import msgspec

from seawall_stop_guardian import doubt, exposure, flatten, protection
from seawall_stop_guardian.advance import advance
from seawall_stop_guardian.facts import StopAnswered
from seawall_stop_guardian.state import Guarded, OwnStop, Phase
from seawall_venues.port import Outcome

WOULD_TRIGGER = frozenset({"-2021"})  # Binance: the market is already beyond the trigger


def decide(state: Guarded, event: StopAnswered) -> tuple[Guarded, list[msgspec.Struct]]:
    """An acknowledged stop is read back, a refused one tried again, an unproven one looked up."""
    out: list[msgspec.Struct] = []
    stop = state.stops.get(event.client_stop_id)
    if stop is not None and stop.phase in (Phase.PLACING, Phase.UNKNOWN):
        out += _take(state, stop, event)
    return state, out + advance(state, event.ts_received_ns)


def _take(state: Guarded, stop: OwnStop, event: StopAnswered) -> list[msgspec.Struct]:
    now_ns = event.ts_received_ns
    if event.outcome is Outcome.ACCEPTED:
        stop.phase, stop.acknowledged_ns, stop.venue_stop_id = Phase.RESTING, now_ns, event.venue_stop_id
        state.read_wanted_ns = 0  # a reading asked for before this cannot prove it
        return [exposure.stop_changed(state, stop, "resting", "acknowledged")]
    if event.outcome is Outcome.UNKNOWN:
        stop.phase = Phase.UNKNOWN
        return [exposure.stop_changed(state, stop, "unknown", event.code)]
    return _refused(state, stop, event)


def _refused(state: Guarded, stop: OwnStop, event: StopAnswered) -> list[msgspec.Struct]:
    now_ns = event.ts_received_ns
    protection.failed(state, now_ns)
    reason = f"{event.code} {event.message}".strip()
    out = doubt.depart(state, stop, "rejected", reason, now_ns)
    if exposure.first_uncovered(state, now_ns) is None:
        return out
    if event.code in WOULD_TRIGGER:
        return out + flatten.start(state, "the market is already beyond the stop", now_ns)
    if state.failures == 1:
        out.append(flatten.alert("stop_refused", "warning", f"{state.symbol}: stop refused: {reason}"))
    return out
