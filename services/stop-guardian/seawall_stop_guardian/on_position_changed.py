"""Execution says that a position changed: a hint to look, never a proof."""

from __future__ import annotations

import msgspec

from seawall_proto import PositionChanged
from seawall_stop_guardian.commands import ReadAccount
from seawall_stop_guardian.state import Guarded


def decide(state: Guarded, event: PositionChanged) -> tuple[Guarded, list[msgspec.Struct]]:
    """Take the approved stop distance, and read the venue where it is news to us.

    The event's time is that of the tick that led to it, so nothing is timed by it here.
    """
    out: list[msgspec.Struct] = []
    known = state.quantity or 0
    if event.quantity != known:
        out.append(ReadAccount(venue=state.venue, account=state.account))
    if event.stop_distance_bps > 0 and event.quantity:
        state.approved_distance_bps = event.stop_distance_bps
        state.approved_side = "buy" if event.quantity > 0 else "sell"
        if event.quantity * known > 0:
            state.distance_bps = event.stop_distance_bps
    return state, out
