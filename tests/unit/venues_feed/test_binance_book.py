"""Binance USD-M's sync rule: live only while every update was seen."""

from __future__ import annotations

import random
from bisect import bisect_right
from math import inf

import pytest

from seawall_proto import QuoteTicked
from seawall_venues.binance.book import DepthBook
from seawall_venues.binance.parse import DepthSnapshot, DepthUpdate, parse_depth, parse_quote, parse_snapshot
from seawall_venues.feed import Verdict
from tests.paths import needs_recording
from tests.worlds.feed_frames import GeneratedMarket, channel_of, recorded, recording_of


def snapshot(last: int) -> DepthSnapshot:
    return DepthSnapshot(last_update_id=last, transaction_ms=0, bids=((10.0, 1.0),), asks=((11.0, 1.0),))


def update(first: int, last: int, previous: int, bid_quantity: float = 2.0) -> DepthUpdate:
    return DepthUpdate(
        transaction_ms=0,
        first_update_id=first,
        last_update_id=last,
        previous_update_id=previous,
        bids=((10.0, bid_quantity),),
        asks=(),
    )


def synced() -> DepthBook:
    book = DepthBook()
    assert book.apply(update(95, 105, 94)) is Verdict.WAITING
    assert book.load(snapshot(100)) is Verdict.APPLIED
    assert book.is_live
    return book


def test_updates_before_the_snapshot_wait_and_are_applied_after_it() -> None:
    book = DepthBook()
    book.apply(update(80, 90, 79, 7.0))
    book.apply(update(91, 101, 90, 8.0))
    book.apply(update(102, 110, 101, 9.0))
    assert not book.is_live
    assert book.load(snapshot(100)) is Verdict.APPLIED
    assert book.update_id == 110
    assert book.levels.bids.top(1) == ((10.0, 9.0),)


def test_a_snapshot_older_than_the_first_update_is_not_enough() -> None:
    book = DepthBook()
    book.apply(update(105, 110, 104))
    assert book.load(snapshot(100)) is Verdict.SNAPSHOT_OLD
    assert not book.is_live
    assert book.load(snapshot(107)) is Verdict.APPLIED
    assert book.is_live


def test_a_snapshot_newer_than_all_updates_waits_for_the_one_that_spans_it() -> None:
    book = DepthBook()
    book.apply(update(80, 90, 79))
    assert book.load(snapshot(100)) is Verdict.APPLIED
    assert book.apply(update(91, 99, 90)) is Verdict.OLD
    assert book.apply(update(99, 105, 98)) is Verdict.APPLIED
    assert book.update_id == 105


def test_the_first_update_must_span_the_snapshot() -> None:
    book = DepthBook()
    book.apply(update(80, 90, 79))
    book.load(snapshot(100))
    assert book.apply(update(101, 105, 100)) is Verdict.GAP
    assert not book.is_live


def test_an_update_that_does_not_name_its_predecessor_is_a_gap() -> None:
    book = synced()
    assert book.apply(update(107, 115, 106)) is Verdict.GAP
    assert not book.is_live


def test_a_gap_inside_what_waited_is_found_when_the_snapshot_comes() -> None:
    book = DepthBook()
    book.apply(update(95, 105, 94))
    book.apply(update(116, 120, 115))
    assert book.load(snapshot(100)) is Verdict.GAP
    assert not book.is_live


def test_a_repeated_update_changes_nothing() -> None:
    book = synced()
    book.apply(update(106, 115, 105, 3.0))
    assert book.apply(update(106, 115, 105, 4.0)) is Verdict.OLD
    assert book.is_live
    assert book.levels.bids.top(1) == ((10.0, 3.0),)


def test_after_a_gap_the_book_comes_back_from_the_very_update_that_showed_it() -> None:
    book = synced()
    assert book.apply(update(107, 115, 106)) is Verdict.GAP
    assert book.load(snapshot(110)) is Verdict.APPLIED
    assert (book.is_live, book.update_id) == (True, 115)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_book_equals_the_market_that_made_the_frames(seed: int) -> None:
    market = GeneratedMarket(seed)
    book = DepthBook()
    book.apply(parse_depth(market.depth()))
    book.load(parse_snapshot(market.snapshot()))
    for _ in range(200):
        assert book.apply(parse_depth(market.depth())) is Verdict.APPLIED
        bids, asks = market.top(20)
        assert list(book.levels.bids.top(20)) == bids
        assert list(book.levels.asks.top(20)) == asks
        assert book.levels.trouble() == ""


def test_dropping_any_one_frame_is_noticed_at_the_very_next() -> None:
    market = GeneratedMarket(9)
    first = parse_depth(market.depth())
    body = parse_snapshot(market.snapshot())
    updates = [parse_depth(market.depth()) for _ in range(60)]
    for dropped in range(len(updates) - 1):
        book = DepthBook()
        book.apply(first)
        book.load(body)
        if dropped == 0:  # the chain starts with the snapshot's own frame, so drop it before any other came
            book.apply(updates[0])
        for position, one in enumerate(updates):
            if position == max(dropped, 1):
                continue
            verdict = book.apply(one)
            if position > max(dropped, 1):
                assert verdict is Verdict.GAP
                break


@needs_recording(recording_of("btcusdt"))
@pytest.mark.parametrize(("venue_symbol", "updates"), [("btcusdt", 6_546), ("ethusdt", 6_580)])
def test_rebuilt_top_equals_the_independent_best_quote_at_every_update(venue_symbol: str, updates: int) -> None:
    book = DepthBook()
    quotes: dict[int, QuoteTicked] = {}
    tops = {}
    for _, frame in recorded(venue_symbol):
        match channel_of(frame):
            case "snapshot":
                assert book.load(parse_snapshot(frame)) is Verdict.APPLIED
                # The market walks out of the snapshot's depth; the oracle covers what was learned since, too.
                book.levels.bids.edge, book.levels.asks.edge = 0.0, inf
            case "bookTicker":
                quote = parse_quote(frame, "X", 0)
                quotes[quote.update_id] = quote
            case "depth":
                assert book.apply(parse_depth(frame)) is not Verdict.GAP
        if book.is_live and book.update_id not in tops:
            tops[book.update_id] = (*book.levels.bids.top(1), *book.levels.asks.top(1))
            assert book.levels.trouble() == ""
    ids = sorted(quotes)
    assert len(tops) == updates
    for update_id, top in tops.items():
        quote = quotes[ids[bisect_right(ids, update_id) - 1]]
        assert top == ((quote.bid_price, quote.bid_quantity), (quote.ask_price, quote.ask_quantity))


@needs_recording(recording_of("btcusdt"))
def test_dropping_any_recorded_frame_is_noticed_at_the_very_next() -> None:
    body = None
    updates = []
    for _, frame in recorded("btcusdt"):
        match channel_of(frame):
            case "snapshot":
                body = parse_snapshot(frame)
            case "depth":
                updates.append(parse_depth(frame))
    assert body is not None
    after = [one for one in updates if one.last_update_id >= body.last_update_id]
    for one, lost, following in zip(after, after[1:], after[2:], strict=False):
        assert following.previous_update_id == lost.last_update_id != one.last_update_id
    for position in random.Random(5).sample(range(1, len(after) - 1), 8):
        book = DepthBook()
        book.apply(after[0])
        book.load(body)
        for one in after[1:position]:
            assert book.apply(one) is Verdict.APPLIED
        assert book.apply(after[position + 1]) is Verdict.GAP
