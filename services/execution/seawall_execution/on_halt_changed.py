"""A halt or a resume reached this account."""

from __future__ import annotations

from .facts import HaltChanged
from .state import Account
from .tracking import Out


def decide(state: Account, event: HaltChanged) -> tuple[Account, Out]:
    """Keep the newest version of each scope; of a halt and a resume with one version the halt wins."""
    version, halted = state.halts.get(event.scope, (0, False))
    if event.version > version or (event.version == version and event.halted and not halted):
        state.halts[event.scope] = (event.version, event.halted)
    return state, []
