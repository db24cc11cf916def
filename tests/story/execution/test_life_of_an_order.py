"""From an approval to a booked fill, and every doubt on the way."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from seawall_execution import facts
from seawall_execution.commands import CheckPosition, PlaceOrder, ReadAccount, SearchOrder
from seawall_proto import (
    AlertRaised,
    HaltRequested,
    OrderFilled,
    OrderState,
    OrderStateChanged,
    PositionChanged,
    TradingHalted,
    TradingResumed,
)
from seawall_venues.port import Outcome

BTC = "BTC-USDT-PERP"
WHO = {"venue": "binance-usdm", "account": "paper"}
D = Decimal


def test_an_approval_becomes_one_intended_order_and_one_request(story: Any) -> None:
    story.ready()
    approval = story.approval()
    change, place = story.when(approval)
    assert isinstance(change, OrderStateChanged)
    assert isinstance(place, PlaceOrder)
    assert (change.state, change.previous_state, change.sequence) == (OrderState.INTENDED, None, 1)
    assert (change.intent_id, change.causes, change.ts_received_ns) == (
        "intent-1",
        ("intent-1",),
        approval.ts_received_ns,
    )
    assert (place.client_order_id, place.worst_price, place.ts_tick_ns) == (
        change.client_order_id,
        D(60_300),
        approval.ts_received_ns,
    )
    assert story.when(approval) == [], "an approval is good for one order"


def test_an_exit_leaves_without_a_worst_price_and_an_entry_never_does(story: Any) -> None:
    story.ready(BTC_USDT_PERP="0.010")
    (_, entry) = story.when(story.approval("in"))
    (_, leave) = story.when(story.approval("out", side="sell", reduce_only=True))
    assert (entry.worst_price, leave.worst_price) == (D(60_300), None)
    assert leave.reduce_only


def test_an_accepted_and_filled_order_books_its_fill_once_whichever_way_it_comes(story: Any) -> None:
    order_id = story.ready().approve()
    filled = story.order(order_id, OrderState.FILLED, filled_quantity="0.010", average_price=D(60_000))
    story.answered(order_id, Outcome.ACCEPTED, filled)
    fill = story.fill("f1", order_id, "0.010")
    story.reported(filled, fill)
    story.reported(filled, fill)
    story.read(fills=(fill,), positions={BTC: "0.010"})
    assert story.states_of(order_id) == ["intended", "filled"]
    (booked,) = story.fills()
    assert (booked.fill_id, booked.client_order_id, booked.fee) == ("f1", order_id, D("0.024"))
    assert (story.position().quantity, story.position().stop_distance_bps) == (D("0.010"), 150)
    assert len(story.all_of(PositionChanged)) == 1


def test_partial_fills_add_up_and_late_words_change_nothing(story: Any) -> None:
    order_id = story.ready().approve()
    story.reported(story.order(order_id))
    half = story.order(order_id, OrderState.PARTIALLY_FILLED, filled_quantity="0.004", average_price=D(60_000))
    story.reported(half, story.fill("f1", order_id, "0.004"))
    story.answered(order_id, Outcome.ACCEPTED, story.order(order_id))
    whole = story.order(order_id, OrderState.FILLED, filled_quantity="0.010", average_price=D(60_060))
    story.reported(whole, story.fill("f2", order_id, "0.006", price=D(60_100)))
    story.reported(half)
    assert story.states_of(order_id) == ["intended", "open", "partially_filled", "filled"]
    assert story.position().quantity == D("0.010")
    assert story.position().entry_price == D(60_060)
    assert [one.filled_quantity for one in story.all_of(OrderStateChanged)] == [D(0), D(0), D("0.004"), D("0.010")]
    assert not story.all_of(AlertRaised)


def test_a_fill_that_comes_before_the_answer_is_booked(story: Any) -> None:
    order_id = story.ready().approve()
    filled = story.order(order_id, OrderState.FILLED, filled_quantity="0.010", average_price=D(60_000))
    story.reported(filled, story.fill("f1", order_id, "0.010"))
    assert story.answered(order_id, Outcome.UNKNOWN, code="transport") == []
    assert story.states_of(order_id) == ["intended", "filled"]


def test_a_known_rejection_ends_the_order(story: Any) -> None:
    order_id = story.ready().approve()
    story.answered(order_id, Outcome.REJECTED, code="-2019")
    assert story.states_of(order_id) == ["intended", "rejected"]
    assert story.all_of(OrderStateChanged)[-1].reason == "-2019"


@pytest.mark.parametrize("code", ["not-sent", "local-rate-limit"])
def test_a_request_that_never_left_was_not_placed(story: Any, code: str) -> None:
    order_id = story.ready().approve()
    story.answered(order_id, Outcome.REJECTED, code=code)
    assert story.states_of(order_id) == ["intended", "not_placed"]


def test_an_unproven_outcome_is_looked_for_ever_more_slowly_and_nothing_is_sent_again(story: Any) -> None:
    order_id = story.ready().approve()
    story.answered(order_id, Outcome.UNKNOWN, code="transport")
    for _ in range(8):
        story.later(1).searched(order_id)
    waits = [one.after_ms for one in story.all_of(SearchOrder)]
    assert waits == [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]
    assert story.states_of(order_id) == ["intended", "unknown"]
    assert len(story.all_of(PlaceOrder)) == 1


def test_an_unknown_order_that_is_found_is_taken_over(story: Any) -> None:
    order_id = story.ready().approve()
    story.answered(order_id, Outcome.UNKNOWN)
    found = story.order(order_id, OrderState.FILLED, filled_quantity="0.010", average_price=D(60_000))
    story.searched(order_id, found)
    assert story.states_of(order_id) == ["intended", "unknown", "filled"]


def test_not_found_is_not_unplaced_before_the_quarantine_ends(story: Any) -> None:
    order_id = story.ready().approve()
    story.answered(order_id, Outcome.UNKNOWN)
    story.later(59).searched(order_id)
    assert story.states_of(order_id)[-1] == "unknown"
    story.later(2).searched(order_id, complete=False)
    assert story.states_of(order_id)[-1] == "unknown", "a source that failed proves nothing"
    story.later(1).searched(order_id)
    assert story.states_of(order_id) == ["intended", "unknown", "not_placed"]


def test_an_unexplained_fill_or_position_keeps_an_order_unknown_beyond_the_quarantine(story: Any) -> None:
    order_id = story.ready().approve()
    story.answered(order_id, Outcome.UNKNOWN)
    story.later(61).searched(order_id, position="0.010")
    story.later(1).searched(order_id, fills=(story.fill("f9", "", "0.010"),))
    assert story.states_of(order_id)[-1] == "unknown"
    assert [one.name for one in story.all_of(AlertRaised)] == ["order_unknown"]
    assert story.all_of(ReadAccount), "what is unexplained has the account read"


def test_while_an_order_is_unknown_only_risk_reducing_orders_leave(story: Any) -> None:
    story.ready(BTC_USDT_PERP="0.010")
    first = story.approve("first")
    story.answered(first, Outcome.UNKNOWN)
    second = story.approve("second")
    assert story.states_of(second) == ["not_placed"]
    assert first in story.all_of(OrderStateChanged)[-1].reason
    story.approve("third", side="sell", reduce_only=True)
    assert [one.reduce_only for one in story.all_of(PlaceOrder)] == [False, True]
    other = story.approve("fourth", symbol="ETH-USDT-PERP")
    assert story.states_of(other) == ["intended"], "another instrument is not in doubt"


def test_an_order_held_back_is_not_placed_once_the_venue_confirms_it(story: Any) -> None:
    order_id = story.ready().approve()
    said = story.when(facts.OrderUnsent(**WHO, client_order_id=order_id, reason="the approval has expired"))
    assert [one.after_ms for one in said] == [0]
    story.searched(order_id, complete=False)
    assert story.states_of(order_id) == ["intended"]
    story.searched(order_id)
    assert story.states_of(order_id) == ["intended", "not_placed"]
    assert story.all_of(OrderStateChanged)[-1].reason == "the approval has expired"


def test_an_order_that_comes_back_from_the_dead_halts_the_account(story: Any) -> None:
    order_id = story.ready().approve()
    story.answered(order_id, Outcome.UNKNOWN)
    story.later(61).searched(order_id)
    filled = story.order(order_id, OrderState.FILLED, filled_quantity="0.010", average_price=D(60_000))
    story.reported(filled, story.fill("f1", order_id, "0.010"))
    assert story.states_of(order_id) == ["intended", "unknown", "not_placed", "filled"]
    assert [one.name for one in story.all_of(AlertRaised)] == ["order_corrected"]
    assert [one.scope for one in story.all_of(HaltRequested)] == ["account:binance-usdm/paper"]
    assert story.position().quantity == D("0.010"), "money moved: it is booked all the same"


def test_a_halt_stops_the_next_entry_and_never_an_exit(story: Any) -> None:
    story.ready(BTC_USDT_PERP="0.010")
    scope = "symbol:BTC-USDT-PERP"

    def say(kind: type, version: int) -> None:
        assert story.when(kind(scope=scope, version=version, actor="a", reason="r")) == []

    say(TradingHalted, 3)
    assert story.states_of(story.approve("one")) == ["not_placed"]
    assert story.states_of(story.approve("two", symbol="ETH-USDT-PERP")) == ["intended"]
    assert story.states_of(story.approve("three", side="sell", reduce_only=True)) == ["intended"]
    say(TradingResumed, 3)
    assert story.states_of(story.approve("four")) == ["not_placed"], "of halt and resume with one version the halt wins"
    say(TradingResumed, 4)
    assert story.states_of(story.approve("five")) == ["intended"]
    say(TradingHalted, 3)
    assert story.states_of(story.approve("six")) == ["intended"], "an old halt does not come back"


def test_a_halt_in_the_ledger_holds_after_a_restart(story: Any) -> None:
    halt = TradingHalted(scope="global", version=1, actor="a", reason="r")
    story.when(facts.HaltsRead(halts=(halt,)))
    assert story.states_of(story.ready().approve("one")) == ["not_placed"]


def test_no_entry_leaves_without_a_user_stream_and_a_reading_after_it(story: Any) -> None:
    story.when(facts.LedgerRead(**WHO, open_orders=(), positions=(), fills=(), last_reconciled=None))
    assert story.states_of(story.approve("one")) == ["not_placed"]
    story.read()
    assert story.states_of(story.approve("two")) == ["not_placed"]
    story.when(facts.UserStreamChanged(**WHO, connected=True, reason="connected"))
    story.read(started_ns=story.now_ns - 1)
    assert story.states_of(story.approve("three")) == ["not_placed"], "that reading began before the stream"
    story.read()
    assert story.states_of(story.approve("four")) == ["intended"]
    story.when(facts.UserStreamChanged(**WHO, connected=False, reason="cut"))
    assert story.states_of(story.approve("five")) == ["not_placed"]
    assert "cut" in story.all_of(OrderStateChanged)[-1].reason


def test_an_approval_for_an_account_without_a_session_is_refused(story: Any) -> None:
    story.ready()
    order_id = story.approve(account="other")
    assert story.states_of(order_id) == ["not_placed"]
    assert not story.all_of(PlaceOrder)


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN", "Infinity"])
def test_an_approval_of_no_quantity_is_told_and_dropped(story: Any, quantity: str) -> None:
    (said,) = story.ready().when(story.approval(quantity=D(quantity)))
    assert isinstance(said, AlertRaised)


def test_a_repeated_decision_names_its_events_alike(story: Any) -> None:
    other = type(story)()
    for one in (story, other):
        order_id = one.ready().approve()
        filled = one.order(order_id, OrderState.FILLED, filled_quantity="0.010", average_price=D(60_000))
        one.reported(filled, one.fill("f1", order_id, "0.010"))
    for kind in (OrderStateChanged, OrderFilled, PositionChanged):
        assert [item.id for item in story.all_of(kind)] == [item.id for item in other.all_of(kind)]
    every = [item.id for kind in (OrderStateChanged, OrderFilled, PositionChanged) for item in story.all_of(kind)]
    assert len(set(every)) == len(every) == 4


def test_the_chain_leads_from_the_position_to_the_approval(story: Any) -> None:
    order_id = story.ready().approve()
    filled = story.order(order_id, OrderState.FILLED, filled_quantity="0.010", average_price=D(60_000))
    story.reported(filled, story.fill("f1", order_id, "0.010"))
    by_id = {item.id: item for item in story.told if hasattr(item, "causes")}
    place, chain = story.position(), []
    while place is not None:
        chain.append(type(place).__name__)
        place = by_id.get(place.causes[0])
    assert chain == ["PositionChanged", "OrderFilled", "OrderStateChanged", "OrderStateChanged"]


def test_a_position_that_differs_has_the_account_read_only_where_the_fill_does_not_follow(story: Any) -> None:
    order_id = story.ready().approve()
    report = {"symbol": BTC, "quantity": D("0.010"), "entry_price": D(60_000)}
    (check,) = story.when(facts.PositionReported(**WHO, **report))
    assert isinstance(check, CheckPosition)
    assert isinstance(story.when(facts.PositionDoubted(**WHO, symbol=BTC))[0], ReadAccount)
    filled = story.order(order_id, OrderState.FILLED, filled_quantity="0.010", average_price=D(60_000))
    story.reported(filled, story.fill("f1", order_id, "0.010"))
    assert story.when(facts.PositionDoubted(**WHO, symbol=BTC)) == []
    assert story.when(facts.PositionReported(**WHO, **report)) == []


def test_what_was_filled_never_shrinks_and_never_exceeds_the_order(story: Any) -> None:
    order_id = story.ready().approve()
    for filled in ("0.006", "0.004", "0.099"):
        story.reported(story.order(order_id, OrderState.PARTIALLY_FILLED, filled_quantity=filled))
    filled_quantities = [one.filled_quantity for one in story.all_of(OrderStateChanged)]
    assert filled_quantities == [D(0), D("0.006"), D("0.010")]


def test_one_search_is_under_way_however_many_ask_for_it(story: Any) -> None:
    order_id = story.ready().approve()
    story.reported(story.order(order_id))
    story.read()
    story.read()
    assert len(story.all_of(SearchOrder)) == 1
    story.searched(order_id, story.order(order_id))
    story.read()
    assert len(story.all_of(SearchOrder)) == 2


def test_an_exit_leaves_the_stop_distance_of_what_is_left(story: Any) -> None:
    story.ready()
    entry = story.approve("in", stop_distance_bps=90)
    whole = story.order(entry, OrderState.FILLED, filled_quantity="0.010")
    story.reported(whole, story.fill("f1", entry, "0.010"))
    leave = story.approve("out", side="sell", reduce_only=True, stop_distance_bps=300, quantity=D("0.004"))
    part = story.order(leave, OrderState.FILLED, side="sell", quantity="0.004", filled_quantity="0.004")
    story.reported(part, story.fill("f2", leave, "0.004", side="sell"))
    assert (story.position().quantity, story.position().stop_distance_bps) == (D("0.006"), 90)


@pytest.mark.parametrize("first", ["stream", "answer"])
def test_every_event_after_the_request_says_when_it_left(story: Any, first: str) -> None:
    order_id = story.ready().approve()
    filled = story.order(order_id, OrderState.FILLED, filled_quantity="0.010")
    if first == "stream":
        story.reported(filled, story.fill("f1", order_id, "0.010"), ts_sent_ns=story.now_ns)
        assert story.answered(order_id, Outcome.ACCEPTED, filled) == []
    else:
        story.answered(order_id, Outcome.ACCEPTED, filled)
        story.reported(filled, story.fill("f1", order_id, "0.010"))
    assert [one.ts_sent_ns for one in story.all_of(OrderStateChanged)] == [0, story.now_ns]
