"""A bar's features are there: every strategy that listens decides."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import Event, FeaturesComputed
from seawall_strategies import Market

from .hearing import ask, listeners, warm
from .state import Host


def decide(state: Host, event: FeaturesComputed) -> tuple[Host, Sequence[Event]]:
    """Act on fresh bars of a live feed; from all others only learn."""
    market = Market(event.venue, event.symbol)
    if market not in state.markets:
        return state, ()
    if not state.may_act(market, event.ts_received_ns):
        for hosted in listeners(state, FeaturesComputed):
            warm(state, hosted, market, event)
        return state, ()
    return state, [said for hosted in listeners(state, FeaturesComputed) for said in ask(state, hosted, market, event)]
