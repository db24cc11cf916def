"""A second passed: what fell silent leaves its view, and rates are told to newcomers."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import Event
from seawall_runtime.service import TimerElapsed

from .pace import retire_old, say_due
from .state import Consolidation


def decide(state: Consolidation, event: TimerElapsed) -> tuple[Consolidation, Sequence[Event]]:
    """Take out the prices that grew too old; no other market is looked at."""
    state.advance(event.ts_received_ns)
    state.rates.renew(state.now_ns)
    said: list[Event] = [*state.rates.say(state.now_ns, event.id), *retire_old(state, event.id)]
    return state, said + say_due(state, event.id)
