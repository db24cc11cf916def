"""A strategy wants a position: one order is approved, or the wish is refused with its reason."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import Event, SignalRaised

from .approval import judge
from .state import Portfolio


def decide(state: Portfolio, event: SignalRaised) -> tuple[Portfolio, Sequence[Event]]:
    """Answer every signal with exactly one OrderApproved or OrderRefused."""
    state.advance(event.ts_received_ns)
    return state, (judge(state, event),)
