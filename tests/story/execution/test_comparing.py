"""Ledger and venue: after a restart, after silence, after strangers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from seawall_execution import facts
from seawall_execution.commands import CancelOrder, PlaceOrder, ReadAccount, SearchOrder
from seawall_proto import (
    AccountReconciled,
    AlertRaised,
    FlattenRequested,
    HaltRequested,
    OrderState,
    OrderStateChanged,
    PositionChanged,
)
from seawall_venues.port import Outcome

BTC, ETH = "BTC-USDT-PERP", "ETH-USDT-PERP"
WHO = {"venue": "binance-usdm", "account": "paper"}
D = Decimal


def row(story: Any, order_id: str, state: OrderState, **changes: Any) -> OrderStateChanged:
    """Return an order as the ledger keeps it."""
    fields: dict[str, Any] = {
        "id": f"row-{order_id}",
        **WHO,
        "client_order_id": order_id,
        "venue_order_id": "",
        "intent_id": "intent-1",
        "symbol": BTC,
        "side": "buy",
        "order_type": "market",
        "quantity": D("0.010"),
        "filled_quantity": D(0),
        "limit_price": None,
        "average_price": None,
        "reduce_only": False,
        "state": state,
        "previous_state": None,
        "reason": "",
        "sequence": 1,
    }
    return OrderStateChanged(**(fields | changes))


def restart(story: Any, *orders: OrderStateChanged, **changes: Any) -> list[Any]:
    story.when(facts.UserStreamChanged(**WHO, connected=True, reason="connected"))
    fields: dict[str, Any] = {"positions": (), "fills": (), "last_reconciled": None}
    said: list[Any] = story.when(facts.LedgerRead(**WHO, open_orders=orders, **(fields | changes)))
    return said


def held(quantity: str, sequence: int = 7) -> PositionChanged:
    return PositionChanged(
        **WHO,
        symbol=BTC,
        quantity=D(quantity),
        entry_price=D(60_000),
        realised_pnl=D(5),
        sequence=sequence,
        stop_distance_bps=150,
    )


def reconciled() -> AccountReconciled:
    return AccountReconciled(
        **WHO,
        equity=D(1),
        balances=(),
        positions=(),
        open_orders=0,
        adopted_orders=0,
        adopted_fills=0,
        differences=(),
    )


def test_after_a_crash_between_commit_and_answer_the_order_is_unknown_and_never_sent_again(story: Any) -> None:
    change, search = restart(story, row(story, "a" * 32, OrderState.INTENDED))
    assert (change.state, change.previous_state, change.sequence) == (OrderState.UNKNOWN, OrderState.INTENDED, 2)
    assert isinstance(search, SearchOrder)
    assert search.after_ms == 0
    story.read()
    story.when(story.approval("intent-1"))
    story.searched("a" * 32)
    assert not story.all_of(PlaceOrder), "neither the redelivered approval nor the search sends anything"


def test_a_restart_goes_on_counting_where_the_ledger_stopped(story: Any) -> None:
    open_row = row(story, "b" * 32, OrderState.OPEN, venue_order_id="v-b", sequence=4, stop_distance_bps=90)
    restart(story, open_row, positions=(held("0.010"),))
    filled = story.order("b" * 32, OrderState.FILLED, filled_quantity="0.010", venue_order_id="v-b")
    story.reported(filled, story.fill("f2", "b" * 32, "0.010", price=D(61_000)))
    assert story.all_of(OrderStateChanged)[-1].sequence == 5
    assert (story.position().sequence, story.position().quantity) == (8, D("0.020"))
    assert (story.position().entry_price, story.position().stop_distance_bps) == (D(60_500), 90)


def test_fills_booked_before_the_restart_are_not_booked_again(story: Any) -> None:
    story.ready()
    first = story.fill("f1", "x", "0.010")
    story.read(fills=(first,), positions={BTC: "0.010"})
    booked = tuple(story.fills())
    again = type(story)()
    restart(again, positions=(held("0.010"),), fills=booked, last_reconciled=reconciled())
    assert again.read(fills=(first,), positions={BTC: "0.010"})
    assert not again.fills()
    assert not again.all_of(HaltRequested)


def test_what_happened_while_away_is_booked_and_called_adopted(story: Any) -> None:
    restart(story, positions=(held("0.010"),), last_reconciled=reconciled())
    missed = story.fill("f7", "", "0.010", side="sell", price=D(59_000), venue_order_id="stop")
    (*_, said) = story.read(fills=(missed,), positions={})
    assert isinstance(said, AccountReconciled)
    assert (said.adopted_fills, said.differences) == (1, ())
    assert (story.position().quantity, story.position().realised_pnl) == (D(0), D(-5))


def test_agreement_is_said_with_the_equity(story: Any) -> None:
    story.ready(BTC_USDT_PERP="0.010")
    (said,) = story.read(positions={BTC: "0.010"})
    assert isinstance(said, AccountReconciled)
    assert (said.equity, said.differences, said.open_orders) == (D(10_001), (), 0)


def test_a_difference_is_read_again_before_it_is_believed_then_taken_over_and_halts(story: Any) -> None:
    story.ready(BTC_USDT_PERP="0.010")
    for _ in range(3):
        assert story.read(positions={BTC: "0.030"}) == []
    waits = [one.after_ms for one in story.all_of(ReadAccount)]
    assert waits == [400, 400, 400]
    said = story.read(positions={BTC: "0.030"})
    assert story.position().quantity == D("0.030")
    assert [type(one).__name__ for one in said] == [
        "PositionChanged",
        "AlertRaised",
        "HaltRequested",
        "AccountReconciled",
    ]
    assert said[-1].differences == ("BTC-USDT-PERP: ledger 0.010, venue 0.030",)
    assert story.read(positions={BTC: "0.030"})[-1].differences == ()


def test_a_fill_on_its_way_is_no_difference(story: Any) -> None:
    order_id = story.ready().approve()
    assert story.read(positions={BTC: "0.010"}) == []
    filled = story.order(order_id, OrderState.FILLED, filled_quantity="0.010", average_price=D(60_000))
    story.reported(filled, story.fill("f1", order_id, "0.010"))
    assert story.read(positions={BTC: "0.010"})[-1].differences == ()
    assert not story.all_of(HaltRequested)


def test_a_position_held_before_the_first_start_is_taken_over_without_a_halt(story: Any) -> None:
    restart(story)
    while not story.read(positions={BTC: "-0.500"}):
        pass
    assert story.position().quantity == D("-0.500")
    assert [one.severity for one in story.all_of(AlertRaised)] == ["warning"]
    assert not story.all_of(HaltRequested)


def test_orders_of_strangers_are_adopted_and_followed(story: Any) -> None:
    story.ready()
    stranger = story.order("by-hand", OrderState.OPEN, reduce_only=True)
    (*_, said) = story.read(orders=(stranger,))
    assert said.adopted_orders == 1
    (adopted,) = story.all_of(OrderStateChanged)
    assert (adopted.intent_id, adopted.reason, adopted.state) == ("", "external", OrderState.OPEN)
    done = story.order("by-hand", OrderState.FILLED, filled_quantity="0.010")
    story.reported(done, story.fill("f1", "by-hand", "0.010"))
    assert story.states_of("by-hand") == ["open", "filled"]
    assert story.position().quantity == D("0.010")


def test_a_liquidation_halts_the_account(story: Any) -> None:
    story.ready(BTC_USDT_PERP="0.010")
    forced = story.order("autoclose-123", OrderState.FILLED, side="sell", filled_quantity="0.010")
    story.reported(forced, story.fill("f1", "autoclose-123", "0.010", side="sell"))
    assert [one.name for one in story.all_of(AlertRaised)] == ["liquidation"]
    assert story.all_of(HaltRequested)
    assert story.position().quantity == 0


def test_an_order_that_ended_unheard_is_searched_for_and_not_guessed(story: Any) -> None:
    order_id = story.ready().approve()
    story.reported(story.order(order_id))
    story.read(symbols=frozenset({ETH}))
    assert not story.all_of(SearchOrder), "that reading did not cover the order's symbol"
    story.read()
    (search,) = story.all_of(SearchOrder)
    assert (search.client_order_id, search.after_ms) == (order_id, 0)
    assert story.states_of(order_id) == ["intended", "open"]
    story.searched(order_id, story.order(order_id, OrderState.CANCELED))
    assert story.states_of(order_id) == ["intended", "open", "canceled"]


def test_an_open_order_the_venue_denies_is_unknown_for_the_whole_quarantine(story: Any) -> None:
    order_id = story.ready().approve()
    story.reported(story.order(order_id))
    story.read()
    story.later(1).searched(order_id)
    story.later(59).searched(order_id)
    assert story.states_of(order_id) == ["intended", "open", "unknown"]
    story.later(2).searched(order_id)
    assert story.states_of(order_id)[-1] == "not_placed"


def test_an_order_the_ledger_knew_is_recalled_and_looked_for(story: Any) -> None:
    order_id = story.ready().approve()
    known = row(story, order_id, OrderState.INTENDED)
    story.when(facts.OrderRecalled(**WHO, client_order_id=order_id, known=known))
    assert story.states_of(order_id) == ["intended", "unknown"]
    assert story.all_of(SearchOrder)
    done = row(story, order_id, OrderState.FILLED, sequence=5)
    story.when(facts.OrderRecalled(**WHO, client_order_id=order_id, known=done))
    assert story.searched(order_id) == []
    story.when(facts.OrderRecalled(**WHO, client_order_id=order_id, known=None))
    assert story.when(story.approval())[0].client_order_id == order_id


def flatten(story: Any, scope: str = "global") -> list[Any]:
    (tell,) = story.when(FlattenRequested(id="wish", scope=scope, actor="operator", reason="out"))
    assert story.when(FlattenRequested(id="wish", scope=scope, actor="operator", reason="out")) == []
    wanted = facts.FlattenWanted(**WHO, scope=tell.scope, request_id=tell.request_id, reason=tell.reason)
    said: list[Any] = story.when(wanted)
    return said


def test_flatten_cancels_entries_and_closes_positions_until_the_venue_says_flat(story: Any) -> None:
    story.ready(BTC_USDT_PERP="0.010", ETH_USDT_PERP="-2")
    entry = story.approve("entry", order_type="limit", limit_price=D(50_000))
    story.reported(story.order(entry))
    flatten(story)
    (cancel,) = story.all_of(CancelOrder)
    assert cancel.client_order_id == entry
    first, second = story.all_of(PlaceOrder)[1:]
    assert (first.symbol, first.side, first.quantity, first.reduce_only) == (BTC, "sell", D("0.010"), True)
    assert (second.symbol, second.side, second.quantity, second.worst_price) == (ETH, "buy", D(2), None)
    assert story.states_of(story.approve("new")) == ["not_placed"], "no entry while the position is being closed"
    story.reported(story.order(entry, OrderState.CANCELED))
    story.answered(first.client_order_id, Outcome.REJECTED, code="-2022")
    story.answered(second.client_order_id, Outcome.ACCEPTED, story.order(second.client_order_id, OrderState.FILLED))
    story.reported(
        story.order(second.client_order_id, OrderState.FILLED, symbol=ETH, side="buy", filled_quantity="2"),
        story.fill("e1", second.client_order_id, "2", symbol=ETH),
    )
    story.read(positions={BTC: "0.010"})
    third = story.all_of(PlaceOrder)[-1]
    assert (third.symbol, third.quantity) == (BTC, D("0.010"))
    assert third.client_order_id != first.client_order_id, "a new generation, after the last is proven over"
    story.reported(
        story.order(third.client_order_id, OrderState.FILLED, side="sell", filled_quantity="0.010"),
        story.fill("b1", third.client_order_id, "0.010", side="sell"),
    )
    requests = len(story.all_of(PlaceOrder))
    story.read()
    story.read()
    assert len(story.all_of(PlaceOrder)) == requests
    assert story.states_of(story.approve("after")) == ["intended"]


def test_flatten_reaches_only_its_scope(story: Any) -> None:
    story.ready(BTC_USDT_PERP="0.010", ETH_USDT_PERP="-2")
    flatten(story, f"symbol:{ETH}")
    assert [one.symbol for one in story.all_of(PlaceOrder)] == [ETH]


def test_flatten_of_another_account_changes_nothing(story: Any) -> None:
    story.ready(BTC_USDT_PERP="0.010")
    assert flatten(story, "account:binance-usdm/other") == []


def test_flatten_waits_while_a_closing_order_is_unknown(story: Any) -> None:
    story.ready(BTC_USDT_PERP="0.010")
    flatten(story)
    (first,) = story.all_of(PlaceOrder)
    story.answered(first.client_order_id, Outcome.UNKNOWN)
    story.read(positions={BTC: "0.010"})
    assert len(story.all_of(PlaceOrder)) == 1


def test_flatten_splits_what_one_market_order_cannot_carry(story: Any) -> None:
    restart(story, market_max={BTC: D("0.004")}, positions=(held("0.010"),), last_reconciled=reconciled())
    story.read(positions={BTC: "0.010"})
    flatten(story)
    assert [one.quantity for one in story.all_of(PlaceOrder)] == [D("0.004")]


def test_history_explains_the_fills_of_others(story: Any) -> None:
    """After a restart the orders that ended before it are not in memory; the venue's history names them."""
    restart(story, row(story, "a" * 32, OrderState.INTENDED), last_reconciled=reconciled())
    other = story.fill("f1", "", "0.010", venue_order_id="v-other")
    story.read(fills=(other,), positions={BTC: "0.010"})
    story.later(61).searched("a" * 32, fills=(other,), position="0.010")
    assert story.states_of("a" * 32) == ["unknown"]
    history = (story.order("somebody-else", OrderState.FILLED, venue_order_id="v-other"),)
    story.searched("a" * 32, fills=(other,), position="0.010", history=history)
    assert story.states_of("a" * 32) == ["unknown", "not_placed"]


def test_a_fill_missed_while_away_finds_its_order_in_the_history(story: Any) -> None:
    """Killed after the request left: order and fill are only in what the venue kept."""
    restart(story, row(story, "a" * 32, OrderState.INTENDED, stop_distance_bps=120), last_reconciled=reconciled())
    ended = story.order("a" * 32, OrderState.FILLED, filled_quantity="0.010", venue_order_id="v-a")
    stranger = story.order("by-hand", OrderState.FILLED, filled_quantity="0.001", venue_order_id="v-hand")
    older = story.order("long-ago", OrderState.CANCELED, venue_order_id="v-old")
    fills = (
        story.fill("f1", "", "0.010", venue_order_id="v-a"),
        story.fill("f2", "", "0.001", venue_order_id="v-hand"),
    )
    story.read(fills=fills, history=(older, ended, stranger), positions={BTC: "0.011"})
    assert story.states_of("a" * 32) == ["unknown", "filled"]
    assert story.states_of("by-hand") == ["filled"]
    assert [one.client_order_id for one in story.fills()] == ["a" * 32, "by-hand"]
    assert story.position().stop_distance_bps == 120
    assert not story.states_of("long-ago")
    assert story.searched("a" * 32, ended) == []


def test_what_no_venue_should_say_is_told_and_never_stops_the_account(story: Any) -> None:
    story.ready()
    empty = story.order("close-all", OrderState.OPEN, quantity="0")
    assert [type(one) for one in story.reported(empty)] == [AlertRaised]
    closing = story.order("close-all", OrderState.FILLED, quantity="0", filled_quantity="0.010")
    story.reported(closing, story.fill("f1", "close-all", "0.010"))
    assert story.states_of("close-all") == ["filled"]
    assert story.position().quantity == D("0.010")
    for price, quantity in ((D(0), "0.001"), (D(-1), "0.001"), (D(1), "0")):
        said = story.reported(closing, story.fill(f"bad-{price}-{quantity}", "close-all", quantity, price=price))
        assert [one.name for one in said] == ["fill_unusable"]
    assert len(story.fills()) == 1
