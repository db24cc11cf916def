"""A position changed: by a signal's order, by a stop, or by hand."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import Event, PositionChanged
from seawall_strategies import Market

from .hearing import ask, listeners
from .state import Host


def decide(state: Host, event: PositionChanged) -> tuple[Host, Sequence[Event]]:
    """Tell the strategies that listen, once; a late copy is recognised by its sequence."""
    market = Market(event.venue, event.symbol)
    if market not in state.markets or event.sequence <= state.position_sequences.get(market, -1):
        return state, ()
    state.position_sequences[market] = event.sequence
    return state, [said for hosted in listeners(state, PositionChanged) for said in ask(state, hosted, market, event)]
