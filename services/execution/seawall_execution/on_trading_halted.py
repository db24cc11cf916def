"""No new risk in a scope."""

from __future__ import annotations

from seawall_proto import TradingHalted

from .commands import TellHalt
from .state import Control
from .tracking import Out


def decide(state: Control, event: TradingHalted) -> tuple[Control, Out]:
    """Tell every account; working stops and exits stay as they are."""
    return state, [TellHalt(scope=event.scope, version=event.version, halted=True)]
