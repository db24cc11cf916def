"""No new risk in a scope."""

from __future__ import annotations

from seawall_proto import TradingHalted

from .state import Control
from .tracking import Out


def decide(state: Control, event: TradingHalted) -> tuple[Control, Out]:
    """From the next approval on nothing enters; working stops and exits stay as they are."""
    state.halts.note(event.scope, event.version, halted=True)
    return state, []
