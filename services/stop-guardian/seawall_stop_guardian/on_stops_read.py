"""The venue listed the stops that rest: the only proof of protection."""

from __future__ import annotations

import msgspec

from seawall_stop_guardian import doubt
from seawall_stop_guardian.advance import advance
from seawall_stop_guardian.facts import StopsRead
from seawall_stop_guardian.state import Guarded


def decide(state: Guarded, event: StopsRead) -> tuple[Guarded, list[msgspec.Struct]]:
    """Verify what is listed, doubt what is not, recognise our own and leave others' alone."""
    out: list[msgspec.Struct] = []
    asked_ns, now_ns = event.ts_asked_ns, event.ts_received_ns
    listed = {stop.client_stop_id: stop for stop in event.stops}
    for stop in list(state.stops.values()):
        found = listed.pop(stop.client_stop_id, None)
        if found is not None:
            out += doubt.see(state, stop, found, asked_ns, now_ns)
        else:
            out += doubt.absent(state, stop, asked_ns, now_ns)
    for found in listed.values():
        out += doubt.adopt(state, found, asked_ns, event.clock_offset_ns, now_ns)
    return state, out + advance(state, now_ns)
