"""Time went by: bars end without a trade, feeds fall silent, and what was held back is due."""

from __future__ import annotations

from .announce import announce_again
from .book_sync import FREEZING, renew_frozen, renew_if_due, say_pending_book
from .commands import Said
from .facts import MomentPassed
from .feed_state import change_feed, trouble
from .polling import poll_if_due
from .quotes import say_pending_quote
from .state import Market

NS_PER_MS = 1_000_000
GRACE_NS = 200_000_000  # a trade may reach us this long after a quote of the same time
QUIET_GRACE_NS = 1_000_000_000  # and this long after the bar's end by our estimate, when nothing came since


def decide(state: Market, event: MomentPassed) -> tuple[Market, Said]:
    """Look whether the feed still speaks; then close bars and say what is due."""
    now_ns = event.ts_received_ns
    said = _note_silence(state, now_ns)
    silence_ns = now_ns - state.heard_ns
    if state.feed != "down" and silence_ns <= state.settings.stale_after_ns:
        said += _close_bars(state, now_ns, is_quiet=state.pace.is_usual(silence_ns))
    said += renew_if_due(state, now_ns)
    said += poll_if_due(state, now_ns)
    said += say_pending_quote(state, now_ns)
    said += say_pending_book(state, now_ns)
    said += announce_again(state, now_ns)
    return state, said


def _close_bars(state: Market, now_ns: int, *, is_quiet: bool) -> Said:
    """Close by what was heard; by the clock alone only while that is usual: a frozen stream hides trades."""
    venue_ns = state.clock.venue_ns(now_ns)
    ended_ns = min(state.clock.newest_ns, venue_ns - GRACE_NS)
    if is_quiet:
        ended_ns = max(ended_ns, venue_ns - QUIET_GRACE_NS)
    return state.trades.pass_time(ended_ns, now_ns)


def _note_silence(state: Market, now_ns: int) -> Said:
    """A live feed that says nothing for long, or whose book stands still under moving quotes, is stale.

    How long is too long follows from the stream's own usual pace. A frozen stream is subscribed anew,
    since a connection that still answers pings will not end by itself.
    """
    if state.feed != "live":
        return []
    limit_ns = state.pace.limit_ns(state.settings.stale_after_ns)
    if now_ns - state.heard_ns > limit_ns:
        state.frozen.update(FREEZING)
        state.trades.suspend("silent")
        return _frozen(state, f"no frame for {limit_ns // NS_PER_MS} ms", now_ns)
    if state.dialect.quotes_share_numbers and state.last_quote_id <= state.book.update_id:
        return []  # the book is as new as the newest quote: nothing is missing from it
    if state.last_quote_ns > state.depth_received_ns and now_ns - state.depth_received_ns > limit_ns:
        return _frozen(state, f"no depth for {limit_ns // NS_PER_MS} ms under moving quotes", now_ns)
    return []


def _frozen(state: Market, reason: str, now_ns: int) -> Said:
    usual = f"; usually one every {state.pace.usual_ms:.0f} ms" if state.pace.usual_ms else ""
    return [
        trouble(state, "frozen", reason + usual),
        *change_feed(state, "stale", reason, now_ns),
        *renew_frozen(state, now_ns),
    ]
