"""A book holds exactly what the levels said, and shows nothing that it does not know."""

from __future__ import annotations

import random
from math import inf
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from seawall_proto import Level
from seawall_venues import book as book_module
from seawall_venues.book import Asks, Bids, BookSide, OrderBook
from tests.paths import needs_recording
from tests.worlds.feed_frames import channel_of, recorded, recording_of

PRICES = some.integers(1, 60).map(lambda ticks: ticks / 10)
QUANTITIES = some.sampled_from([0.0, 0.1, 0.5, 1.0, 2.25])
LEVELS = some.lists(some.tuples(PRICES, QUANTITIES), max_size=12)
SNAPSHOT = some.lists(some.tuples(PRICES, QUANTITIES), max_size=40, unique_by=lambda level: level[0])
STEPS = some.one_of(
    some.tuples(some.just("update"), some.tuples(LEVELS)),
    some.tuples(some.just("load"), some.tuples(SNAPSHOT, some.sampled_from([5, 20, 1_000]))),
    some.tuples(some.just("truncate"), some.tuples(some.sampled_from([0, 1, 3, 10, 25]))),
    some.tuples(some.just("draw_edge"), some.tuples(PRICES)),
    some.tuples(some.just("read"), some.tuples(some.sampled_from([1, 2, 3, 5, 10, 20, 100]))),
)


class Truth:
    """A side and, beside it, a dict of what it was told that is sorted whenever somebody looks."""

    def __init__(self, kind: type[BookSide]) -> None:
        self.side = kind()
        self.said: dict[float, float] = {}
        self.edge = kind.UNBOUNDED
        self.is_bids = kind is Bids

    def load(self, levels: list[Level], limit: int) -> None:
        self.side.load(levels, limit)
        self.said = {price: quantity for price, quantity in levels if quantity}
        self.edge = self.held()[-1][0] if len(levels) >= limit and self.said else self.side.UNBOUNDED

    def update(self, levels: list[Level]) -> None:
        self.side.update(levels)
        for price, quantity in levels:
            self.said[price] = quantity
            if not quantity:
                del self.said[price]

    def truncate(self, depth: int) -> None:
        self.side.truncate(depth)
        self.said = dict(self.held()[:depth])

    def draw_edge(self, price: float) -> None:
        self.side.edge = self.edge = price

    def read(self, count: int) -> None:
        """Hold everything that can be read against the sort."""
        side, shown = self.side, self.shown()
        assert side.edge == self.edge
        assert len(side) == len(self.said)
        assert side.best() == (self.held()[0][0] if self.said else -inf if self.is_bids else inf)
        assert side.reaches(count) == (self.edge == side.UNBOUNDED or len(shown) >= count)
        assert list(side.top(count)) == shown[:count]
        assert side.quantity(count) == sum([quantity for _, quantity in shown[:count]])

    def held(self) -> list[Level]:
        return sorted(self.said.items(), reverse=self.is_bids)

    def shown(self) -> list[Level]:
        return [level for level in self.held() if (level[0] >= self.edge if self.is_bids else level[0] <= self.edge)]


@pytest.mark.parametrize("kind", [Bids, Asks])
@pytest.mark.parametrize("spare", [1, 4, book_module.SPARE_LEVELS])  # few spare ones: levels come near and go often
@settings(max_examples=150)
@given(steps=some.lists(STEPS, max_size=40), is_read_each_time=some.booleans())
def test_after_any_history_a_side_is_a_sort_of_everything_that_was_said(
    kind: type[BookSide], spare: int, steps: list[tuple[str, tuple[Any, ...]]], is_read_each_time: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book_module, "SPARE_LEVELS", spare)
        truth = Truth(kind)
        for name, given_values in steps:
            getattr(truth, name)(*given_values)
            if is_read_each_time:
                truth.read(20)
        for count in (1, 20, 3, 100):
            truth.read(count)


@pytest.mark.parametrize("kind", [Bids, Asks])
@pytest.mark.parametrize("seed", range(4))
def test_in_a_market_that_goes_far_a_side_stays_a_sort_of_everything_that_was_said(
    kind: type[BookSide], seed: int
) -> None:
    chance = random.Random(seed)
    truth = Truth(kind)
    middle, drift = 100_000, 0
    limit = (1_000, 5_000)[seed % 2]  # with and without an edge
    truth.load([((middle + i) / 100, 1.0) for i in range(-500, 500)], limit)
    for step in range(1_500):
        drift = chance.choice((-3, -1, 0, 1, 3)) if step % 100 == 0 else drift
        middle += drift + chance.randint(-1, 1)
        spread = chance.choice((5, 50, 1_000))
        truth.update(
            [
                ((middle + round(chance.gauss(0, spread))) / 100, chance.choice((0.0, 0.0, 0.1, 0.7, 3.0)))
                for _ in range(chance.choice((1, 1, 10, 60)))
            ]
        )
        if truth.is_bids:  # the market eats what it goes through
            truth.update([(price, 0.0) for price in truth.said if price > middle / 100])
        else:
            truth.update([(price, 0.0) for price in truth.said if price < middle / 100])
        if step % 7 == 0:
            truth.read(chance.choice((1, 5, 20, 20, 200)))


@needs_recording(recording_of("btcusdt"))
def test_the_recorded_minutes_leave_what_a_sort_of_all_their_levels_leaves() -> None:
    bids, asks = Truth(Bids), Truth(Asks)
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    frames = 0
    for _, frame in recorded("btcusdt"):
        match channel_of(frame):
            case "snapshot":
                body = decode(frame)
                bids.load(_levels(body["bids"]), limit=5_000)
                asks.load(_levels(body["asks"]), limit=5_000)
            case "depth":
                data = decode(frame)["data"]
                bids.update(_levels(data["b"]))
                asks.update(_levels(data["a"]))
                frames += 1
                if frames % 20 == 0:
                    bids.read(20)
                    asks.read(20)
    assert frames > 6_000


def _levels(texts: list[list[str]]) -> list[Level]:
    return [(float(price), float(quantity)) for price, quantity in texts]


@given(bids=SNAPSHOT, asks=SNAPSHOT, updates=some.lists(some.tuples(LEVELS, LEVELS), max_size=6))
def test_a_book_says_of_both_sides_what_a_sort_says(
    bids: list[Level], asks: list[Level], updates: list[tuple[list[Level], list[Level]]]
) -> None:
    book = OrderBook()
    book.load(bids, asks, limit=1_000)
    said_bids, said_asks = dict(bids), dict(asks)
    for more_bids, more_asks in updates:
        book.bids.update(more_bids)
        book.asks.update(more_asks)
        said_bids.update(more_bids)
        said_asks.update(more_asks)
    best_bids = sorted(((price, left) for price, left in said_bids.items() if left), reverse=True)[:5]
    best_asks = sorted((price, left) for price, left in said_asks.items() if left)[:5]
    bid, ask = sum([quantity for _, quantity in best_bids]), sum([quantity for _, quantity in best_asks])
    assert book.imbalance(5) == ((bid - ask) / (bid + ask) if bid + ask else 0.0)
    is_crossed = bool(best_bids and best_asks and best_bids[0][0] >= best_asks[0][0])
    assert ("crossed" in book.trouble()) == is_crossed
    assert ("empty" in book.trouble()) == (not best_bids or not best_asks)


def test_of_two_levels_with_one_price_in_an_update_the_last_counts() -> None:
    bids = Bids()
    bids.load([(float(price), 1.0) for price in range(1, 200)], limit=1_000)
    bids.update([(199.0, 0.0), (199.0, 2.0), (198.0, 3.0), (198.0, 0.0), (250.0, 1.0), (250.0, 0.0)])
    bids.update([(3.0, 0.0), (3.0, 2.0), (2.0, 3.0), (2.0, 0.0), (2.5, 1.0), (2.5, 0.0)])
    assert bids.top(2) == ((199.0, 2.0), (197.0, 1.0))
    assert bids.top(500)[-2:] == ((3.0, 2.0), (1.0, 1.0))


def test_levels_deeper_than_the_snapshot_are_held_but_never_shown() -> None:
    bids, asks = Bids(), Asks()
    bids.load([(10.0, 1.0), (9.0, 1.0)], limit=2)
    asks.load([(11.0, 1.0), (12.0, 1.0)], limit=2)
    bids.update([(7.0, 5.0)])
    asks.update([(14.0, 5.0)])
    assert bids.top(20) == ((10.0, 1.0), (9.0, 1.0))
    assert asks.top(20) == ((11.0, 1.0), (12.0, 1.0))
    assert bids.quantity(20) == asks.quantity(20) == 2.0
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


def test_what_falls_out_of_the_depth_of_a_truncated_book_does_not_come_back() -> None:
    book = OrderBook()
    book.load([(10.0, 1.0), (9.0, 1.0), (8.0, 1.0)], [(11.0, 1.0), (12.0, 1.0), (13.0, 1.0)], limit=4)
    book.bids.update([(9.5, 2.0)])
    book.asks.update([(11.5, 2.0)])
    book.truncate(3)
    book.bids.update([(10.0, 0.0)])
    book.asks.update([(11.0, 0.0)])
    assert book.bids.top(20) == ((9.5, 2.0), (9.0, 1.0))
    assert book.asks.top(20) == ((11.5, 2.0), (12.0, 1.0))


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


@pytest.mark.parametrize("kind", [Bids, Asks])
@settings(max_examples=150)
@given(updates=some.lists(some.lists(some.tuples(PRICES, QUANTITIES), max_size=25), max_size=20))
def test_a_book_never_grows_without_limit_and_is_honest_about_what_it_forgot(
    kind: type[BookSide], updates: list[list[Level]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book_module, "SPARE_LEVELS", 2)
        patch.setattr(book_module, "MAX_LEVELS", 10)
        truth = Truth(kind)
        near = 2 * 2  # the spare ones twice, since nobody read any
        for levels in updates:
            had_room = truth.edge == kind.UNBOUNDED
            truth.update(levels)
            truth.edge = truth.side.edge
            assert len(truth.side) <= 10 + near
            if had_room and truth.edge != kind.UNBOUNDED:
                assert len(truth.said) > 10
                assert len(truth.shown()) >= 5
        for count in (1, 5, 60):
            assert list(truth.side.top(count)) == truth.shown()[:count]
            assert truth.side.reaches(count) == (truth.edge == kind.UNBOUNDED or len(truth.shown()) >= count)


def test_a_book_that_holds_all_it_may_forgets_the_half_far_from_the_touch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "SPARE_LEVELS", 3)
    monkeypatch.setattr(book_module, "MAX_LEVELS", 10)
    bids, asks = Bids(), Asks()
    bids.load([(float(tick), 1.0) for tick in range(1, 14)], limit=100)
    asks.load([(float(tick), 1.0) for tick in range(14, 27)], limit=100)
    assert bids.reaches(100)
    assert asks.reaches(100)
    bids.update([(0.5, 1.0)])
    asks.update([(26.5, 1.0)])
    assert [price for price, _ in bids.top(100)] == [float(tick) for tick in range(13, 5, -1)]
    assert [price for price, _ in asks.top(100)] == [float(tick) for tick in range(14, 22)]
    assert not bids.reaches(9)
    assert not asks.reaches(9)


@pytest.mark.parametrize("levels", [30, 300])
def test_a_side_is_thin_where_fewer_levels_than_asked_for_are_known_in_full(levels: int) -> None:
    book = OrderBook()
    bids = tuple((1_000.0 - number, 1.0) for number in range(levels))
    asks = tuple((1_001.0 + number, 1.0) for number in range(levels))
    book.load(bids, asks, levels)
    assert not book.is_thin(levels)
    assert book.is_thin(levels + 1)
    book.bids.update([(1_000.0, 0.0), (500.0 - levels, 1.0)])  # the new one is beyond the edge
    assert book.is_thin(levels)
    assert not book.asks.is_thin(levels)
    book.load(bids, asks, levels + 1)  # fewer than asked for: there are no more
    assert not book.is_thin(10_000)
