"""The connection came or went: nothing of the old one is trusted on the new one."""

from __future__ import annotations

from seawall_proto import FeedState

from .book_sync import FREEZING
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
        said += _follow_trades(state, event.connected)
    return state, said


def _follow_trades(state: Market, connected: bool) -> Said:
    """Ask what was missed: at once where the address itself subscribes, else when something of the symbol is heard.

    What is traded between the answer and the beginning of the subscription would be in neither.
    """
    if not connected:
        state.trades.disconnected()
        return []
    if state.trades.is_connected:  # one connection takes over from another
        return [] if state.dialect.trades_are_numbered else state.trades.doubt()
    asked = state.trades.connected()
    if state.dialect.resync == "snapshot":
        return asked
    state.trades.suspend("silent")
    return []


def _forget_book(state: Market, ts_received_ns: int) -> None:
    state.book.reset()
    state.refresh = None
    state.frozen = set(FREEZING) if state.dialect.resync == "resubscription" else set()
    state.refusals.clear()
    state.unlisted = False
    state.pace.forget()
    # a snapshot on the stream comes with the subscription; one over REST is asked for at the first update
    state.snapshot_wanted = state.dialect.resync == "snapshot"
    state.renewed_ns = ts_received_ns
    state.snapshot_attempt = 0
    state.snapshot_request += 1  # an answer on its way belongs to the connection before
    if not state.last_quote_venue_ns:  # where quotes tell a time, one of another count is told by that
        state.last_quote_id = 0
    forget_quotes(state)
    state.book_pending = False
