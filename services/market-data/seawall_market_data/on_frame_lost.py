"""A frame could not be attributed: whatever it may have carried is in doubt."""

from __future__ import annotations

from .book_sync import lose_book
from .commands import Said
from .facts import FrameLost
from .feed_state import trouble
from .state import Market


def decide(state: Market, event: FrameLost) -> tuple[Market, Said]:
    """Drop a live book that may lack an update, and look for a trade; a lost quote is made good by the next."""
    said: Said = [trouble(state, "lost_frame", event.reason)]
    if "depth" in event.channels and state.book.is_live:
        said += lose_book(state, event.reason, event.ts_received_ns)
    if "trade" in event.channels:
        said += state.trades.doubt()
    return state, said
