"""A bar is final: compute every feature as of its close."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import BarClosed, BookChanged, FeaturesComputed

from .state import Instrument

MAX_BOOK_AGE_NS = 2_000_000_000  # a book changes several times a second; an older one is not the bar's


def decide(state: Instrument, event: BarClosed) -> tuple[Instrument, Sequence[FeaturesComputed]]:
    """Say the features once a bar, in the bars' order; a missing bar starts every window anew.

    A repaired bar is history that came late: it fills the windows and sets nothing off.
    """
    if event.interval_ns == state.interval_ns and event.ts_open_ns < state.next_open_ns:
        return state, ()  # heard before: bars are repeated after a restart
    if event.interval_ns != state.interval_ns or event.ts_open_ns != state.next_open_ns:
        state.stream.reset()
    state.interval_ns, state.next_open_ns = event.interval_ns, event.ts_close_ns
    book = _book_at_close(state, event)
    values = state.stream.update(event, book)
    if event.repaired:
        return state, ()
    return state, (
        FeaturesComputed(
            causes=(event.id,) if book is None else (event.id, book.id),
            venue=event.venue,
            symbol=event.symbol,
            ts_venue_ns=event.ts_venue_ns,
            interval_ns=event.interval_ns,
            ts_bar_close_ns=event.ts_close_ns,
            close=event.close,
            values=values,
            version=state.stream.version,
            expires_at_ns=event.ts_received_ns + event.interval_ns,
        ),
    )


def _book_at_close(state: Instrument, event: BarClosed) -> BookChanged | None:
    book = state.book
    if book is None or abs(book.ts_venue_ns - event.ts_close_ns) > MAX_BOOK_AGE_NS:
        return None
    return book
