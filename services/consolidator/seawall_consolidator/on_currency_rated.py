"""Its own word on a currency, re-read after a restart."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import CurrencyRated, Event

from .state import Consolidation


def decide(state: Consolidation, event: CurrencyRated) -> tuple[Consolidation, Sequence[Event]]:
    """Keep what a market once told where this process has seen none yet: it speaks against assuming par."""
    state.advance(event.ts_received_ns)
    state.rates.recall(event, state.now_ns)
    return state, ()
