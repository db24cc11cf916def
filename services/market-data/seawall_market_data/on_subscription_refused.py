"""The venue refused a subscription."""

from __future__ import annotations

from .commands import Renew, Said
from .facts import SubscriptionRefused
from .feed_state import change_feed, trouble
from .state import Market


def decide(state: Market, event: SubscriptionRefused) -> tuple[Market, Said]:
    """Say that the book's feed is down, and ask again, a little later each time, where that can help.

    Trades that the stream does not bring are polled, and bars wait for them.
    """
    channel = event.channel
    said: Said = [trouble(state, "refused", f"{channel}: {event.reason}")]
    if channel == "depth":
        state.book.reset()
        state.refresh = None
        state.snapshot_wanted = state.dialect.resync == "snapshot"  # by the first update, once it is accepted
        state.unlisted = event.is_final
        said += change_feed(state, "down", event.reason, event.ts_received_ns)
    elif channel == "trade":
        state.trades.suspend("refused")
    if not event.is_final:
        state.renewed_ns = event.ts_received_ns
        attempt = state.refusals[channel] = state.refusals.get(channel, 0) + 1
        said.append(Renew(venue=state.venue, symbol=state.symbol, channel=channel, attempt=attempt, is_refused=True))
    return state, said
