"""Parts of the world go away at the worst moment."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from typing import Any

from seawall_proto import OrderState, OrderStateChanged, decode
from seawall_venues.port import OrderRequest, Outcome
from tests.worlds.execution_wire import HOLD_S
from tests.worlds.execution_world import ACCOUNT, BTC, ETH, VENUE, ExecutionWorld, until


async def states_of(hands: Any, client_order_id: str) -> list[str]:
    rows = await hands.ledger.rows("SELECT payload FROM outbox WHERE writer = 'execution' ORDER BY position")
    events = [decode(row["payload"].encode()) for row in rows]
    changes = [one for one in events if isinstance(one, OrderStateChanged)]
    return [one.state.value for one in changes if one.client_order_id == client_order_id]


async def leave_flat(hands: Any, name: str) -> None:
    await hands.approve(f"{name}-exit", side="sell", reduce_only=True, quantity=Decimal("0.050"))
    await hands.agree("0")


async def test_an_order_whose_answer_is_lost_is_found_and_not_sent_again(world: Any, hands: Any, wire: Any) -> None:
    wire.lost.clear()
    wire.lose = "answer"
    await hands.approve("intent-lost")
    asked_s = time.monotonic()
    await hands.approve("intent-beside", symbol=ETH, quantity=Decimal("0.100"))
    await hands.order("intent-beside", "filled")
    assert time.monotonic() - asked_s < HOLD_S, "an order of another symbol does not wait for the lost answer"
    order = await hands.order("intent-lost", "filled")
    await hands.fill_of(order)
    await hands.agree("0.010")
    states = await states_of(hands, order.client_order_id)
    assert (states[0], states[-1]) == ("intended", "filled")
    assert wire.lost.is_set()
    assert await hands.venue_orders(order.client_order_id) == 1
    await leave_flat(hands, "lost")
    await hands.approve("intent-beside-exit", symbol=ETH, side="sell", reduce_only=True, quantity=Decimal("1.000"))
    await hands.agree("0", ETH)


async def test_an_order_whose_request_is_lost_is_given_up_after_the_quarantine(
    world: Any, hands: Any, wire: Any
) -> None:
    started_s = time.monotonic()
    wire.lose = "request"
    await hands.approve("intent-never")
    order = await hands.order("intent-never", "not_placed")
    assert time.monotonic() - started_s > world.quarantine_s
    assert await states_of(hands, order.client_order_id) == ["intended", "unknown", "not_placed"]
    assert await hands.held() == (Decimal(0), Decimal(0))
    await hands.enterable()


async def test_killed_between_request_and_answer_the_order_is_found_and_not_sent_again(
    world: Any, hands: Any, wire: Any
) -> None:
    wire.lost.clear()
    wire.lose = "answer"
    await hands.approve("outage-a")
    await until(lambda: asyncio.to_thread(wire.lost.wait, 1), "the answer on its way")
    world.execution.kill()
    world.start_execution()
    order = await hands.order("outage-a", "filled", within_s=15)
    fill = await hands.fill_of(order)
    assert fill.quantity == Decimal("0.010")
    await hands.agree("0.010")
    states = await states_of(hands, order.client_order_id)
    assert (states[0], states[-1], states.count("intended")) == ("intended", "filled", 1)
    assert await hands.venue_orders(order.client_order_id) == 1
    await leave_flat(hands, "a")


async def test_killed_before_the_request_left_the_order_is_given_up_after_the_quarantine(
    world: Any, hands: Any
) -> None:
    """The row is written as the crash leaves it: intended, and never sent."""
    world.execution.kill()
    change = OrderStateChanged(
        id="crash-row",
        causes=("outage-b",),
        venue=VENUE,
        account=ACCOUNT,
        client_order_id="b" * 32,
        venue_order_id="",
        intent_id="outage-b",
        symbol=BTC,
        side="buy",
        order_type="market",
        quantity=Decimal("0.010"),
        filled_quantity=Decimal(0),
        limit_price=None,
        average_price=None,
        reduce_only=False,
        state=OrderState.INTENDED,
        previous_state=None,
        reason="",
        sequence=1,
    )
    async with hands.ledger.transaction(writer="execution") as tx:
        assert await tx.record(change)
    started_s = time.monotonic()
    world.start_execution()
    await hands.order("outage-b", "not_placed", within_s=25)
    assert time.monotonic() - started_s > 1, "not before the quarantine ended"
    assert await states_of(hands, "b" * 32) == ["intended", "unknown", "not_placed"]
    assert await hands.session.find_order(BTC, "b" * 32) is None


async def test_without_postgres_nothing_leaves_and_afterwards_all_goes_on(world: Any, hands: Any) -> None:
    sent = world.metric("seawall_order_requests_total")
    world.postgres.kill()
    await hands.approve("outage-c")
    assert "ledger" in world.wait_ready(False)
    assert world.metric("seawall_order_requests_total") == sent
    assert not await hands.session.positions()
    world.postgres.start()
    world.wait_ready(True)
    await hands.ledger.close()
    hands.ledger = await world.ledger()
    order = await hands.order("outage-c", "not_placed", "filled", within_s=20)
    await hands.approve("outage-d")
    await hands.order("outage-d", "filled")
    assert world.execution.exit_code is None, "it never had to be restarted"
    await leave_flat(hands, f"c-{order.state.value}")


async def test_without_nats_fills_are_booked_and_said_afterwards(world: Any, hands: Any) -> None:
    world.nats.kill()
    request = OrderRequest(
        client_order_id="hand-without-nats", symbol=BTC, side="buy", order_type="market", quantity=Decimal("0.010")
    )
    assert (await hands.session.place_order(request)).outcome is Outcome.ACCEPTED
    await hands.agree("0.010")

    async def waiting() -> int:
        rows = await hands.ledger.rows("SELECT count(*) AS n FROM outbox WHERE ts_published_ns IS NULL")
        return int(rows[0]["n"])

    assert await waiting() > 0
    world.nats.start()

    async def empty() -> bool:
        return await waiting() == 0

    await until(empty, "an empty outbox", 20)
    world.wait_ready(True)
    await leave_flat(hands, "nats")


async def test_stopped_by_request_it_leaves_with_zero_and_starts_again(world: Any, hands: Any) -> None:
    started_s = time.monotonic()
    world.execution.stop()
    assert time.monotonic() - started_s < 5
    assert world.execution.exit_code == 0
    world.start_execution()
    await hands.approve("outage-e")
    await hands.order("outage-e", "filled")
    await leave_flat(hands, "e")


def test_a_configuration_it_cannot_work_with_is_refused_by_name(world: ExecutionWorld) -> None:
    cases = [
        ({"symbol": "NOPE-USDT-PERP"}, "NOPE-USDT-PERP"),
        ({"folder": "/nowhere"}, "/nowhere/key"),
        ({"quarantine": "0"}, "execution.quarantine_s"),
        ({"database": world.postgres.url_of("postgres")}, "schema"),
    ]
    children = []
    for changes, _ in cases:
        name = next(iter(changes))
        child = world.execution_child(world.write_config(f"bad-{name}.toml", **changes), f"bad-{name}.log")
        child.command = child.command[: child.command.index("--http")]
        child.start()
        children.append(child)
    deadline = time.monotonic() + 20
    while any(child.exit_code is None for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    for child, (_, words) in zip(children, cases, strict=True):
        child.stop()
        assert child.exit_code not in (0, None)
        assert words in child.last_words()


async def test_a_key_the_venue_does_not_know_keeps_it_unready_and_is_told(world: Any, hands: Any) -> None:
    world.execution.stop()
    (world.folder / "key").write_text("CANARY-wrong-key")
    try:
        world.execution.start()
        text = world.wait_ready(False)

        async def told() -> bool:
            return "-2015" in world.readiness()[1] or "-2014" in world.readiness()[1]

        await until(told, f"the venue's word in {text}")
        assert "CANARY" not in world.readiness()[1] + world.execution.last_words()
    finally:
        world.execution.stop()
        (world.folder / "key").write_text("key-text")
        world.start_execution()
