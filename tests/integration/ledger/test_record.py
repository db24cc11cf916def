"""What recording an event does, and what it refuses."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from seawall_ledger import InvariantViolated, Ledger, connect
from seawall_proto import AlertRaised, Event, HaltRequested, OrderState
from tests.worlds.ledger_samples import ACCOUNT, SYMBOL, VENUE, fill, halt, order, position, reconciled, resume, stop

FILLED: dict[str, Any] = {"state": OrderState.FILLED, "filled_quantity": Decimal("0.010"), "venue_order_id": "9"}


async def record(ledger: Ledger, *events: Event) -> list[bool]:
    async with ledger.transaction() as tx:
        return [await tx.record(event) for event in events]


async def number_of(ledger: Ledger, table: str) -> int:
    return int((await ledger.rows(f"SELECT count(*) FROM {table}"))[0][0])


async def test_an_event_is_taken_once_by_each_consumer(ledger: Ledger) -> None:
    async with ledger.transaction() as tx:
        assert await tx.claim("execution", "approval-1")
        assert await tx.claim("recorder", "approval-1")
    async with ledger.transaction() as tx:
        assert not await tx.claim("execution", "approval-1")


async def test_the_order_read_back_is_the_order_recorded(ledger: Ledger) -> None:
    opened = order(sequence=2, state=OrderState.OPEN, limit_price=Decimal("60000.10"), causes=("a", "b"), ts_sent_ns=5)
    await record(ledger, order(), opened)
    assert await ledger.order("client-1") == opened
    assert await ledger.order_of_intent("intent-1") == opened
    assert await ledger.open_orders(VENUE, ACCOUNT) == (opened,)
    assert await ledger.order("nobody") is None


async def test_a_late_copy_of_an_order_state_changes_nothing_and_says_nothing(ledger: Ledger) -> None:
    newest = order(sequence=3, **FILLED)
    assert await record(ledger, order(), newest) == [True, True]
    assert await record(ledger, order(sequence=2), newest, order(sequence=3, id="another")) == [False, False, False]
    assert await ledger.order("client-1") == newest
    assert await number_of(ledger, "outbox") == 2


async def test_an_ended_order_is_no_longer_open(ledger: Ledger) -> None:
    await record(ledger, order(), order(sequence=2, **FILLED), order(2))
    assert [one.client_order_id for one in await ledger.open_orders(VENUE, ACCOUNT)] == ["client-2"]


async def test_a_fill_is_booked_once_whatever_brings_it(ledger: Ledger) -> None:
    assert await record(ledger, fill(), fill(), fill(id="the same fill by another road")) == [True, False, False]
    assert await ledger.fill_exists(VENUE, ACCOUNT, SYMBOL, "1")
    assert not await ledger.fill_exists(VENUE, ACCOUNT, SYMBOL, "2")
    assert await number_of(ledger, "fills") == await number_of(ledger, "outbox") == 1


async def test_fills_come_back_in_the_venues_order(ledger: Ledger) -> None:
    await record(ledger, fill(3), fill(1), fill(2))
    assert await ledger.fills_since(VENUE, ACCOUNT, 2) == (fill(2), fill(3))
    assert [one.fill_id for one in await ledger.fills_of("client-1")] == ["3", "1", "2"]


async def test_a_position_is_the_newest_absolute_value(ledger: Ledger) -> None:
    await record(ledger, position("0.010", 1), position("0.015", 3))
    assert await record(ledger, position("0.012", 2)) == [False]
    held = await ledger.position(VENUE, ACCOUNT, SYMBOL)
    assert held == position("0.015", 3)
    assert await ledger.positions(VENUE, ACCOUNT) == (held,)


async def test_opening_a_position_is_counted_and_growing_it_is_not(ledger: Ledger) -> None:
    for sequence, quantity in enumerate(("0.01", "0.02", "0", "0.01", "-0.01", "0"), 1):
        await record(ledger, position(quantity, sequence))
    assert (await ledger.rows("SELECT times_opened FROM positions"))[0][0] == 3


async def test_a_stop_once_verified_stays_counted_as_verified(ledger: Ledger) -> None:
    await record(ledger, stop(), stop(step=2, state="resting", verified=True), stop(step=3, state="canceled"))
    assert await record(ledger, stop(step=3, state="canceled")) == [False]
    assert await ledger.stops(VENUE, ACCOUNT) == ()
    assert await ledger.stops(VENUE, ACCOUNT, ended=True) == (stop(step=3, state="canceled"),)
    assert await ledger.stop(VENUE, ACCOUNT, "stop-1") == stop(step=3, state="canceled")
    assert (await ledger.rows("SELECT ever_verified FROM stops"))[0][0]


async def test_the_last_comparison_with_the_venue_wins(ledger: Ledger) -> None:
    await record(ledger, reconciled(5, "9000"))
    assert await record(ledger, reconciled(4, "8000")) == [False]
    assert await ledger.last_reconciled(VENUE, ACCOUNT) == reconciled(5, "9000")
    assert await ledger.last_reconciled(VENUE, "another") is None


async def test_a_halt_lasts_until_a_resume_with_a_higher_version(ledger: Ledger) -> None:
    await record(ledger, halt(1), halt(4, "symbol:BTC-USDT-PERP"))
    assert await ledger.halts() == (halt(1), halt(4, "symbol:BTC-USDT-PERP"))
    await record(ledger, resume(2), halt(1))
    assert await ledger.halts() == (halt(4, "symbol:BTC-USDT-PERP"),)


@pytest.mark.parametrize("events", [(halt(1), resume(1)), (resume(1), halt(1))])
async def test_of_a_halt_and_a_resume_with_one_version_the_halt_wins(ledger: Ledger, events: tuple[Event, ...]) -> None:
    await record(ledger, *events)
    assert await ledger.halts() == (halt(1),)


async def test_two_that_halt_at_once_get_different_versions(ledger: Ledger) -> None:
    async with ledger.transaction() as tx:
        first = await tx.next_halt_version("global")
        await tx.record(halt(first))
    async with ledger.transaction() as tx:
        assert await tx.next_halt_version("global") == first + 1
        assert await tx.next_halt_version("venue:binance-usdm") == 1


async def test_the_next_sequence_follows_the_newest(ledger: Ledger) -> None:
    await record(ledger, order(sequence=7), position("1", 3))
    async with ledger.transaction() as tx:
        assert await tx.next_order_sequence("client-1") == 8
        assert await tx.next_order_sequence("client-2") == 1
        assert await tx.next_position_sequence(VENUE, ACCOUNT, SYMBOL) == 4


async def test_a_block_that_breaks_leaves_nothing_behind(ledger: Ledger) -> None:
    async def break_midway() -> None:
        async with ledger.transaction() as tx:
            await tx.claim("execution", "approval-1")
            await tx.record(order())
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        await break_midway()
    assert await ledger.order("client-1") is None
    assert await number_of(ledger, "outbox") == await number_of(ledger, "processed") == 0


@pytest.mark.parametrize("cancellations", [1, 2, 3])
async def test_a_block_that_is_cancelled_leaves_a_clean_connection(
    ledger_url: str, ledger: Ledger, cancellations: int
) -> None:
    single = await connect(ledger_url, application="execution", connections=1)
    entered = asyncio.Event()

    async def wait_for_ever() -> None:
        async with single.transaction() as tx:
            await tx.record(order())
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(wait_for_ever())
    await entered.wait()
    for _ in range(cancellations):  # the second meets the rollback, the third what comes after
        task.cancel()
        await asyncio.sleep(0)
    await asyncio.wait({task})
    assert await record(single, fill()) == [True]
    assert await single.order("client-1") is None
    await single.close()


async def test_every_event_carries_its_subject_headers_and_writer_into_the_outbox(ledger: Ledger) -> None:
    async with ledger.transaction() as tx:
        await tx.record(order(), headers={"traceparent": "00-1-2-01"})
    async with ledger.transaction(writer="another") as tx:
        await tx.record(halt(1))
    rows = await ledger.rows("SELECT writer, subject, headers::text AS headers, about FROM outbox ORDER BY position")
    assert [(row["writer"], row["subject"], row["about"]) for row in rows] == [
        ("execution", "order.binance-usdm.paper.state", "client-1"),
        ("another", "control.halted", None),
    ]
    assert '"Nats-Msg-Id": "order-1-1"' in rows[0]["headers"]
    assert "00-1-2-01" in rows[0]["headers"]
    assert await ledger.pending_outbox() == (order(),)


async def test_an_event_without_a_table_is_said_once(ledger: Ledger) -> None:
    wish = HaltRequested(id="wish", scope="global", actor="operator", reason="test")
    assert await record(ledger, wish, wish) == [True, False]


async def test_a_perishable_event_does_not_belong_in_the_ledger(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="AlertRaised is not an event of the ledger class"):
        await record(ledger, AlertRaised(id="a", service="s", name="n", severity="info", detail=""))


@pytest.mark.parametrize(
    ("before", "event", "constraint"),
    [
        (order(1), order(2, intent_id="intent-1"), "one_working_order_per_intent"),
        (order(1, **FILLED), order(2, venue_order_id="9"), "one_row_per_venue_order"),
        (None, order(filled_quantity=Decimal("0.011")), "order_filled_within_quantity"),
        (None, order(filled_quantity=Decimal(-1)), "order_filled_within_quantity"),
        (None, order(quantity=Decimal(0)), "order_quantity_positive"),
        (None, order(quantity=Decimal("NaN")), "order_quantity_positive"),
        (None, order(limit_price=Decimal("Infinity")), "order_limit_positive"),
        (None, order(client_order_id=""), "order_has_client_id"),
        (None, order(id=""), "outbox_event_has_id"),
        (order(), order(sequence=2, side="sell"), "order_identity_fixed"),
        (order(), order(sequence=2, intent_id="another"), "order_identity_fixed"),
        (order(sequence=1, **FILLED), order(sequence=2), "order_fills_never_undone"),
        (None, fill(quantity=Decimal(0)), "fill_quantity_positive"),
        (None, fill(price=Decimal(0)), "fill_price_positive"),
        (None, fill(fee=Decimal("NaN")), "fill_fee_finite"),
        (None, fill(fill_id=""), "fill_has_id"),
        (None, position("NaN", 1), "position_quantity_finite"),
        (None, stop(quantity=Decimal(-1)), "stop_quantity_valid"),
        (None, halt(0), "halt_version_positive"),
        (None, halt(2**63), "value"),
        (None, order(reason="a\0b"), "value"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_the_database_itself_refuses_what_would_break_a_money_rule(
    ledger: Ledger, before: Event | None, event: Event, constraint: str
) -> None:
    if before is not None:
        await record(ledger, before)
    said = await number_of(ledger, "outbox")
    with pytest.raises(InvariantViolated) as refused:
        await record(ledger, event)
    assert refused.value.constraint == constraint
    assert await number_of(ledger, "outbox") == said


async def test_a_new_generation_may_follow_once_the_one_before_has_ended(ledger: Ledger) -> None:
    await record(ledger, order(1), order(1, sequence=2, state=OrderState.NOT_PLACED))
    assert await record(ledger, order(2, intent_id="intent-1")) == [True]


async def test_one_flatten_wish_may_close_several_symbols_at_once(ledger: Ledger) -> None:
    closing: dict[str, Any] = {"intent_id": "flatten-1", "reduce_only": True}
    assert await record(ledger, order(1, **closing), order(2, symbol="ETH-USDT-PERP", **closing)) == [True, True]


async def test_two_venue_ids_of_one_client_id_are_both_remembered(ledger: Ledger) -> None:
    await record(ledger, order(sequence=1, venue_order_id="9"), order(sequence=2, venue_order_id="10"))
    rows = await ledger.rows("SELECT venue_order_id FROM order_venue_ids WHERE client_order_id = 'client-1' ORDER BY 1")
    assert [row[0] for row in rows] == ["10", "9"]
