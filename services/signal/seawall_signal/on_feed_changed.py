"""The feed of an instrument became live, or stopped being so."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import Event, FeedChanged
from seawall_strategies import Market

from .state import Host


def decide(state: Host, event: FeedChanged) -> tuple[Host, Sequence[Event]]:
    """Keep the newest word. A feed that is not live brings no signals, not even to get out."""
    market = Market(event.venue, event.symbol)
    if market in state.markets:
        state.feeds[market] = event.state
    return state, ()
