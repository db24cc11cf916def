"""The venue answered a closing order, or did not; only the position proves that it is closed."""

from __future__ import annotations

import msgspec

from seawall_stop_guardian import flatten
from seawall_stop_guardian.advance import advance
from seawall_stop_guardian.facts import FlattenAnswered
from seawall_stop_guardian.state import Guarded


def decide(state: Guarded, event: FlattenAnswered) -> tuple[Guarded, list[msgspec.Struct]]:
    """Read the position at once; the next order waits for what it shows."""
    out = flatten.answered(state, event.ts_received_ns)
    return state, out + advance(state, event.ts_received_ns)
