"""The book's top against the independent stream of best quotes.

At the same number both must be the same. Where every change of the top is a quote, more is known: the
newest quote up to a book's number is that book's top, once a later quote shows that it is the newest.
Almost: an update may end in the midst of one taker's sweep, a moment that no quote tells of (2 of 6 493
updates of a recorded fast market). So there it takes two disagreements in a row to doubt the book.
"""

from __future__ import annotations

from seawall_proto import QuoteTicked

from .state import Market, Top

DOUBTS = 2  # disagreements in a row between quotes


def hold_against_quotes(state: Market) -> str:
    """Look back from a book that changed; return how a quote contradicts it, or an empty text."""
    dialect, book, recent = state.dialect, state.book, state.recent_quotes
    if not dialect.quotes_share_numbers:
        return ""
    update_id = book.update_id
    while recent and recent[0].update_id <= update_id:
        state.quote_reference = recent.popleft()
    quote = state.quote_reference
    if quote is None:
        return ""
    is_known = quote.update_id == update_id or (dialect.quotes_are_complete and recent)
    if is_known:
        return _compare(state, top_of(state), quote)
    if dialect.quotes_are_complete:
        state.unproven.append(top_of(state))
    return ""


def hold_against_book(state: Market, quote: QuoteTicked) -> str:
    """Look back from a quote that came; return how it or the one before contradicts the book, or an empty text."""
    book, unproven = state.book, state.unproven
    if not unproven and (quote.update_id > book.update_id or not book.is_live):  # nearly always
        state.recent_quotes.append(quote)
        return ""
    wrong = ""
    before = state.quote_reference
    while unproven and unproven[0].update_id < quote.update_id:
        top = unproven.popleft()
        if before is not None:
            wrong = wrong or _compare(state, top, before)
    if quote.update_id > state.book.update_id or not state.book.is_live:
        state.recent_quotes.append(quote)
        return wrong
    state.quote_reference = quote
    if wrong or quote.update_id < state.book.update_id:
        return wrong
    if unproven:
        unproven.pop()  # proven by this very quote
    return _compare(state, top_of(state), quote)


def conclude(state: Market) -> None:
    """Hold the last books against the last quote: of a recording that ends, no later one will come."""
    while state.unproven and state.quote_reference is not None:
        _compare(state, state.unproven.popleft(), state.quote_reference)


def forget_quotes(state: Market) -> None:
    """The book is another one: no quote before vouches for it."""
    state.recent_quotes.clear()
    state.unproven.clear()
    state.quote_reference = None
    state.quote_doubts = 0
    state.quote_pending = None


def top_of(state: Market) -> Top:
    """Return the best levels of the book, also those beyond what its snapshot reached."""
    levels = state.book.levels
    return Top(state.book.update_id, levels.bids.touch(), levels.asks.touch())


def _compare(state: Market, top: Top, quote: QuoteTicked) -> str:
    tally = state.tally
    if top.bid == (quote.bid_price, quote.bid_quantity) and top.ask == (quote.ask_price, quote.ask_quantity):
        state.quote_doubts = 0
        tally.quotes_compared += 1
        tally.quotes_agreed += 1
        return ""
    if not state.book.levels.knows_top():
        return ""  # the market left the depth of the snapshot: a better level may be unknown, and none is shown
    state.quote_doubts += 1
    if top.update_id != quote.update_id and state.quote_doubts < DOUBTS:
        tally.quotes_doubted += 1
        return ""
    tally.quotes_compared += 1
    return f"book at {top.update_id} and best quote {quote.update_id} differ"
