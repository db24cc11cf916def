"""The book: verified at every update, dropped at the first doubt, deepened before it runs thin."""

from __future__ import annotations

from typing import Any

from seawall_proto import BookChanged, QuoteTicked
from seawall_venues.feed import Verdict

from .commands import FetchSnapshot, Said
from .feed_state import LIVE_LONG_NS, change_feed, trouble
from .state import Market

# The snapshot ends somewhere, and a level beyond its end is known only if it changed since. When fewer
# levels than this are known in full, a new book is synchronised beside the live one and takes its place.
# A leap of the market past the end (0.1 % in one frame was seen) holds back books until then: quotes go
# on, for they are the venue's own word on the top.
DEEPEN_BELOW = 200
DEEPEN_EVERY_NS = 10_000_000_000  # a snapshot weighs 20 of the venue's 2 400 a minute
DEEPEN_AGAIN_NS = 1_000_000_000  # while books are held back


def take_update(state: Market, update: Any, ts_received_ns: int) -> Said:
    """Apply one depth update by the venue's rule, and say the book where it is due."""
    said: Said = _take_refresh_update(state, update, ts_received_ns) if state.refresh is not None else []
    verdict = state.book.apply(update)
    if verdict is Verdict.APPLIED:
        return said + _follow(state, ts_received_ns)
    if verdict is Verdict.WAITING:
        return said + (_fetch(state) if state.snapshot_wanted else [])
    if verdict is Verdict.GAP:
        # the update that showed the gap already waits for the snapshot
        return [
            *said,
            *lose_book(state, "gap: an update does not follow on the one before", ts_received_ns),
            *_fetch(state),
        ]
    return said


def take_snapshot(state: Market, snapshot: Any, request: int, ts_received_ns: int) -> Said:
    """Synchronise with a snapshot; one that nobody waits for any more is ignored."""
    if request != state.snapshot_request or not state.connected:
        return []
    book = state.refresh if state.refresh is not None else state.book
    verdict = book.load(snapshot)
    if verdict is not Verdict.APPLIED:
        return fetch_again(state, request)
    if state.refresh is not None:
        state.book, state.refresh = state.refresh, None
    return _follow(state, ts_received_ns)


def fetch_again(state: Market, request: int) -> Said:
    """Ask for another snapshot, a little later; nothing where nobody waits for this one."""
    if request != state.snapshot_request:
        return []
    state.snapshot_attempt += 1
    return _fetch(state)


def lose_book(state: Market, reason: str, ts_received_ns: int) -> Said:
    """Drop the book: nothing of it is said until it is synchronised anew."""
    if state.book.is_live:
        state.book.reset()
    if ts_received_ns - state.live_since_ns > LIVE_LONG_NS:
        state.snapshot_attempt = 0
    else:
        state.snapshot_attempt += 1
    state.refresh = None
    state.recent_quotes.clear()
    state.quote_pending = None
    state.book_pending = False
    state.snapshot_wanted = True
    said: Said = [trouble(state, "book_gap", reason)]
    if not state.connected:
        return said
    return said + change_feed(state, "stale", reason, ts_received_ns)


def check_quote(state: Market, quote: QuoteTicked) -> str:
    """Return how a best quote contradicts the book at the very same update, or an empty text."""
    book = state.book
    if quote.update_id != book.update_id or not book.levels.knows_top():
        return ""
    bid, ask = book.levels.bids.top(1), book.levels.asks.top(1)
    if bid == ((quote.bid_price, quote.bid_quantity),) and ask == ((quote.ask_price, quote.ask_quantity),):
        return ""
    return f"book and best quote differ at update {quote.update_id}"


def say_pending_book(state: Market, ts_received_ns: int) -> Said:
    """Say the book that the pace held back, once a whole interval went by without a newer one."""
    if not state.book_pending or state.feed != "live":
        return []
    bucket = state.clock.venue_ns(ts_received_ns) // state.settings.book_every_ns
    if bucket <= state.book_bucket + 1:
        return []
    state.book_bucket = bucket
    return [_book_changed(state, state.depth_received_ns)]


def _follow(state: Market, ts_received_ns: int) -> Said:
    """Look at the book after a change: is it sound, is it live again, is it due to be said?"""
    book, levels = state.book, state.book.levels
    state.depth_received_ns = ts_received_ns
    state.clock.note(book.ts_venue_ns, ts_received_ns)
    wrong = levels.trouble() or _contradiction(state)
    if wrong:
        return lose_book(state, wrong, ts_received_ns)
    said: Said = []
    if state.feed != "live":
        said += change_feed(state, "live", "synchronised", ts_received_ns)
        state.book_bucket = -1
    if not levels.knows_top():
        state.book_pending = False
        _deepen(state, DEEPEN_AGAIN_NS, ts_received_ns)
        return said
    bucket = book.ts_venue_ns // state.settings.book_every_ns
    if bucket == state.book_bucket:
        state.book_pending = True
        return said
    state.book_bucket = bucket
    said.append(_book_changed(state, ts_received_ns))
    if not levels.reaches(DEEPEN_BELOW):
        _deepen(state, DEEPEN_EVERY_NS, ts_received_ns)
    return said


def _contradiction(state: Market) -> str:
    recent, update_id = state.recent_quotes, state.book.update_id
    while recent and recent[0].update_id < update_id:
        recent.popleft()
    return check_quote(state, recent[0]) if recent else ""


def _book_changed(state: Market, ts_received_ns: int) -> BookChanged:
    book, count = state.book, state.settings.book_levels
    state.book_pending = False
    return BookChanged(
        id=f"{state.venue}.{state.symbol}.book.{book.update_id}",
        ts_received_ns=ts_received_ns,
        venue=state.venue,
        symbol=state.symbol,
        ts_venue_ns=book.ts_venue_ns,
        update_id=book.update_id,
        bids=book.levels.bids.top(count),
        asks=book.levels.asks.top(count),
    )


def _deepen(state: Market, every_ns: int, ts_received_ns: int) -> None:
    """Start a deeper book beside the live one; the next update sets off its snapshot."""
    if state.refresh is None and ts_received_ns - state.refreshed_ns >= every_ns:
        state.refreshed_ns = ts_received_ns
        state.refresh = state.dialect.new_book()
        state.snapshot_wanted = True


def _take_refresh_update(state: Market, update: Any, ts_received_ns: int) -> Said:
    assert state.refresh is not None
    state.refresh.apply(update)
    return _fetch(state) if state.snapshot_wanted else []


def _fetch(state: Market) -> Said:
    state.snapshot_wanted = False
    state.snapshot_request += 1
    return [
        FetchSnapshot(
            venue=state.venue,
            symbol=state.symbol,
            request=state.snapshot_request,
            attempt=state.snapshot_attempt,
        )
    ]
