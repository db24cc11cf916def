"""Somebody asked for positions to be closed; execution goes first, the guardian makes sure."""

from __future__ import annotations

import msgspec

from seawall_proto import FlattenRequested
from seawall_stop_guardian.commands import SpreadFlatten
from seawall_stop_guardian.state import Control

MAX_WISHES = 256  # redeliveries come within minutes; nobody asks 256 times in that


def decide(state: Control, event: FlattenRequested) -> tuple[Control, list[msgspec.Struct]]:
    """Pass the wish on to every symbol in scope, once."""
    if event.id in state.wishes:
        return state, []
    state.wishes[event.id] = None
    while len(state.wishes) > MAX_WISHES:
        del state.wishes[next(iter(state.wishes))]
    reason = f"asked for by {event.actor}: {event.reason}"
    return state, [SpreadFlatten(scope=event.scope, reason=reason, ts_requested_ns=event.ts_received_ns)]
