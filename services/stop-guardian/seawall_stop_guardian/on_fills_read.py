"""Past fills were read: they say when a position began that was found by reading."""

from __future__ import annotations

import msgspec

from seawall_stop_guardian.advance import advance
from seawall_stop_guardian.exposure import date_by_fills
from seawall_stop_guardian.facts import FillsRead
from seawall_stop_guardian.state import Guarded


def decide(state: Guarded, event: FillsRead) -> tuple[Guarded, list[msgspec.Struct]]:
    """Count time unprotected from the fill that opened the position, even where nobody was watching."""
    fills = [
        (fill.ts_venue_ns - event.clock_offset_ns, fill.quantity if fill.side == "buy" else -fill.quantity)
        for fill in event.fills
    ]
    date_by_fills(state, fills, event.ts_received_ns)
    return state, advance(state, event.ts_received_ns)
