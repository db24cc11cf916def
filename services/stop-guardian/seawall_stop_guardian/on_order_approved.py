"""Risk approved an order: its stop distance is known before the first fill."""

from __future__ import annotations

import msgspec

from seawall_proto import OrderApproved
from seawall_stop_guardian.state import Guarded


def decide(state: Guarded, event: OrderApproved) -> tuple[Guarded, list[msgspec.Struct]]:
    """Remember the distance for a position that this order may open."""
    if not event.reduce_only and event.stop_distance_bps > 0:
        state.approved_distance_bps, state.approved_side = event.stop_distance_bps, event.side
    return state, []
