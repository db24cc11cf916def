"""The best quote: said only while the book behind it is verified, and held against it."""

from __future__ import annotations

from seawall_proto import QuoteTicked

from .book_sync import lose_book
from .commands import Said
from .feed_state import trouble
from .quote_check import forget_quotes, hold_against_book
from .state import Market

COUNTS_AFRESH_NS = 1_000_000_000  # a lower number this much later is no repeat: the venue's numbers began anew


def take_quote(state: Market, quote: QuoteTicked) -> Said:
    """Say the best quote where the feed is live and its pace allows; drop what is old or cannot be."""
    update_id, ts_venue_ns, ts_received_ns = quote.update_id, quote.ts_venue_ns, quote.ts_received_ns
    has_time = ts_venue_ns != ts_received_ns  # equal where the venue tells none
    if update_id <= state.last_quote_id:
        if not has_time or ts_venue_ns < state.last_quote_venue_ns + COUNTS_AFRESH_NS:
            return []
        forget_quotes(state)
    state.last_quote_id = update_id
    state.last_quote_ns = ts_received_ns
    if has_time:
        state.last_quote_venue_ns = ts_venue_ns
        state.clock.note(ts_venue_ns, ts_received_ns)
    if quote.bid_price >= quote.ask_price:
        return [trouble(state, "odd_quote", f"bid {quote.bid_price} at or above ask {quote.ask_price}")]
    if state.dialect.quotes_share_numbers and (wrong := hold_against_book(state, quote)):
        return lose_book(state, wrong, ts_received_ns)
    if state.feed != "live":
        return []
    return _say_in_pace(state, quote) if state.settings.quote_every_ns else [quote]


def say_pending_quote(state: Market, ts_received_ns: int) -> Said:
    """Say the quote that the pace held back, once a whole interval went by without a newer one."""
    quote = state.quote_pending
    if quote is None or state.feed != "live":
        return []
    bucket = state.clock.venue_ns(ts_received_ns) // state.settings.quote_every_ns
    if bucket <= state.quote_bucket + 1:
        return []
    state.quote_bucket, state.quote_pending = bucket, None
    return [quote]


def _say_in_pace(state: Market, quote: QuoteTicked) -> Said:
    bucket = quote.ts_venue_ns // state.settings.quote_every_ns
    if bucket == state.quote_bucket:
        state.quote_pending = quote
        return []
    state.quote_bucket, state.quote_pending = bucket, None
    return [quote]
