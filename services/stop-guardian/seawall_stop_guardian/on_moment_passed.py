"""Time went by: keep the bounds."""

from __future__ import annotations

import msgspec

from seawall_stop_guardian.advance import advance
from seawall_stop_guardian.facts import MomentPassed
from seawall_stop_guardian.state import Guarded


def decide(state: Guarded, event: MomentPassed) -> tuple[Guarded, list[msgspec.Struct]]:
    """Retry, ask again, or close the position, where it is time."""
    return state, advance(state, event.ts_received_ns)
