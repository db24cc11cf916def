"""The connection came or went: nothing of the old one is trusted on the new one."""

from __future__ import annotations

from seawall_proto import FeedState

from .commands import Said
from .facts import ConnectionChanged
from .feed_state import change_feed
from .quote_check import forget_quotes
from .state import Market


def decide(state: Market, event: ConnectionChanged) -> tuple[Market, Said]:
    """Start to synchronise, or say that the feed is down."""
    said: Said = []
    if "depth" in event.channels:
        state.connected = event.connected
        _forget_book(state, event.ts_received_ns)
        feed: FeedState = "syncing" if event.connected else "down"
        said += change_feed(state, feed, event.reason, event.ts_received_ns)
    if "candle" in event.channels:
        state.candle = None
    if "trade" in event.channels:
        if event.connected:
            said += state.trades.connected()
        else:
            state.trades.disconnected()
    return state, said


def _forget_book(state: Market, ts_received_ns: int) -> None:
    state.book.reset()
    state.refresh = None
    state.pace.forget()
    # a snapshot on the stream comes with the subscription; one over REST is asked for at the first update
    state.snapshot_wanted = state.dialect.resync == "snapshot"
    state.renewed_ns = ts_received_ns
    state.snapshot_attempt = 0
    state.snapshot_request += 1  # an answer on its way belongs to the connection before
    state.last_quote_id = 0
    forget_quotes(state)
    state.book_pending = False
