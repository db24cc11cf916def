"""Whether a feed can be trusted, and saying so once when it changes."""

from __future__ import annotations

from seawall_proto import FeedChanged, FeedState

from .commands import NoteTrouble, Said, Trouble
from .state import Market

LIVE_LONG_NS = 10_000_000_000  # a book that held this long owes nothing to the tries before it


def change_feed(state: Market, feed: FeedState, reason: str, ts_received_ns: int) -> Said:
    """Return the FeedChanged where the feed's state is new, and remember it."""
    if feed == state.feed:
        return []
    state.feed, state.reason, state.feed_since_ns = feed, reason, ts_received_ns
    if feed == "live":
        state.live_since_ns = ts_received_ns
    return [feed_changed(state, ts_received_ns)]


def feed_changed(state: Market, ts_received_ns: int) -> FeedChanged:
    """Say the present state, also to those who came late."""
    return FeedChanged(
        id=f"{state.venue}.{state.symbol}.feed.{ts_received_ns}.{state.feed}",
        ts_received_ns=ts_received_ns,
        venue=state.venue,
        symbol=state.symbol,
        ts_venue_ns=state.clock.venue_ns(ts_received_ns),
        state=state.feed,
        reason=state.reason,
    )


def trouble(state: Market, kind: Trouble, detail: str) -> NoteTrouble:
    """Note something that was wrong and is dealt with."""
    return NoteTrouble(venue=state.venue, symbol=state.symbol, kind=kind, detail=detail)
