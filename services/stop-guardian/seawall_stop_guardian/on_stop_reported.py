"""The user stream says that a conditional order changed."""

from __future__ import annotations

import msgspec

from seawall_stop_guardian import doubt
from seawall_stop_guardian.advance import advance
from seawall_stop_guardian.exposure import stop_changed
from seawall_stop_guardian.facts import StopReported
from seawall_stop_guardian.state import Guarded, OwnStop, Phase


def decide(state: Guarded, event: StopReported) -> tuple[Guarded, list[msgspec.Struct]]:
    """A report is as good as an acknowledgement; protection still has to be read back."""
    out: list[msgspec.Struct] = []
    stop = state.stops.get(event.stop.client_stop_id)
    if stop is not None:
        out += _take(state, stop, event)
    return state, out + advance(state, event.ts_received_ns)


def _take(state: Guarded, stop: OwnStop, event: StopReported) -> list[msgspec.Struct]:
    now_ns = event.ts_received_ns
    if not event.stop.active:
        return doubt.ended(state, stop, event.stop, now_ns, event.reason, now_ns)
    if stop.phase not in (Phase.PLACING, Phase.UNKNOWN):
        return []
    stop.phase, stop.acknowledged_ns, stop.venue_stop_id = Phase.RESTING, now_ns, event.stop.venue_stop_id
    state.read_wanted_ns = 0
    return [stop_changed(state, stop, "resting", "reported")]
