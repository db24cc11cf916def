"""The guardian started, and its journal knows this symbol."""

from __future__ import annotations

import msgspec

from seawall_stop_guardian.advance import advance
from seawall_stop_guardian.facts import MemoryRestored
from seawall_stop_guardian.memory import restore
from seawall_stop_guardian.state import Guarded


def decide(state: Guarded, event: MemoryRestored) -> tuple[Guarded, list[msgspec.Struct]]:
    """Take up what was remembered; every stop in it is looked up."""
    restore(state, event.memory)
    return state, advance(state, event.ts_received_ns)
