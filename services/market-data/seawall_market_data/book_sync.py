"""The book: verified at every update, dropped at the first doubt, found again by the venue's own way."""

from __future__ import annotations

from typing import Any

from seawall_proto import BookChanged
from seawall_venues.feed import APPLIED, OLD, WAITING, BookSnapshot, Channel

from .commands import FetchSnapshot, Renew, Said
from .feed_state import LIVE_LONG_NS, change_feed, trouble
from .quote_check import forget_quotes, hold_against_quotes
from .state import Market

# A snapshot over REST ends somewhere, and a level beyond its end is known only if it changed since. When
# fewer levels than this are known in full, a new book is synchronised beside the live one and takes its
# place. A leap of the market past the end (0.1 % in one frame was seen) holds back books until then:
# quotes go on, for they are the venue's own word on the top.
DEEPEN_BELOW = 200
DEEPEN_EVERY_NS = 10_000_000_000  # a snapshot weighs 20 of the venue's 2 400 a minute
COUNT_EVERY_NS = 1_000_000_000  # how long a book may run thin unseen: of a thousand levels few go in a second
DEEPEN_AGAIN_NS = 1_000_000_000  # while books are held back
RENEW_AGAIN_NS = 5_000_000_000  # a snapshot on the stream comes within a second of the subscription
MAX_SPACING = 12  # tries are spaced by ever more of these, up to a minute
PAST_NS = 60_000_000_000  # for so long an older book than the last one is history sent again; then the clock is wrong
FREEZING: tuple[Channel, ...] = ("trade", "quote")  # what may fall silent with the book


def take_update(state: Market, update: Any, ts_received_ns: int) -> Said:
    """Apply one depth message by the venue's rule, and say the book where it is due."""
    said: Said = _take_refresh_update(state, update) if state.refresh is not None else []
    tally = state.tally
    was_live = state.book.is_live
    verdict = state.book.apply(update)
    tally.updates += 1
    if verdict is APPLIED:
        if was_live:
            tally.checks += 1
        else:
            tally.snapshots += 1
        return said + _follow(state, ts_received_ns) if said else _follow(state, ts_received_ns)
    if verdict is WAITING:
        return said + (find_again(state, ts_received_ns) if state.snapshot_wanted else [])
    if verdict is OLD:
        tally.repeats += 1
        return said
    tally.checks += 1
    tally.checks_failed += 1
    # the update that showed the gap may itself begin a new book; if not, it is asked for
    return [*said, *lose_book(state, verdict.value, ts_received_ns), *find_again(state, ts_received_ns)]


def take_snapshot(state: Market, snapshot: BookSnapshot, request: int, ts_received_ns: int) -> Said:
    """Synchronise with a snapshot over REST; one that nobody waits for any more is ignored."""
    if request != state.snapshot_request or not state.connected:
        return []
    book = state.refresh if state.refresh is not None else state.book
    verdict = book.load(snapshot)
    if verdict is not APPLIED:
        return fetch_again(state, request)
    state.tally.snapshots += 1
    if state.refresh is not None:
        state.book, state.refresh = state.refresh, None
    return _follow(state, ts_received_ns)


def fetch_again(state: Market, request: int) -> Said:
    """Ask for another snapshot, a little later; nothing where nobody waits for this one."""
    if request != state.snapshot_request:
        return []
    state.snapshot_attempt += 1
    return _fetch(state)


def find_again(state: Market, ts_received_ns: int) -> Said:
    """Ask for the book by the venue's own way: a snapshot over REST, or a new subscription."""
    if state.dialect.resync == "snapshot":
        return _fetch(state)
    state.snapshot_wanted = False
    return renew(state, "depth", ts_received_ns)


def renew(state: Market, channel: Channel, ts_received_ns: int) -> Said:
    """Subscribe anew; how often in a row is counted until the feed is live again."""
    state.renewals += 1
    state.renewed_ns = ts_received_ns
    return [Renew(venue=state.venue, symbol=state.symbol, channel=channel, attempt=state.renewals)]


def renew_if_due(state: Market, ts_received_ns: int) -> Said:
    """Subscribe once more where a feed that is not live brings nothing to become so."""
    if not state.connected or state.feed == "live" or state.unlisted:
        return []
    waits_for_rest = state.dialect.resync == "snapshot"  # while updates come, the snapshot is on its way
    since_ns = max(state.renewed_ns, state.pace.last_ns if waits_for_rest else 0)
    # a refusal is answered by itself, however slowly: this is for answers that never came
    tries = MAX_SPACING if "depth" in state.refusals else state.renewals
    if ts_received_ns - since_ns < RENEW_AGAIN_NS * min(max(tries, 1), MAX_SPACING):
        return []
    return renew_frozen(state, ts_received_ns)


def renew_frozen(state: Market, ts_received_ns: int) -> Said:
    """Subscribe anew to the book, and before it to what fell silent with it.

    In this order trades flow by the time the book is there: what they lacked is asked for then.
    """
    others = [channel for channel in FREEZING if channel in state.frozen]
    first: Said = [Renew(venue=state.venue, symbol=state.symbol, channel=channel, attempt=1) for channel in others]
    return first + renew(state, "depth", ts_received_ns)


def lose_book(state: Market, reason: str, ts_received_ns: int) -> Said:
    """Drop the book: nothing of it is said until it is synchronised anew."""
    if state.book.is_live:
        state.book.reset()
    if ts_received_ns - state.live_since_ns > LIVE_LONG_NS:
        state.snapshot_attempt = 0
    else:
        state.snapshot_attempt += 1
    state.refresh = None
    forget_quotes(state)
    state.book_pending = False
    state.snapshot_wanted = True
    state.tally.resyncs += 1
    said: Said = [trouble(state, "book_gap", reason)]
    if not state.connected:
        return said
    return said + change_feed(state, "stale", reason, ts_received_ns)


def say_pending_book(state: Market, ts_received_ns: int) -> Said:
    """Say the book that the pace held back, once a whole interval went by without a newer one."""
    if not state.book_pending or state.feed != "live":
        return []
    bucket = state.clock.venue_ns(ts_received_ns) // state.settings.book_every_ns
    if bucket <= state.book_bucket + 1:
        return []
    state.book_bucket = bucket
    return _say_book(state, state.depth_received_ns)


def _follow(state: Market, ts_received_ns: int) -> Said:
    """Look at the book after a change: is it sound, is it live again, is it due to be said?"""
    book, levels = state.book, state.book.levels
    state.depth_received_ns = ts_received_ns
    state.clock.note(book.ts_venue_ns, ts_received_ns)
    wrong = levels.trouble()
    if wrong:
        state.tally.books_crossed += 1
    elif state.last_quote_id:
        wrong = hold_against_quotes(state)
    if wrong:
        return lose_book(state, wrong, ts_received_ns)
    said: Said = []
    if state.feed != "live":
        if is_past(state, book.ts_venue_ns, ts_received_ns):
            return []  # what was sent before a break comes again; the present follows
        said += change_feed(state, "live", "synchronised", ts_received_ns)
        state.book_bucket = -1
        state.renewals = 0
        state.frozen.clear()
        said += state.trades.resume()
    if not levels.knows_top():
        state.book_pending = False
        _deepen(state, DEEPEN_AGAIN_NS, ts_received_ns)
        return said
    bucket = book.ts_venue_ns // state.settings.book_every_ns
    if bucket == state.book_bucket:
        state.book_pending = True
        return said
    state.book_bucket = bucket
    said += _say_book(state, ts_received_ns, again=bool(said))
    if ts_received_ns - state.depth_counted_ns >= COUNT_EVERY_NS:
        state.depth_counted_ns = ts_received_ns
        if levels.is_thin(DEEPEN_BELOW):
            _deepen(state, DEEPEN_EVERY_NS, ts_received_ns)
    return said


def is_past(state: Market, ts_venue_ns: int, ts_received_ns: int) -> bool:
    """True for a book of a time before the one that was said last; never where it tells none."""
    said = state.book_said
    return said is not None and 0 < ts_venue_ns < said.ts_venue_ns and ts_received_ns < said.ts_received_ns + PAST_NS


def _say_book(state: Market, ts_received_ns: int, *, again: bool = False) -> Said:
    """Return the book, also one that was said before where ``again``; else a snapshot of the same is not news."""
    book, count, before = state.book, state.settings.book_levels, state.book_said
    state.book_pending = False
    state.book_said = said = BookChanged(
        id=f"{state.venue}.{state.symbol}.book.{book.update_id}",
        ts_received_ns=ts_received_ns,
        venue=state.venue,
        symbol=state.symbol,
        ts_venue_ns=book.ts_venue_ns,
        update_id=book.update_id,
        bids=book.levels.bids.top(count),
        asks=book.levels.asks.top(count),
    )
    is_same = before is not None and before.id == said.id and (before.bids, before.asks) == (said.bids, said.asks)
    return [] if is_same and not again else [said]


def _deepen(state: Market, every_ns: int, ts_received_ns: int) -> None:
    """Start a deeper book beside the live one; the next update sets off its snapshot.

    A book whose snapshot comes on the stream is as deep as its subscription, and stays so.
    """
    if state.dialect.resync != "snapshot":
        return
    if state.refresh is None and ts_received_ns - state.refreshed_ns >= every_ns:
        state.refreshed_ns = ts_received_ns
        state.refresh = state.dialect.new_book(state.instrument)
        state.snapshot_wanted = True


def _take_refresh_update(state: Market, update: Any) -> Said:
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
