"""Risk refused a signal."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import Event, OrderRefused
from seawall_strategies import Market

from .hearing import ask, listeners
from .state import Host


def decide(state: Host, event: OrderRefused) -> tuple[Host, Sequence[Event]]:
    """Tell the strategy that raised it, where it listens."""
    market = Market(event.venue, event.symbol)
    if market not in state.markets:
        return state, ()
    asked = [hosted for hosted in listeners(state, OrderRefused) if hosted.strategy.name == event.strategy]
    return state, [said for hosted in asked for said in ask(state, hosted, market, event)]
