"""The ledger's halts, read again: the copy that counts when the bus lost one."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import Event

from . import halts
from .facts import HaltsRead
from .state import Portfolio


def decide(state: Portfolio, event: HaltsRead) -> tuple[Portfolio, Sequence[Event]]:
    """Take over what is newer, and note that halts are readable."""
    state.advance(event.ts_received_ns)
    state.halts_read_ns = max(state.halts_read_ns, event.ts_received_ns)
    for halt in event.halts:
        halts.take(state, halt)
    return state, ()
