"""The venue's own book."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall_paper_venue import book as book_module
from seawall_paper_venue.book import VenueBook
from seawall_paper_venue.market_frames import BookSnapshot, DepthUpdate, PriceLevel


def snapshot(bids: list[PriceLevel], asks: list[PriceLevel], update_id: int = 1) -> BookSnapshot:
    return BookSnapshot(last_update_id=update_id, event_ms=0, transaction_ms=0, bids=bids, asks=asks)


def update(bids: list[PriceLevel], asks: list[PriceLevel], update_id: int = 2) -> DepthUpdate:
    return DepthUpdate(
        event_ms=0,
        transaction_ms=0,
        symbol="BTCUSDT",
        first_update_id=update_id,
        last_update_id=update_id,
        previous_update_id=update_id - 1,
        bids=bids,
        asks=asks,
    )


def loaded() -> VenueBook:
    book = VenueBook()
    book.load(snapshot([("100.10", "1.000"), ("99.90", "2.000")], [("100.30", "3.000"), ("100.20", "4.000")]))
    return book


def test_sides_are_read_best_first() -> None:
    book = loaded()
    assert list(book.bids()) == [(Decimal("100.10"), Decimal("1.000")), (Decimal("99.90"), Decimal("2.000"))]
    assert list(book.asks()) == [(Decimal("100.20"), Decimal("4.000")), (Decimal("100.30"), Decimal("3.000"))]
    assert book.best() == (("100.10", "1.000"), ("100.20", "4.000"))


def test_quantities_are_absolute_and_zero_removes() -> None:
    book = loaded()
    book.apply(update([("100.10", "0.000"), ("99.90", "7.000")], [("100.25", "5.000")]))
    assert book.top(5) == ([("99.90", "7.000")], [("100.20", "4.000"), ("100.25", "5.000"), ("100.30", "3.000")])
    assert book.last_update_id == 2


def test_removing_a_level_that_is_not_there_changes_nothing() -> None:
    book = loaded()
    before = book.top(5)
    book.apply(update([("50.00", "0.000")], [("500.00", "0")]))
    assert book.top(5) == before


def test_a_side_can_be_empty() -> None:
    book = loaded()
    book.apply(update([], [("100.30", "0"), ("100.20", "0")]))
    assert book.best() is None
    assert book.middle() is None
    assert list(book.asks()) == []


def test_texts_stay_as_the_venue_wrote_them() -> None:
    book = loaded()
    book.apply(update([("100.10", "1.500000")], []))
    assert book.top(1)[0] == [("100.10", "1.500000")]


def test_far_levels_go_first_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "MAX_LEVELS_A_SIDE", 3)
    book = VenueBook()
    book.load(
        snapshot([(f"{price}.0", "1") for price in range(1, 9)], [(f"{price}.0", "1") for price in range(11, 19)])
    )
    assert [price for price, _ in book.top(10)[0]] == ["8.0", "7.0", "6.0"]
    assert [price for price, _ in book.top(10)[1]] == ["11.0", "12.0", "13.0"]


prices = st.integers(1, 40)
quantities = st.integers(0, 3)
sides = st.lists(st.tuples(prices, quantities), max_size=30)


def levels(pairs: list[tuple[int, int]], offset: int = 0) -> list[PriceLevel]:
    return [(f"{price + offset}.00", f"{quantity}.000") for price, quantity in pairs]


@given(st.lists(sides, max_size=6), sides)
def test_changes_towards_a_snapshot_lead_exactly_there(
    history: list[list[tuple[int, int]]], wanted: list[tuple[int, int]]
) -> None:
    book = VenueBook()
    for pairs in history:
        book.apply(update(levels(pairs), levels(pairs, 100)))
    target = {price: quantity for price, quantity in wanted if quantity}
    goal = snapshot(levels(list(target.items())), levels(list(target.items()), 100), 9)
    bids, asks = book.changes_towards(goal)
    book.apply(update(bids, asks, 9))
    fresh = VenueBook()
    fresh.load(goal)
    assert book.top(100) == fresh.top(100)


@given(st.lists(sides, min_size=1, max_size=8))
def test_book_equals_a_plain_dictionary(history: list[list[tuple[int, int]]]) -> None:
    book = VenueBook()
    plain: dict[int, int] = {}
    for pairs in history:
        book.apply(update(levels(pairs), []))
        for price, quantity in pairs:
            plain.pop(price, None)
            if quantity:
                plain[price] = quantity
    assert [(int(price), int(quantity)) for price, quantity in book.bids()] == sorted(plain.items(), reverse=True)
