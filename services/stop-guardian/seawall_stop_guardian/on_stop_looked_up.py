"""One stop was asked for by our id."""

from __future__ import annotations

import msgspec

from seawall_stop_guardian import doubt
from seawall_stop_guardian.advance import advance
from seawall_stop_guardian.facts import StopLookedUp
from seawall_stop_guardian.state import Guarded


def decide(state: Guarded, event: StopLookedUp) -> tuple[Guarded, list[msgspec.Struct]]:
    """An answer settles a doubt; a failed question proves nothing."""
    out: list[msgspec.Struct] = []
    stop = state.stops.get(event.client_stop_id)
    if stop is not None and event.answered:
        now_ns, offset_ns = event.ts_received_ns, event.clock_offset_ns
        out += doubt.looked_up(state, stop, event.stop, event.ts_asked_ns, offset_ns, now_ns)
    return state, out + advance(state, event.ts_received_ns)
