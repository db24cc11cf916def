"""The venue answered a cancel, or did not; whether the stop is gone is read from the list."""

from __future__ import annotations

import msgspec

from seawall_stop_guardian.advance import advance
from seawall_stop_guardian.facts import CancelAnswered
from seawall_stop_guardian.protection import CANCEL_AGAIN_NS
from seawall_stop_guardian.state import Guarded, Phase


def decide(state: Guarded, event: CancelAnswered) -> tuple[Guarded, list[msgspec.Struct]]:
    """From now on a read that does not list the stop proves that it is gone."""
    stop = state.stops.get(event.client_stop_id)
    if stop is not None and stop.phase is Phase.CANCELING:
        stop.cancel_answered_ns = event.ts_received_ns
        stop.cancel_again_ns = event.ts_received_ns + CANCEL_AGAIN_NS
    return state, advance(state, event.ts_received_ns)
