"""The venue refused a subscription."""

from __future__ import annotations

from .book_sync import renew
from .commands import Said
from .facts import SubscriptionRefused
from .feed_state import change_feed, trouble
from .state import Market


def decide(state: Market, event: SubscriptionRefused) -> tuple[Market, Said]:
    """Say that the book's feed is down, and ask again, a little later each time, where that can help."""
    said: Said = [trouble(state, "refused", f"{event.channel}: {event.reason}")]
    if event.channel == "depth":
        state.book.reset()
        said += change_feed(state, "down", event.reason, event.ts_received_ns)
    if not event.is_final:
        said += renew(state, event.channel, event.ts_received_ns)
    return state, said
