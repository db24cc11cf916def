"""REST as a stand-in: while the stream is away, book and trades are read at a pace, and left as soon as it is good.

What is polled is true of its time and says so; the feed stays stale or down, so nobody opens a position
on it, while stops and marks go on seeing prices.
"""

from __future__ import annotations

from seawall_proto import BookChanged, QuoteTicked
from seawall_venues.book import OrderBook
from seawall_venues.feed import BookSnapshot

from .book_sync import is_past
from .commands import PollBook, Said
from .state import Market


def poll_if_due(state: Market, ts_received_ns: int) -> Said:
    """Ask for book and trades where the feed has not been live for a while, for trades where they alone are away."""
    settings, is_live = state.settings, state.feed == "live"
    if (is_live and not state.trades.is_away) or ts_received_ns - state.feed_since_ns < settings.poll_after_ns:
        return []
    if ts_received_ns - state.polled_ns < settings.poll_every_ns:
        return []
    state.polled_ns = ts_received_ns
    book: Said = [] if is_live else [PollBook(venue=state.venue, symbol=state.symbol)]
    return book + state.trades.poll()


def say_polled(state: Market, snapshot: BookSnapshot, ts_received_ns: int) -> Said:
    """Return the polled book and its best quote; nothing of one that is old or that no market can look like."""
    if is_past(state, snapshot.ts_venue_ns, ts_received_ns):
        return []
    levels = OrderBook()
    levels.load(snapshot.bids, snapshot.asks, snapshot.limit)
    if levels.trouble():
        return []
    ts_venue_ns = snapshot.ts_venue_ns or state.clock.venue_ns(ts_received_ns)
    update_id = snapshot.update_id or ts_venue_ns
    name = f"{state.venue}.{state.symbol}"
    bids, asks = levels.bids.top(state.settings.book_levels), levels.asks.top(state.settings.book_levels)
    (bid_price, bid_quantity), (ask_price, ask_quantity) = bids[0], asks[0]
    quote = QuoteTicked(
        id=f"{name}.quote.polled.{update_id}",
        ts_received_ns=ts_received_ns,
        venue=state.venue,
        symbol=state.symbol,
        ts_venue_ns=ts_venue_ns,
        update_id=update_id,
        bid_price=bid_price,
        bid_quantity=bid_quantity,
        ask_price=ask_price,
        ask_quantity=ask_quantity,
        polled=True,
    )
    book = BookChanged(
        id=f"{name}.book.polled.{update_id}",
        ts_received_ns=ts_received_ns,
        venue=state.venue,
        symbol=state.symbol,
        ts_venue_ns=ts_venue_ns,
        update_id=update_id,
        bids=bids,
        asks=asks,
        polled=True,
    )
    if 0 < snapshot.ts_venue_ns != snapshot.update_id:
        state.book_said = book  # one without a number has the time of the answer, which no stream could be held against
    return [quote, book]
