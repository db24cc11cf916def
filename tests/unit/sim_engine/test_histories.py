"""What holds after every step of any history."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import example, given, settings

from seawall_sim.engine import Delta, Exchange, OrderChanged
from seawall_sim.instruments import rules_for
from tests.unit.sim_engine.driver import BTC, ETH
from tests.unit.sim_engine.histories import HISTORIES, History, long_history, sorted_memory

Steps = list[tuple[Any, ...]]
FEW = settings(max_examples=40, deadline=None)


@FEW
@given(HISTORIES)
def test_wallet_is_deposits_plus_profit_less_fees_plus_funding(steps: Steps):
    history = History()
    for step in steps:
        history.play(step)
        store, account = history.exchange.store, history.exchange.account
        profit = sum((f.realised_pnl for f in store.fills.values()), Decimal(0))
        fees = sum((f.fee for f in store.fills.values()), Decimal(0))
        others = sum(
            (i.amount for i in store.incomes.values() if i.kind in ("FUNDING_FEE", "INSURANCE_CLEAR")), Decimal(0)
        )
        assert account.wallet == Decimal(30_000) + profit - fees + others
        assert account.wallet == sum((i.amount for i in store.incomes.values()), Decimal(0))


@FEW
@given(HISTORIES)
def test_position_and_its_cost_are_the_sum_of_the_fills(steps: Steps):
    history = History()
    for step in steps:
        history.play(step)
        position = history.exchange.store.position(BTC)
        signed = [(f.quantity if f.side == "BUY" else -f.quantity, f) for f in history.exchange.store.fills.values()]
        assert position.quantity == sum((quantity for quantity, _fill in signed), Decimal(0))
        paid = sum((quantity * fill.price for quantity, fill in signed), Decimal(0))
        realised = sum((fill.realised_pnl for _quantity, fill in signed), Decimal(0))
        assert position.cost == paid + realised
        assert bool(position.cost) == bool(position.quantity)


@FEW
@given(HISTORIES)
@example(long_history(8334))  # a reduce-only order amended to more than the position
def test_orders_fill_at_most_once_and_reduce_only_orders_only_reduce(steps: Steps):
    history = History()
    for step in steps:
        held = history.exchange.store.position(BTC).quantity
        for event in history.play(step):
            if not isinstance(event, OrderChanged):
                continue
            assert event.order.executed <= event.order.quantity
            if event.fill is not None:
                signed = event.fill.quantity if event.fill.side == "BUY" else -event.fill.quantity
                assert not event.order.reduce_only or abs(held + signed) < abs(held)
                held += signed
        for order in history.exchange.store.orders.values():
            filled = sum(f.quantity for f in history.exchange.store.fills.values() if f.order_id == order.order_id)
            assert filled == order.executed
            assert (order.status == "FILLED") == (order.executed == order.quantity)


@FEW
@given(HISTORIES)
def test_memory_rebuilt_from_its_changes_is_the_same_memory(steps: Steps):
    history = History()
    rebuilt = Exchange(rules_for([BTC, ETH]))
    for step in steps:
        history.play(step)
        delta = history.exchange.take_changes()
        if delta is not None:
            rebuilt.restore(msgspec.json.decode(msgspec.json.encode(delta), type=Delta))
    assert sorted_memory(rebuilt) == sorted_memory(history.exchange)
    assert [o.order_id for o in rebuilt.store.open_orders()] == [
        o.order_id for o in history.exchange.store.open_orders()
    ]


@FEW
@given(HISTORIES)
def test_same_history_gives_the_same_events(steps: Steps):
    first, second = History(), History()
    for step in steps:
        first.play(step)
        second.play(step)
    assert first.said == second.said


@FEW
@given(HISTORIES)
def test_takers_never_get_more_of_a_still_book_than_it_shows(steps: Steps):
    history = History(funds=10_000_000)
    for step in steps:
        if step[0] in ("market", "limit", "cancel", "amend", "leverage"):
            history.play(step)
    market = history.exchange.markets[BTC]
    shown: dict[Any, Any] = {**dict(market.bids), **dict(market.asks)}
    taken: dict[Any, Decimal] = {}
    for fill in history.exchange.store.fills.values():
        if not fill.maker:
            taken[fill.price] = taken.get(fill.price, Decimal(0)) + fill.quantity
    assert all(quantity <= shown[price] for price, quantity in taken.items())
