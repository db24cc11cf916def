"""The recording from end to end: wire, parsers and book, held against what the venue says elsewhere in it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from itertools import pairwise

from seawall_proto import BarClosed, TradePrinted
from seawall_venues.coinbase.book import KEPT_LEVELS
from seawall_venues.coinbase.session import FEED
from seawall_venues.feed import Verdict
from tests.unit.venues_coinbase.coinbase_feed import (
    BTC,
    ETH,
    Owner,
    number_of,
    recorded,
    recorded_frames,
    shallow_frames,
)

pytestmark = recorded
Top = tuple[float, float, float, float]
NEAR = 4  # book frames


def test_every_frame_is_in_sequence_and_every_depth_frame_applies() -> None:
    owner = Owner()
    for raw in recorded_frames():
        owner.take(raw)
        for book in owner.books.values():
            assert not book.is_live or not book.levels.trouble()
    assert [number_of(raw) for raw in recorded_frames()] == list(range(649))
    assert (owner.notices, owner.malformed) == ([], 0)
    assert Counter(owner.verdicts) == {Verdict.APPLIED: 478}
    assert (len(owner.quotes), len(owner.trades)) == (104, 258)
    assert set(owner.states()) == {"BTC-USD", "ETH-USD"}


def test_snapshots_hold_tens_of_thousands_of_levels_of_which_the_best_are_kept() -> None:
    big = [raw for raw in recorded_frames() if len(raw) > 1_000_000]
    updates = [FEED.dialect.parse_depth(raw, about) for raw, about in zip(big, (BTC, ETH), strict=True)]
    assert [(len(update.bids), len(update.asks)) for update in updates] == [(18_764, 27_236), (6_935, 16_399)]
    for update, about in zip(updates, (BTC, ETH), strict=True):
        book = FEED.dialect.new_book(about)
        book.apply(update)
        assert book.levels.bids.top(10**6) == tuple(sorted(update.bids, reverse=True)[:KEPT_LEVELS])
        assert book.levels.asks.top(10**6) == tuple(sorted(update.asks)[:KEPT_LEVELS])
        assert book.levels.reaches(KEPT_LEVELS)


def test_the_number_of_the_book_rises_from_frame_to_frame() -> None:
    owner = Owner()
    seen: dict[str, list[int]] = {"BTC-USD": [], "ETH-USD": []}
    for raw in recorded_frames():
        before = len(owner.verdicts)
        owner.take(raw)
        if len(owner.verdicts) > before:
            symbol = max(owner.books, key=lambda name: owner.books[name].update_id)
            seen[symbol].append(owner.books[symbol].update_id)
    assert {symbol: len(numbers) for symbol, numbers in seen.items()} == {"BTC-USD": 245, "ETH-USD": 233}
    assert all(earlier < later for numbers in seen.values() for earlier, later in pairwise(numbers))


def test_cutting_the_snapshots_changes_no_top_of_book() -> None:
    whole, cut = Owner(), Owner()
    for raw, shallow in zip(recorded_frames(), shallow_frames(), strict=True):
        whole.take(raw)
        cut.take(shallow)
        assert whole.states() == cut.states()


def test_tickers_agree_with_the_book_but_cannot_be_matched_by_number() -> None:
    """A ticker is made apart from the book's frames: mostly the top beside it in the stream, sometimes one near it."""
    tops: dict[str, list[tuple[int, Top]]] = {"BTC-USD": [], "ETH-USD": []}
    quotes: list[tuple[str, int, Top]] = []
    owner = Owner()
    for raw in shallow_frames():
        depth_before, quotes_before = len(owner.verdicts), len(owner.quotes)
        owner.take(raw)
        if len(owner.verdicts) > depth_before:
            symbol = max(owner.books, key=lambda name: owner.books[name].update_id)
            levels = owner.books[symbol].levels
            tops[symbol].append((number_of(raw), (*levels.bids.top(1)[0], *levels.asks.top(1)[0])))
        for quote in owner.quotes[quotes_before:]:
            top = (quote.bid_price, quote.bid_quantity, quote.ask_price, quote.ask_quantity)
            quotes.append((quote.symbol, number_of(raw), top))
    now = near = compared = 0
    for symbol, number, top in quotes:
        place = bisect_left(tops[symbol], (number,))
        if place:
            around = [held for _, held in tops[symbol][max(0, place - 1 - NEAR) : place + NEAR]]
            compared += 1
            now += tops[symbol][place - 1][1] == top
            near += top in around
    assert (now, near, compared) == (78, 96, 98)
    assert not FEED.dialect.quotes_share_numbers


def test_trades_are_numbered_without_a_hole() -> None:
    owner = Owner()
    for raw in shallow_frames():
        owner.take(raw)
    for symbol, count in (("BTC-USD", 137), ("ETH-USD", 121)):
        told = [trade for trade in owner.trades if trade.symbol == symbol]
        assert len(told) == count
        assert all(int(later.trade_id) == int(earlier.trade_id) + 1 for earlier, later in pairwise(told))
        assert all(later.ts_venue_ns >= earlier.ts_venue_ns for earlier, later in pairwise(told))
    assert FEED.dialect.trades_are_numbered


def test_buyers_trade_at_the_ask_and_sellers_at_the_bid() -> None:
    sides: Counter[bool] = Counter()
    owner = Owner()
    for raw in shallow_frames():
        before = len(owner.trades)
        owner.take(raw)
        for trade in owner.trades[before:]:
            book = owner.books[trade.symbol]
            if book.is_live:
                middle = (book.levels.bids.best() + book.levels.asks.best()) / 2
                sides[(trade.price > middle) == (trade.aggressor == "buy")] += 1
    assert sides == {True: 53, False: 4}  # trades come in batches, up to 250 ms after the book moved on


def test_the_candles_of_the_stream_are_those_that_its_trades_make() -> None:
    owner = Owner()
    candles: list[BarClosed] = []
    for raw in shallow_frames():
        owner.take(raw)
        if raw.startswith(b'{"channel":"candles"'):
            for about in (BTC, ETH):
                candles += FEED.dialect.parse_candle(raw, about, 1)[-1:]
    assert len(candles) == 4
    for candle in candles:
        inside = [
            trade for trade in owner.trades if trade.symbol == candle.symbol and trade.ts_venue_ns >= candle.ts_open_ns
        ]
        assert any(_is_made_of(candle, inside[:count]) for count in range(1, len(inside) + 1))


def _is_made_of(candle: BarClosed, trades: list[TradePrinted]) -> bool:
    prices = [trade.price for trade in trades]
    volume = sum(round(trade.quantity * 10**8) for trade in trades)
    made = (prices[0], max(prices), min(prices), prices[-1])
    return volume == round(candle.volume * 10**8) and made == (candle.open, candle.high, candle.low, candle.close)
