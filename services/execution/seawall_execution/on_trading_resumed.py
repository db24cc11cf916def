"""New risk is allowed in a scope again."""

from __future__ import annotations

from seawall_proto import TradingResumed

from .commands import TellHalt
from .state import Control
from .tracking import Out


def decide(state: Control, event: TradingResumed) -> tuple[Control, Out]:
    """Tell every account."""
    return state, [TellHalt(scope=event.scope, version=event.version, halted=False)]
