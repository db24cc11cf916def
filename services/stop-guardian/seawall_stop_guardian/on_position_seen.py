"""The venue says how large the position is."""

from __future__ import annotations

import msgspec

from seawall_stop_guardian.advance import advance
from seawall_stop_guardian.facts import PositionSeen
from seawall_stop_guardian.position import take
from seawall_stop_guardian.state import Guarded


def decide(state: Guarded, event: PositionSeen) -> tuple[Guarded, list[msgspec.Struct]]:
    """Protect what grew at once; take away stops only when a second source agrees."""
    take(state, event)
    return state, advance(state, event.ts_received_ns)
