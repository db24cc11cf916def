"""A fill came over the user stream: it dates the exposure by the venue's clock."""

from __future__ import annotations

import msgspec

from seawall_stop_guardian.advance import advance
from seawall_stop_guardian.exposure import note_fill
from seawall_stop_guardian.facts import FillSeen
from seawall_stop_guardian.state import Guarded


def decide(state: Guarded, event: FillSeen) -> tuple[Guarded, list[msgspec.Struct]]:
    """Count time unprotected from the fill, not from when we heard of it."""
    note_fill(state, event.quantity, min(event.ts_fill_ns, event.ts_received_ns), event.ts_received_ns)
    return state, advance(state, event.ts_received_ns)
