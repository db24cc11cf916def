"""The ledger's halts, read again: what the stream did not bring, or brought before this life."""

from __future__ import annotations

from .facts import HaltsRead
from .state import Control
from .tracking import Out


def decide(state: Control, event: HaltsRead) -> tuple[Control, Out]:
    """Note every halt."""
    for halt in event.halts:
        state.halts.note(halt.scope, halt.version, halted=True)
    return state, []
