"""Coinbase's sync rule: a snapshot in-band, then updates whose number and time both rise."""

from __future__ import annotations

from seawall_venues.coinbase.book import KEPT_LEVELS, DepthBook
from seawall_venues.coinbase.parse import DepthUpdate
from seawall_venues.feed import BookSnapshot, Verdict
from tests.unit.venues_coinbase.coinbase_feed import BTC

BEST = ([(10.0, 1.0), (9.0, 1.0)], [(11.0, 1.0), (12.0, 1.0)])


def message(number: int, time: int, bids: list[tuple[float, float]], *, is_snapshot: bool = False) -> DepthUpdate:
    return DepthUpdate(number, time, time - 30, is_snapshot, bids, list(BEST[1]) if is_snapshot else [])


def live(number: int = 5, time: int = 500) -> DepthBook:
    book = DepthBook(BTC)
    assert book.apply(message(number, time, BEST[0], is_snapshot=True)) is Verdict.APPLIED
    return book


def test_updates_before_the_snapshot_are_ignored() -> None:
    book = DepthBook(BTC)
    assert book.apply(message(1, 100, [(10.5, 3.0)])) is Verdict.WAITING
    assert not book.is_live
    assert book.apply(message(2, 200, BEST[0], is_snapshot=True)) is Verdict.APPLIED
    assert book.is_live
    assert book.levels.bids.top(5) == ((10.0, 1.0), (9.0, 1.0))


def test_an_update_sets_quantities_and_zero_removes() -> None:
    book = live()
    assert book.apply(message(9, 900, [(10.0, 0.0), (9.0, 4.0), (8.0, 2.0), (7.0, 0.0)])) is Verdict.APPLIED
    assert book.levels.bids.top(5) == ((9.0, 4.0), (8.0, 2.0))
    assert (book.update_id, book.ts_venue_ns) == (900, 870)


def test_what_is_in_the_book_already_is_old() -> None:
    book = live()
    assert book.apply(message(5, 500, [(10.0, 7.0)])) is Verdict.OLD
    assert book.apply(message(3, 300, [(10.0, 7.0)])) is Verdict.OLD
    assert book.apply(message(3, 300, [(1.0, 7.0)], is_snapshot=True)) is Verdict.OLD
    assert book.is_live
    assert book.levels.bids.top(1) == ((10.0, 1.0),)


def test_frames_of_two_connections_do_not_mix() -> None:
    for number, time in ((6, 400), (4, 600), (5, 501), (6, 500)):
        book = live()
        assert book.apply(message(number, time, [(10.0, 7.0)])) is Verdict.GAP
        assert not book.is_live
        assert book.apply(message(7, 700, [(10.0, 7.0)])) is Verdict.WAITING


def test_a_snapshot_replaces_the_book_also_where_a_new_connection_counts_from_0() -> None:
    book = live()
    assert book.apply(message(0, 600, [(8.0, 1.0)], is_snapshot=True)) is Verdict.APPLIED
    assert book.levels.bids.top(5) == ((8.0, 1.0),)
    assert book.apply(message(1, 700, [(8.5, 1.0)])) is Verdict.APPLIED
    assert book.levels.bids.top(5) == ((8.5, 1.0), (8.0, 1.0))


def test_a_new_subscription_after_the_venue_set_its_clock_back_is_taken() -> None:
    book = live()
    assert book.apply(message(6, 400, [(8.0, 1.0)], is_snapshot=True)) is Verdict.APPLIED
    assert book.update_id == 400


def test_a_reset_book_forgets_numbers_and_levels() -> None:
    book = live()
    book.reset()
    assert not book.is_live
    assert book.apply(message(1, 100, [(8.0, 1.0)], is_snapshot=True)) is Verdict.APPLIED
    assert book.levels.bids.top(5) == ((8.0, 1.0),)


def test_a_book_over_rest_cannot_be_joined_to_the_stream() -> None:
    book = live()
    snapshot = BookSnapshot(update_id=900, ts_venue_ns=900, bids=((1.0, 1.0),), asks=(), limit=10)
    assert book.load(snapshot) is Verdict.SNAPSHOT_OLD
    assert book.levels.bids.top(1) == ((10.0, 1.0),)


def test_of_a_deep_snapshot_the_best_levels_are_kept_and_nothing_beyond_them_is_shown() -> None:
    bids = [(float(price), 1.0) for price in range(1, KEPT_LEVELS + 3_000)]
    asks = [(float(price), 1.0) for price in range(20_000, 20_003)]
    book = DepthBook(BTC)
    book.apply(DepthUpdate(1, 1, 1, True, bids, asks))
    kept = book.levels.bids.top(KEPT_LEVELS + 3_000)
    assert kept == tuple(sorted(bids, reverse=True)[:KEPT_LEVELS])
    book.apply(DepthUpdate(2, 2, 2, False, [(1.5, 1.0)], []))
    assert book.levels.bids.top(KEPT_LEVELS + 3_000) == kept
    assert book.levels.asks.reaches(1_000)  # there are three, and that is all there is
