"""A second passed."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import Event
from seawall_runtime.service import TimerElapsed

from .state import Host


def decide(state: Host, event: TimerElapsed) -> tuple[Host, Sequence[Event]]:
    """Know the time, so that history can be told from news."""
    state.now_ns = max(state.now_ns, event.ts_received_ns)
    return state, ()
