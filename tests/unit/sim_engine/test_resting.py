"""Orders that rest: their place in the queue, what fills them, and what ends them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from seawall_sim.engine import Refusal, Refused
from tests.unit.sim_engine.driver import ASKS, BIDS, Driver


def test_order_waits_behind_what_was_displayed_when_it_came():
    venue = Driver()
    order = venue.buy("0.5", "60000.0")
    venue.trade("60000.0", "0.9")
    assert venue.look(order).executed == 0
    venue.trade("60000.0", "0.4")
    assert venue.look(order).executed == Decimal("0.3")  # 0.1 was still ahead
    venue.trade("60000.0", "5")
    assert venue.look(order).status == "FILLED"
    assert {f.maker for f in venue.fills(order)} == {True}


def test_cancellations_shorten_the_queue_only_below_what_stood_ahead():
    venue = Driver()
    order = venue.buy("0.5", "60000.0")
    venue.book(bids=[("60000.0", "3.0"), *BIDS[1:]])  # others join behind
    venue.book(bids=[("60000.0", "0.2"), *BIDS[1:]])  # now only 0.2 can be ahead
    venue.trade("60000.0", "0.3")
    assert venue.look(order).executed == Decimal("0.1")


def test_order_that_improves_the_price_is_first_in_its_queue():
    venue = Driver()
    venue.book(asks=[("60000.5", "1")])
    order = venue.buy("0.5", "60000.2")
    venue.trade("60000.2", "0.2")
    assert venue.look(order).executed == Decimal("0.2")


def test_trade_beyond_the_price_fills_without_regard_to_the_queue():
    venue = Driver()
    order = venue.buy("0.5", "60000.0")
    venue.trade("59999.9", "0.3")
    assert venue.look(order).executed == Decimal("0.3")
    assert venue.fills(order)[0].price == Decimal("60000.0")


def test_aggressive_buyers_do_not_fill_bids():
    venue = Driver()
    order = venue.buy("0.5", "60000.0")
    venue.trade("60000.0", "9", seller_aggressive=False)
    assert venue.look(order).executed == 0


def test_one_trade_is_shared_by_our_orders_best_price_first():
    venue = Driver()
    low = venue.buy("1", "59999.5")
    high = venue.buy("1", "59999.6")
    venue.trade("59999.0", "1.5")
    assert (venue.look(high).executed, venue.look(low).executed) == (Decimal(1), Decimal("0.5"))


def test_our_orders_at_one_price_fill_in_the_order_they_came():
    venue = Driver()
    first, second = venue.buy("0.2", "60000.0"), venue.buy("0.2", "60000.0")
    venue.trade("60000.0", "1.3")  # 1.0 of the market's stood ahead of both
    assert (venue.look(first).executed, venue.look(second).executed) == (Decimal("0.2"), Decimal("0.1"))


def test_book_that_crosses_an_order_fills_it_as_maker_and_only_once():
    venue = Driver()
    order = venue.buy("1", "59999.5")
    crossed = [("59999.4", "0.3"), ("59999.9", "5")]
    venue.book(bids=[("59999.0", "1")], asks=crossed)
    venue.book(bids=[("59999.0", "1")], asks=crossed)
    assert venue.look(order).executed == Decimal("0.3")
    assert venue.fills(order)[0].maker


def test_post_only_order_that_would_take_is_refused():
    venue = Driver()
    with pytest.raises(Refused) as refused:
        venue.buy("0.1", "60000.1", time_in_force="GTX")
    assert refused.value.refusal is Refusal.POST_ONLY_WOULD_TAKE
    assert venue.buy("0.1", "60000.0", time_in_force="GTX").status == "NEW"


def test_good_till_date_order_expires_at_its_date():
    venue = Driver()
    order = venue.buy("0.1", "59000.0", time_in_force="GTD", good_till_ms=venue.now_ns // 1_000_000 + 900_000)
    venue.wait(899)
    assert venue.look(order).is_open
    venue.wait(2)
    assert venue.look(order).status == "EXPIRED"


def test_client_id_is_free_again_once_its_order_has_ended():
    venue = Driver()
    first = venue.buy("0.1", "59000.0", client_order_id="mine")
    with pytest.raises(Refused) as refused:
        venue.buy("0.1", "59000.0", client_order_id="mine")
    assert refused.value.refusal is Refusal.DUPLICATE_CLIENT_ID
    venue.exchange.cancel(venue.now_ns, first)
    second = venue.buy("0.1", "59000.0", client_order_id="mine")
    assert venue.exchange.queries.order("BTCUSDT", None, "mine").order_id == second.order_id


def test_cancelled_order_cannot_be_cancelled_again():
    venue = Driver()
    order = venue.buy("0.1", "59000.0")
    ended, _events = venue.exchange.cancel(venue.now_ns, order)
    assert ended.status == "CANCELED"
    with pytest.raises(Refused) as refused:
        venue.exchange.cancel(venue.now_ns, ended)
    assert refused.value.refusal is Refusal.UNKNOWN_ORDER


def test_order_amended_to_less_keeps_its_place():
    venue = Driver()
    order = venue.buy("0.5", "60000.0")
    venue.trade("60000.0", "1.0")  # all that stood ahead is gone
    amended, _events = venue.exchange.amend(venue.now_ns, order, "BUY", Decimal("0.4"), Decimal("60000.0"))
    venue.trade("60000.0", "0.1")
    assert venue.look(amended).executed == Decimal("0.1")


def test_order_amended_to_more_goes_to_the_end_of_the_queue():
    venue = Driver()
    order = venue.buy("0.5", "60000.0")
    venue.trade("60000.0", "1.0")
    venue.exchange.amend(venue.now_ns, order, "BUY", Decimal("0.6"), Decimal("60000.0"))
    venue.trade("60000.0", "0.1")
    assert venue.look(order).executed == 0


def test_amendment_below_what_is_filled_cancels():
    venue = Driver()
    order = venue.buy("0.8", "60000.1")
    ended, _events = venue.exchange.amend(venue.now_ns, order, "BUY", Decimal("0.5"), Decimal("60000.0"))
    assert ended.status == "CANCELED"


def test_amendment_that_changes_nothing_is_refused():
    venue = Driver()
    order = venue.buy("0.5", "60000.0")
    with pytest.raises(Refused) as refused:
        venue.exchange.amend(venue.now_ns, order, "BUY", order.quantity, order.price)
    assert refused.value.refusal is Refusal.NOTHING_TO_AMEND


def test_amendment_through_the_book_takes():
    venue = Driver()
    order = venue.buy("0.3", "60000.0")
    venue.exchange.amend(venue.now_ns, order, "BUY", Decimal("0.3"), Decimal(ASKS[0][0]))
    assert venue.look(order).status == "FILLED"


def test_countdown_cancels_plain_orders_unless_it_is_renewed():
    venue = Driver()
    order = venue.buy("0.1", "59000.0")
    stop = venue.algo("SELL", "STOP_MARKET", "0.1", "59000.0")
    venue.exchange.set_countdown(venue.now_ns, "BTCUSDT", venue.now_ns + 10**9)
    venue.wait(0.9)
    venue.exchange.set_countdown(venue.now_ns, "BTCUSDT", venue.now_ns + 10**9)
    venue.wait(0.9)
    assert venue.look(order).is_open
    venue.wait(0.2)
    assert venue.look(order).status == "CANCELED"
    assert venue.look_algo(stop).is_open


def test_no_more_open_orders_than_the_instrument_allows():
    venue = Driver(funds="10000000")
    for _each in range(200):
        venue.buy("0.01", "59000.0")
    with pytest.raises(Refused) as refused:
        venue.buy("0.01", "59000.0")
    assert refused.value.refusal is Refusal.TOO_MANY_ORDERS
