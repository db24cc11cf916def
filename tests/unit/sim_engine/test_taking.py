"""Orders that take: they walk the displayed book and cannot take from it twice."""

from __future__ import annotations

from decimal import Decimal

import pytest

from seawall_sim.engine import Refusal, Refused
from tests.unit.sim_engine.driver import ASKS, Driver


def test_market_order_walks_the_book_level_by_level():
    venue = Driver()
    order = venue.buy("1.2")
    assert [(f.price, f.quantity) for f in venue.fills(order)] == [
        (Decimal("60000.1"), Decimal("0.5")),
        (Decimal("60000.2"), Decimal("0.7")),
    ]
    assert order.status == "FILLED"
    assert order.average_price == Decimal("72000.19") / Decimal("1.2")
    assert venue.said() == [
        "order NEW NEW",
        "account ORDER",
        "order TRADE PARTIALLY_FILLED",
        "order TRADE FILLED",
    ]


def test_market_order_larger_than_the_book_expires_with_what_it_got():
    venue = Driver(funds="1000000")
    order = venue.buy("6")
    assert (order.status, order.executed) == ("EXPIRED", Decimal("5.5"))
    assert venue.said()[-1] == "order EXPIRED EXPIRED"


def test_market_order_into_an_empty_book_expires_unfilled():
    venue = Driver()
    venue.empty_asks()
    order = venue.buy("0.1")
    assert (order.status, order.executed) == ("EXPIRED", 0)


def test_market_order_stops_five_percent_from_the_mark_price():
    venue = Driver(funds="1000000")
    venue.mark("60000")
    venue.book(asks=[("60000.1", "0.5"), ("63000.1", "5")])
    order = venue.buy("1")
    assert (order.status, order.executed) == ("EXPIRED", Decimal("0.5"))


def test_displayed_liquidity_cannot_be_taken_twice():
    venue = Driver()
    venue.buy("0.5")
    second = venue.buy("0.3")
    assert [f.price for f in venue.fills(second)] == [Decimal("60000.2")]


def test_unchanged_book_shown_again_gives_nothing_back():
    venue = Driver()
    venue.buy("0.5")
    venue.book()
    assert [f.price for f in venue.fills(venue.buy("0.1"))] == [Decimal("60000.2")]


def test_level_that_grew_offers_its_growth():
    venue = Driver()
    venue.buy("0.5")
    venue.book(asks=[("60000.1", "0.7"), *ASKS[1:]])
    order = venue.buy("0.3")
    assert [(f.price, f.quantity) for f in venue.fills(order)] == [
        (Decimal("60000.1"), Decimal("0.2")),
        (Decimal("60000.2"), Decimal("0.1")),
    ]


def test_level_that_shrank_lost_first_what_we_took():
    venue = Driver()
    venue.buy("0.4")
    venue.book(asks=[("60000.1", "0.3"), *ASKS[1:]])  # 0.2 less: 0.2 of our 0.4 are still missing from the 0.3
    order = venue.buy("0.2")
    assert [f.quantity for f in venue.fills(order)] == [Decimal("0.1"), Decimal("0.1")]


def test_level_that_left_and_came_back_is_fresh():
    venue = Driver()
    venue.buy("0.5")
    venue.book(asks=ASKS[1:])
    venue.book()
    assert [f.price for f in venue.fills(venue.buy("0.1"))] == [Decimal("60000.1")]


def test_limit_order_takes_up_to_its_price_and_rests_with_the_rest():
    venue = Driver()
    order = venue.buy("0.8", "60000.1")
    assert (order.status, order.executed) == ("PARTIALLY_FILLED", Decimal("0.5"))
    assert [o.order_id for o in venue.exchange.store.open_orders()] == [order.order_id]


def test_immediate_or_cancel_expires_with_the_rest():
    order = Driver().buy("0.8", "60000.1", time_in_force="IOC")
    assert (order.status, order.executed) == ("EXPIRED", Decimal("0.5"))


def test_fill_or_kill_is_refused_where_it_cannot_fill_whole():
    venue = Driver()
    with pytest.raises(Refused) as refused:
        venue.buy("0.8", "60000.1", time_in_force="FOK")
    assert refused.value.refusal is Refusal.FILL_OR_KILL
    assert not venue.exchange.store.orders
    assert venue.buy("0.8", "60000.2", time_in_force="FOK").status == "FILLED"


def test_taker_and_maker_fees_differ():
    venue = Driver()
    taken = venue.buy("0.1")
    assert venue.fills(taken)[0].fee == Decimal("3.00000500")  # 0.1 x 60000.1 x 5 bps
    resting = venue.sell("0.1", "60005.0")
    venue.trade("60006.0", "1", seller_aggressive=False)
    assert venue.fills(resting)[0].fee == Decimal("1.20010000")  # 0.1 x 60005 x 2 bps


def test_account_does_not_trade_with_itself():
    venue = Driver()
    resting = venue.sell("0.1", "60000.1")
    taker = venue.buy("0.1")
    assert venue.look(resting).status == "EXPIRED_IN_MATCH"
    assert taker.status == "FILLED"


def test_taker_expires_instead_where_it_asks_for_that():
    venue = Driver()
    resting = venue.sell("0.1", "60000.1")
    taker = venue.buy("0.1", self_trade_prevention="EXPIRE_TAKER")
    assert venue.look(resting).status == "NEW"
    assert (taker.status, taker.executed) == ("EXPIRED_IN_MATCH", 0)


@pytest.mark.parametrize(
    ("quantity", "price", "refusal"),
    [
        ("0", "60000.0", Refusal.NOT_POSITIVE_QUANTITY),
        ("0.0001", "60000.0", Refusal.QUANTITY_PRECISION),
        ("1001", "60000.0", Refusal.QUANTITY_TOO_LARGE),
        ("0.01", "60000.05", Refusal.PRICE_STEP),
        ("0.01", "60000.001", Refusal.PRICE_PRECISION),
        ("0.01", "100", Refusal.PRICE_TOO_LOW),
        ("0.01", "5000000", Refusal.PRICE_TOO_HIGH),
        ("0.001", "59000.0", Refusal.NOTIONAL_TOO_SMALL),
        ("0.01", "63000.1", Refusal.PRICE_ABOVE_BAND),
        ("10", "60000.0", Refusal.MARGIN_INSUFFICIENT),
    ],
)
def test_filters_refuse_and_change_nothing(quantity: str, price: str, refusal: Refusal):
    venue = Driver(funds="20000")
    venue.mark("60000")
    before = venue.exchange.everything()
    with pytest.raises(Refused) as refused:
        venue.buy(quantity, price)
    assert refused.value.refusal is refusal
    assert venue.exchange.everything() == before


def test_market_order_has_its_own_largest_quantity():
    with pytest.raises(Refused) as refused:
        Driver().buy("121")
    assert refused.value.refusal is Refusal.QUANTITY_TOO_LARGE
