"""New risk is allowed in a scope again."""

from __future__ import annotations

from seawall_proto import TradingResumed

from .state import Control
from .tracking import Out


def decide(state: Control, event: TradingResumed) -> tuple[Control, Out]:
    """Note the resume; one that is older than the halt changes nothing."""
    state.halts.note(event.scope, event.version, halted=False)
    return state, []
