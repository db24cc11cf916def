"""Somebody wants no new risk: granted to anyone, at once, and kept."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from seawall_proto import HaltRequested

from . import halts
from .facts import PersistHalt
from .state import Portfolio


def decide(state: Portfolio, event: HaltRequested) -> tuple[Portfolio, Sequence[msgspec.Struct]]:
    """Halt the scope; asking again for one that is halted is answered with the same version."""
    state.advance(event.ts_received_ns)
    halted = halts.halt(state, event.scope, event.actor, event.reason, event.ts_received_ns or state.now_ns)
    return state, (halted, PersistHalt(fact=halted))
