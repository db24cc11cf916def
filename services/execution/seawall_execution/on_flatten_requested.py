"""Somebody wants every position in a scope closed."""

from __future__ import annotations

from seawall_proto import FlattenRequested

from .commands import TellFlatten
from .state import Control
from .tracking import Out

MAX_WISHES = 256  # redeliveries come within minutes; nobody asks 256 times in that


def decide(state: Control, event: FlattenRequested) -> tuple[Control, Out]:
    """Tell every account, once."""
    if event.id in state.flattened:
        return state, []
    state.flattened[event.id] = None
    if len(state.flattened) > MAX_WISHES:
        state.flattened.popitem(last=False)
    reason = f"flatten asked for by {event.actor}: {event.reason}"
    return state, [TellFlatten(scope=event.scope, request_id=event.id, reason=reason)]
