"""The venue stated an instrument's rules."""

from __future__ import annotations

from .announce import announce
from .commands import Said
from .facts import InstrumentFetched
from .state import Market


def decide(state: Market, event: InstrumentFetched) -> tuple[Market, Said]:
    """Pass the rules on at once; a book that was not begun yet is one by these rules."""
    if event.instrument != state.instrument:
        state.instrument, state.is_listed = event.instrument, True
        state.trades.bars.learn(event.instrument)
        if not state.connected:
            state.book = state.dialect.new_book(event.instrument)
    return state, announce(state, event.ts_received_ns)
