"""Conditional orders: when they trigger, what they become, when they lapse."""

from __future__ import annotations

from decimal import Decimal

import pytest

from seawall_sim.engine import Refusal, Refused
from tests.unit.sim_engine.driver import Driver


def long_position() -> Driver:
    """A venue where 0.5 BTC were bought and mark and last price stand at 60 000."""
    venue = Driver()
    venue.buy("0.5")
    venue.mark("60000")
    venue.trade("60000.0")
    venue.said()
    return venue


def test_stop_on_the_mark_price_ignores_the_last_price():
    venue = long_position()
    stop = venue.algo("SELL", "STOP_MARKET", "0.5", "59000.0", working_type="MARK_PRICE", reduce_only=True)
    venue.trade("58000.0")
    assert venue.look_algo(stop).is_open
    venue.mark("58999.9")
    assert venue.look_algo(stop).status == "FINISHED"
    assert venue.held == 0


def test_stop_on_the_last_price_ignores_the_mark_price():
    venue = long_position()
    stop = venue.algo("SELL", "STOP_MARKET", "0.5", "59000.0", reduce_only=True)
    venue.mark("58000")
    assert venue.look_algo(stop).is_open
    venue.trade("59000.0")
    assert venue.look_algo(stop).status == "FINISHED"


def test_triggered_stop_tells_its_whole_story_in_order():
    venue = long_position()
    stop = venue.algo("SELL", "STOP_MARKET", "0.5", "59000.0", reduce_only=True, client_algo_id="guard")
    venue.trade("58999.0")
    assert venue.said() == [
        "algo NEW",
        "algo TRIGGERING",
        "algo TRIGGERED",
        "order NEW NEW",
        "account ORDER",
        "order TRADE FILLED",
        "algo FINISHED",
    ]
    ended = venue.look_algo(stop)
    order = venue.exchange.store.orders[ended.actual_order_id]
    assert (order.client_order_id, order.origin, order.kind) == ("guard", "STOP_MARKET", "MARKET")
    assert (ended.actual_quantity, ended.actual_price) == (Decimal("0.5"), Decimal("60000.0"))


@pytest.mark.parametrize(
    ("side", "kind", "trigger", "before", "at"),
    [
        ("SELL", "STOP_MARKET", "59000.0", "59000.1", "59000.0"),
        ("BUY", "STOP_MARKET", "61000.0", "60999.9", "61000.0"),
        ("SELL", "TAKE_PROFIT_MARKET", "61000.0", "60999.9", "61000.0"),
        ("BUY", "TAKE_PROFIT_MARKET", "59000.0", "59000.1", "59000.0"),
    ],
)
def test_each_kind_triggers_at_its_price_and_not_before(side: str, kind: str, trigger: str, before: str, at: str):
    venue = long_position()
    algo = venue.algo(side, kind, "0.1", trigger)
    venue.trade(before)
    assert venue.look_algo(algo).is_open
    venue.trade(at)
    assert venue.look_algo(algo).status == "FINISHED"


@pytest.mark.parametrize(
    ("side", "kind", "trigger"),
    [
        ("SELL", "STOP_MARKET", "60000.0"),
        ("BUY", "STOP_MARKET", "60000.0"),
        ("SELL", "TAKE_PROFIT_MARKET", "59999.9"),
        ("BUY", "TAKE_PROFIT_MARKET", "60000.1"),
    ],
)
def test_order_that_would_trigger_at_once_is_refused(side: str, kind: str, trigger: str):
    venue = long_position()
    with pytest.raises(Refused) as refused:
        venue.algo(side, kind, "0.1", trigger)
    assert refused.value.refusal is Refusal.WOULD_TRIGGER


def test_stop_limit_rests_in_the_book_and_finishes_when_it_fills():
    venue = long_position()
    stop = venue.algo("SELL", "STOP", "0.5", "59000.0", price="60050.0", reduce_only=True)
    venue.trade("59000.0")
    assert venue.look_algo(stop).status == "TRIGGERED"
    (resting,) = venue.exchange.store.open_orders()
    assert (resting.kind, resting.price, resting.origin) == ("LIMIT", Decimal("60050.0"), "STOP")
    venue.trade("60051.0", "5", seller_aggressive=False)
    assert venue.look_algo(stop).status == "FINISHED"
    assert venue.held == 0


def test_trailing_stop_follows_a_rising_price_and_never_a_falling_one():
    venue = long_position()
    stop = venue.algo("SELL", "TRAILING_STOP_MARKET", "0.5", callback_percent="1", reduce_only=True)
    venue.trade("61000.0")
    venue.trade("60500.0")
    assert venue.look_algo(stop).extreme == Decimal("61000.0")
    venue.trade("60390.1")
    assert venue.look_algo(stop).is_open
    venue.trade("60390.0")  # one per cent below 61 000
    assert venue.look_algo(stop).status == "FINISHED"


def test_trailing_stop_sleeps_until_its_activation_price():
    venue = long_position()
    stop = venue.algo(
        "SELL", "TRAILING_STOP_MARKET", "0.5", callback_percent="1", activation_price="61000.0", reduce_only=True
    )
    venue.trade("59000.0")
    assert venue.look_algo(stop).is_open
    venue.trade("61500.0")
    venue.trade("60885.0")
    assert venue.look_algo(stop).status == "FINISHED"


def test_trailing_stop_with_its_activation_price_behind_it_is_refused():
    with pytest.raises(Refused) as refused:
        long_position().algo("SELL", "TRAILING_STOP_MARKET", "0.5", callback_percent="1", activation_price="59000.0")
    assert refused.value.refusal is Refusal.WOULD_TRIGGER


@pytest.mark.parametrize("rate", ["0.09", "10.1"])
def test_callback_rate_has_bounds(rate: str):
    with pytest.raises(Refused) as refused:
        long_position().algo("SELL", "TRAILING_STOP_MARKET", "0.5", callback_percent=rate)
    assert refused.value.refusal is Refusal.CALLBACK_RATE


def test_close_position_closes_all_there_is_at_the_time():
    venue = long_position()
    venue.algo("SELL", "STOP_MARKET", trigger="59000.0", close_position=True)
    venue.buy("0.2")
    venue.trade("59000.0")
    assert venue.held == 0


def test_only_one_close_position_stop_in_a_direction():
    venue = long_position()
    venue.algo("SELL", "STOP_MARKET", trigger="59000.0", close_position=True)
    venue.algo("SELL", "TAKE_PROFIT_MARKET", trigger="61000.0", close_position=True)
    with pytest.raises(Refused) as refused:
        venue.algo("SELL", "STOP_MARKET", trigger="58000.0", close_position=True)
    assert refused.value.refusal is Refusal.CLOSE_POSITION_EXISTS


def test_close_position_without_a_position_expires_when_it_triggers():
    venue = Driver()
    venue.trade("60000.0")
    algo = venue.algo("SELL", "STOP_MARKET", trigger="59000.0", close_position=True)
    venue.trade("59000.0")
    assert venue.look_algo(algo).status == "EXPIRED"


def test_order_tied_to_a_position_expires_with_it():
    venue = long_position()
    tied = venue.algo("SELL", "STOP_MARKET", trigger="59000.0", close_position=True, time_in_force="GTE_GTC")
    plain = venue.algo("SELL", "STOP_MARKET", "0.5", "58000.0", reduce_only=True)
    venue.sell("0.2")
    assert venue.look_algo(tied).is_open
    venue.sell("0.3")
    assert (venue.look_algo(tied).status, venue.look_algo(plain).status) == ("EXPIRED", "NEW")


def test_order_tied_to_a_position_needs_one():
    venue = Driver()
    with pytest.raises(Refused) as refused:
        venue.algo("SELL", "STOP_MARKET", "0.5", "59000.0", time_in_force="GTE_GTC")
    assert refused.value.refusal is Refusal.POSITION_NEEDED


def test_margin_is_looked_at_only_when_an_order_triggers():
    venue = Driver(funds="1000")
    venue.trade("60000.0")
    algo = venue.algo("BUY", "STOP_MARKET", "2", "61000.0")  # far beyond the funds, and accepted
    venue.trade("61000.0")
    ended = venue.look_algo(algo)
    assert (ended.status, ended.reason) == ("REJECTED", Refusal.MARGIN_INSUFFICIENT.value)
    assert venue.held == 0


def test_reduce_only_stop_without_a_position_is_rejected_when_it_triggers():
    venue = Driver()
    venue.trade("60000.0")
    algo = venue.algo("SELL", "STOP_MARKET", "0.5", "59000.0", reduce_only=True)
    venue.trade("59000.0")
    assert venue.look_algo(algo).status == "REJECTED"
    assert venue.held == 0


def test_reduce_only_stop_never_opens_the_other_side():
    venue = long_position()
    venue.algo("SELL", "STOP_MARKET", "0.5", "59000.0", reduce_only=True)
    venue.sell("0.3")
    venue.trade("59000.0")
    assert venue.held == 0


def test_price_protection_waits_until_mark_and_last_agree():
    venue = long_position()
    stop = venue.algo("SELL", "STOP_MARKET", "0.5", "56000.0", price_protect=True, reduce_only=True)
    venue.trade("50000.0")  # a spike far from the mark price of 60 000
    assert venue.look_algo(stop).is_open
    venue.mark("51000")
    venue.trade("50000.0")
    assert venue.look_algo(stop).status == "FINISHED"


def test_cancelled_stop_does_not_trigger():
    venue = long_position()
    stop = venue.algo("SELL", "STOP_MARKET", "0.5", "59000.0", reduce_only=True)
    ended, _events = venue.exchange.cancel_algo(venue.now_ns, stop)
    venue.trade("58000.0")
    assert (ended.status, venue.held) == ("CANCELED", Decimal("0.5"))


def test_no_more_conditional_orders_than_allowed():
    venue = long_position()
    for _each in range(200):
        venue.algo("SELL", "STOP_MARKET", "0.001", "59000.0")
    with pytest.raises(Refused) as refused:
        venue.algo("SELL", "STOP_MARKET", "0.001", "59000.0")
    assert refused.value.refusal is Refusal.TOO_MANY_CONDITIONALS
