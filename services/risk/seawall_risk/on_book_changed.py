"""The top of the book: what an order would walk through."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import BookChanged, Event

from .state import Portfolio


def decide(state: Portfolio, event: BookChanged) -> tuple[Portfolio, Sequence[Event]]:
    """Keep the levels; they are checked when an order depends on them."""
    state.advance(event.ts_received_ns)
    market = state.tradable(event.venue, event.symbol)
    if market is not None:
        market.bids, market.asks, market.book_ns = event.bids, event.asks, event.ts_received_ns
    return state, ()
