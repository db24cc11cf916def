"""The venue stated an instrument's rules."""

from __future__ import annotations

from .announce import announce
from .commands import Said
from .facts import InstrumentFetched
from .state import Market


def decide(state: Market, event: InstrumentFetched) -> tuple[Market, Said]:
    """Pass the rules on at once."""
    state.instrument = event.instrument
    return state, announce(state, event.ts_received_ns)
