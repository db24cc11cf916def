"""The venue's rules for orders in an instrument."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import Event, InstrumentListed

from .sizing import is_usable
from .state import Portfolio


def decide(state: Portfolio, event: InstrumentListed) -> tuple[Portfolio, Sequence[Event]]:
    """Keep the newest rules; rules that no order could be made by leave the instrument unknown."""
    state.advance(event.ts_received_ns)
    market = state.tradable(event.venue, event.symbol)
    if market is not None:
        market.instrument = event if is_usable(event) else None
    return state, ()
