"""The feed of an instrument became live, or stopped being so."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import Event, FeedChanged

from .state import Portfolio


def decide(state: Portfolio, event: FeedChanged) -> tuple[Portfolio, Sequence[Event]]:
    """Keep the newest word; a feed that is not live takes its book with it."""
    state.advance(event.ts_received_ns)
    market = state.tradable(event.venue, event.symbol)
    if market is None or event.ts_received_ns < market.feed_ns:
        return state, ()
    market.feed, market.feed_ns = event.state, event.ts_received_ns
    if event.state != "live":
        market.book_ns = 0  # a book with a gap is not a book; the quote still values what is held
    return state, ()
