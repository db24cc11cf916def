"""Binance USD-M's sync rule: live only while every update was seen."""

from __future__ import annotations

import pytest

from seawall_venues.binance.book import MAX_WAITING, DepthBook
from seawall_venues.binance.parse import DepthUpdate, parse_depth, parse_snapshot
from seawall_venues.feed import BookSnapshot, Verdict
from seawall_venues.instruments import unlisted
from tests.worlds.feed_frames import GeneratedMarket

BTC = unlisted("binance-usdm", "BTCUSDT", "BTC-USDT-PERP")


def snapshot(last: int, ts_venue_ns: int = 7_000_000) -> BookSnapshot:
    return BookSnapshot(last, ts_venue_ns, ((10.0, 1.0),), ((11.0, 1.0),), 1_000)


def update(first: int, last: int, previous: int, bid_quantity: float = 2.0, ts_venue_ms: int = 9) -> DepthUpdate:
    return DepthUpdate(
        ts_venue_ms=ts_venue_ms,
        venue_symbol="BTCUSDT",
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


@pytest.mark.parametrize("inside", [update(106, 109, 105), update(107, 115, 106), update(110, 112, 109)])
def test_an_update_inside_the_last_one_is_no_repetition_but_a_gap(inside: DepthUpdate) -> None:
    book = synced()
    assert book.apply(update(106, 115, 105)) is Verdict.APPLIED
    assert book.apply(inside) is Verdict.GAP


def test_what_lies_before_the_last_update_is_old() -> None:
    book = synced()
    book.apply(update(106, 115, 105))
    for old in (update(95, 105, 94), update(80, 90, 79)):
        assert book.apply(old) is Verdict.OLD
    assert book.is_live


def test_a_book_tells_the_venues_time_of_its_last_change() -> None:
    book = DepthBook()
    book.load(snapshot(100, ts_venue_ns=7_000_000))
    assert book.ts_venue_ns == 7_000_000
    book.apply(update(95, 105, 94, ts_venue_ms=9))
    assert book.ts_venue_ns == 9_000_000
    book.apply(update(80, 90, 79, ts_venue_ms=11))
    assert book.ts_venue_ns == 9_000_000


def test_a_book_that_waits_too_long_forgets_the_oldest_and_asks_for_a_newer_snapshot() -> None:
    book = DepthBook()
    for number in range(MAX_WAITING + 1):
        book.apply(update(10 * number + 1, 10 * number + 10, 10 * number))
    assert book.load(snapshot(5)) is Verdict.SNAPSHOT_OLD
    assert book.load(snapshot(15)) is Verdict.APPLIED


def test_a_reset_forgets_everything() -> None:
    book = synced()
    book.reset()
    assert not book.is_live
    assert book.apply(update(106, 115, 105)) is Verdict.WAITING
    assert book.load(snapshot(90)) is Verdict.SNAPSHOT_OLD


def test_after_a_gap_the_book_comes_back_from_the_very_update_that_showed_it() -> None:
    book = synced()
    assert book.apply(update(107, 115, 106)) is Verdict.GAP
    assert book.load(snapshot(110)) is Verdict.APPLIED
    assert (book.is_live, book.update_id) == (True, 115)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_book_equals_the_market_that_made_the_frames(seed: int) -> None:
    market = GeneratedMarket(seed)
    book = DepthBook()
    book.apply(parse_depth(market.depth(), BTC))
    book.load(parse_snapshot(market.snapshot(), BTC))
    for _ in range(200):
        assert book.apply(parse_depth(market.depth(), BTC)) is Verdict.APPLIED
        bids, asks = market.top(20)
        assert list(book.levels.bids.top(20)) == bids
        assert list(book.levels.asks.top(20)) == asks
        assert book.levels.trouble() == ""


def test_dropping_any_one_frame_is_noticed_at_the_very_next() -> None:
    market = GeneratedMarket(9)
    first = parse_depth(market.depth(), BTC)
    body = parse_snapshot(market.snapshot(), BTC)
    updates = [parse_depth(market.depth(), BTC) for _ in range(60)]
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
