"""A book holds exactly what the levels said, and shows nothing that it does not know."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as some

from seawall_venues import book as book_module
from seawall_venues.book import Asks, Bids, OrderBook

PRICES = some.integers(1, 60).map(lambda ticks: ticks / 10)
SNAPSHOT = some.lists(some.tuples(PRICES, some.sampled_from([0.5, 1.0])), max_size=12, unique_by=lambda level: level[0])
LEVELS = some.lists(some.tuples(PRICES, some.sampled_from([0.0, 0.5, 1.0, 2.25])), max_size=12)


@given(snapshot=SNAPSHOT, updates=some.lists(LEVELS, max_size=8))
def test_top_equals_a_sort_of_everything_that_was_said(
    snapshot: list[tuple[float, float]], updates: list[list[tuple[float, float]]]
) -> None:
    bids, asks = Bids(), Asks()
    bids.load(snapshot, limit=1_000)
    asks.load(snapshot, limit=1_000)
    said = dict(snapshot)
    for update in updates:
        bids.update(update)
        asks.update(update)
        said.update(update)
    left = {price: quantity for price, quantity in said.items() if quantity}
    assert list(asks.top(20)) == sorted(left.items())[:20]
    assert list(bids.top(20)) == sorted(left.items(), reverse=True)[:20]
    assert len(bids) == len(asks) == len(left)
    assert bids.best() == max(left, default=-inf)
    assert asks.best() == min(left, default=inf)


def test_levels_deeper_than_the_snapshot_are_held_but_never_shown() -> None:
    bids, asks = Bids(), Asks()
    bids.load([(10.0, 1.0), (9.0, 1.0)], limit=2)
    asks.load([(11.0, 1.0), (12.0, 1.0)], limit=2)
    bids.update([(7.0, 5.0)])
    asks.update([(14.0, 5.0)])
    assert bids.top(20) == ((10.0, 1.0), (9.0, 1.0))
    assert asks.top(20) == ((11.0, 1.0), (12.0, 1.0))
    assert bids.reaches(2)
    assert not bids.reaches(3)
    assert asks.reaches(2)
    assert not asks.reaches(3)


def test_a_snapshot_below_its_limit_is_the_whole_side() -> None:
    bids = Bids()
    bids.load([(10.0, 1.0)], limit=2)
    bids.update([(7.0, 5.0)])
    assert bids.top(20) == ((10.0, 1.0), (7.0, 5.0))
    assert bids.reaches(500)


@pytest.mark.parametrize(
    ("bids", "asks", "trouble"),
    [
        ([(10.0, 1.0)], [(10.0, 1.0)], "crossed"),
        ([(10.5, 1.0)], [(10.0, 1.0)], "crossed"),
        ([], [(10.0, 1.0)], "empty"),
        ([(10.0, 1.0)], [], "empty"),
        ([(10.0, 1.0)], [(10.1, 1.0)], ""),
    ],
)
def test_a_market_that_cannot_be_is_trouble(
    bids: list[tuple[float, float]], asks: list[tuple[float, float]], trouble: str
) -> None:
    book = OrderBook()
    book.load(bids, asks, limit=1_000)
    assert (trouble in book.trouble()) if trouble else book.trouble() == ""


def test_a_market_that_left_the_snapshots_depth_does_not_know_its_top() -> None:
    book = OrderBook()
    book.load([(10.0, 1.0), (9.9, 1.0)], [(10.1, 1.0), (10.2, 1.0)], limit=2)
    assert book.knows_top()
    book.bids.update([(10.0, 0.0), (9.9, 0.0), (9.5, 1.0)])
    assert not book.knows_top()
    assert book.bids.top(20) == ()
    assert book.trouble() == ""


def test_a_book_never_grows_without_limit_and_keeps_its_best_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "MAX_LEVELS", 10)
    bids, asks = Bids(), Asks()
    bids.load([], limit=1)
    asks.load([], limit=1)
    for tick in range(1, 12):
        bids.update([(float(tick), 1.0)])
        asks.update([(float(12 - tick), 1.0)])
    assert [price for price, _ in bids.top(20)] == [11.0, 10.0, 9.0, 8.0, 7.0]
    assert [price for price, _ in asks.top(20)] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert not bids.reaches(6)
    assert not asks.reaches(6)
