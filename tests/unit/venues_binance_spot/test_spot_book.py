"""Binance spot's sync rule: live only while every number was seen."""

from __future__ import annotations

import pytest

from seawall_venues.binance_spot.book import SpotBook
from seawall_venues.binance_spot.parse import SpotUpdate, parse_depth
from seawall_venues.binance_spot.session import FEED
from seawall_venues.feed import BookSnapshot, Verdict
from seawall_venues.instruments import unlisted
from tests.unit.venues_feed.binance_tape import SpotMarket

BTC = unlisted("binance-spot", "BTCUSDT", "BTC-USDT")


def snapshot(last: int) -> BookSnapshot:
    return BookSnapshot(last, 0, ((10.0, 1.0),), ((11.0, 1.0),), 1_000)


def update(first: int, last: int, bid_quantity: float = 2.0, ts_venue_ms: int = 9) -> SpotUpdate:
    return SpotUpdate(
        ts_venue_ms=ts_venue_ms,
        venue_symbol="BTCUSDT",
        first_update_id=first,
        last_update_id=last,
        bids=((10.0, bid_quantity),),
        asks=(),
    )


def synced() -> SpotBook:
    book = SpotBook()
    assert book.apply(update(95, 105)) is Verdict.WAITING
    assert book.load(snapshot(100)) is Verdict.APPLIED
    assert (book.is_live, book.update_id) == (True, 105)
    return book


def test_updates_that_the_snapshot_holds_are_dropped_and_the_rest_applied() -> None:
    book = SpotBook()
    book.apply(update(80, 90, 7.0))
    book.apply(update(91, 100, 8.0))
    book.apply(update(101, 110, 9.0))
    assert not book.is_live
    assert book.load(snapshot(100)) is Verdict.APPLIED
    assert book.update_id == 110
    assert book.levels.bids.top(1) == ((10.0, 9.0),)


@pytest.mark.parametrize(
    ("first", "last", "verdict"),
    [
        (99, 100, Verdict.OLD),
        (100, 101, Verdict.APPLIED),
        (101, 101, Verdict.APPLIED),
        (95, 120, Verdict.APPLIED),
        (102, 105, Verdict.GAP),
    ],
)
def test_the_first_update_must_hold_the_number_after_the_snapshot(first: int, last: int, verdict: Verdict) -> None:
    book = SpotBook()
    book.load(snapshot(100))
    assert book.apply(update(first, last)) is verdict
    assert book.is_live == (verdict is not Verdict.GAP)


def test_a_snapshot_older_than_the_first_update_is_not_enough() -> None:
    book = SpotBook()
    book.apply(update(105, 110))
    assert book.load(snapshot(103)) is Verdict.SNAPSHOT_OLD
    assert not book.is_live
    assert book.load(snapshot(104)) is Verdict.APPLIED
    assert (book.is_live, book.update_id) == (True, 110)


@pytest.mark.parametrize(
    ("first", "last", "verdict"),
    [
        (106, 107, Verdict.APPLIED),
        (103, 108, Verdict.APPLIED),
        (107, 108, Verdict.GAP),
        (95, 105, Verdict.OLD),
        (80, 94, Verdict.OLD),
        (96, 105, Verdict.GAP),
        (97, 101, Verdict.GAP),
    ],
)
def test_an_update_follows_or_repeats_or_shows_a_gap(first: int, last: int, verdict: Verdict) -> None:
    book = synced()
    assert book.apply(update(first, last, 5.0)) is verdict
    assert book.levels.bids.top(1) == ((10.0, 5.0 if verdict is Verdict.APPLIED else 2.0),)
    assert book.is_live == (verdict is not Verdict.GAP)


def test_after_a_gap_the_book_comes_back_from_the_very_update_that_showed_it() -> None:
    book = synced()
    assert book.apply(update(107, 115)) is Verdict.GAP
    assert book.load(snapshot(110)) is Verdict.APPLIED
    assert (book.is_live, book.update_id) == (True, 115)


def test_a_gap_inside_what_waited_is_found_when_the_snapshot_comes() -> None:
    book = SpotBook()
    book.apply(update(95, 105))
    book.apply(update(107, 110))
    assert book.load(snapshot(100)) is Verdict.GAP
    assert not book.is_live


def test_a_snapshot_without_a_time_is_as_new_as_the_newest_update_that_it_holds() -> None:
    book = SpotBook()
    book.apply(update(95, 100, ts_venue_ms=1_700))
    book.load(snapshot(100))
    assert book.ts_venue_ns == 1_700_000_000
    book.apply(update(101, 105, ts_venue_ms=1_800))
    assert book.ts_venue_ns == 1_800_000_000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_book_equals_the_market_that_made_the_frames(seed: int) -> None:
    market = SpotMarket(seed)
    book = FEED.dialect.new_book(BTC)
    book.apply(parse_depth(market.depth(), BTC))
    assert book.load(FEED.dialect.parse_snapshot(market.snapshot(), BTC)) is Verdict.APPLIED
    for _ in range(200):
        assert book.apply(parse_depth(market.depth(), BTC)) is Verdict.APPLIED
        bids, asks = market.market.top(20)
        assert list(book.levels.bids.top(20)) == bids
        assert list(book.levels.asks.top(20)) == asks
