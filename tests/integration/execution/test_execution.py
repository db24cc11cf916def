"""Orders through the real process, the real bus, the real ledger and a venue that speaks Binance."""

from __future__ import annotations

import base64
import time
from decimal import Decimal
from typing import Any

from seawall_proto import (
    FlattenRequested,
    OrderStateChanged,
    PositionChanged,
    TradingHalted,
    TradingResumed,
    decode,
    encode,
    subject_of,
)
from seawall_runtime.clock import now_ns
from seawall_venues.ids import client_order_id
from seawall_venues.port import OrderRequest, Outcome
from tests.worlds.execution_world import ACCOUNT, BTC, ETH, VENUE, until


async def test_an_approval_is_filled_booked_and_said_once(world: Any, hands: Any) -> None:
    measured = world.metric("seawall_tick_to_order_seconds_count")
    sent = world.metric("seawall_order_requests_total")
    asked_ns = now_ns()
    await hands.approve("intent-a")
    order = await hands.order("intent-a", "filled")
    fill = await hands.fill_of(order)
    await hands.agree("0.010")
    assert order.client_order_id == client_order_id("intent-a", VENUE, ACCOUNT, "entry")
    at_venue = await hands.session.find_order(BTC, order.client_order_id)
    assert at_venue is not None
    assert (at_venue.venue_order_id, at_venue.filled_quantity) == (order.venue_order_id, Decimal("0.010"))
    assert fill.quantity == Decimal("0.010")
    assert asked_ns < order.ts_sent_ns < now_ns(), "said even where the stream told of the fill before the answer"
    assert world.metric("seawall_tick_to_order_seconds_count") == measured + 1
    assert world.metric("seawall_tick_to_order_seconds_sum") < 5
    # the same approval again, under another message id, so that the stream does not drop it
    approval = world.approval("intent-a", Decimal(70_000))
    await hands.bus.publish_stored(subject_of(approval), encode(approval), "another-id")
    await hands.approve("intent-a-exit", side="sell", reduce_only=True)
    await hands.order("intent-a-exit", "filled")
    await hands.agree("0")
    assert world.metric("seawall_order_requests_total") == sent + 2


async def test_what_the_ledger_says_reaches_the_stream_in_order(hands: Any) -> None:
    await hands.approve("intent-b")
    order = await hands.order("intent-b", "filled")

    async def said() -> list[Any]:
        rows = await hands.ledger.rows(
            "SELECT payload, ts_published_ns FROM outbox WHERE writer = 'execution' ORDER BY position"
        )
        events = [(decode(row["payload"].encode()), row["ts_published_ns"]) for row in rows]
        mine = [
            (event, published)
            for event, published in events
            if isinstance(event, OrderStateChanged) and event.client_order_id == order.client_order_id
        ]
        return mine if len(mine) >= 2 and all(published for _, published in mine) else []

    changes = [event for event, _ in await until(said, "published changes")]
    assert [change.sequence for change in changes] == list(range(1, len(changes) + 1))
    assert (changes[0].state.value, changes[-1].state.value) == ("intended", "filled")
    assert changes[0].causes == ("intent-b",)
    reply = await hands.bus.api("STREAM.MSG.GET.LEDGER", {"last_by_subj": f"order.{VENUE}.{ACCOUNT}.state"})
    assert decode(base64.b64decode(reply["message"]["data"])) == changes[-1]
    await hands.approve("intent-b-exit", side="sell", reduce_only=True)
    await hands.agree("0")


async def test_a_price_beyond_the_worst_is_refused_by_the_venue_itself(hands: Any) -> None:
    await hands.approve("intent-c", worst_price=Decimal("59000.0"))
    order = await hands.order("intent-c", "expired", "canceled")
    assert order.filled_quantity == 0
    assert (await hands.held()) == (Decimal(0), Decimal(0))


async def test_an_order_the_venue_refuses_is_rejected_with_its_reason(hands: Any) -> None:
    await hands.approve("intent-d", quantity=Decimal("90.000"))
    order = await hands.order("intent-d", "rejected")
    assert order.reason.startswith("-")


async def test_an_expired_approval_is_never_sent(world: Any, hands: Any) -> None:
    before = world.metric("seawall_order_requests_total")
    await hands.approve("intent-e", expires_at_ns=1)
    order = await hands.order("intent-e", "not_placed")
    assert "expired" in order.reason
    assert world.metric("seawall_order_requests_total") == before


async def test_trades_made_by_hand_are_adopted_and_closed_by_flatten(hands: Any) -> None:
    for symbol, quantity in ((BTC, "0.020"), (ETH, "0.300")):
        request = OrderRequest(
            client_order_id=f"hand-{time.monotonic_ns()}",
            symbol=symbol,
            side="sell",
            order_type="market",
            quantity=Decimal(quantity),
        )
        assert (await hands.session.place_order(request)).outcome is Outcome.ACCEPTED
        await hands.agree(f"-{quantity}", symbol)
    mark = await hands.session.mark_price(BTC)
    resting = OrderRequest(
        client_order_id="hand-resting",
        symbol=BTC,
        side="buy",
        order_type="limit",
        quantity=Decimal("0.010"),
        limit_price=(mark * Decimal("0.97")).quantize(Decimal("0.1")),
        post_only=True,
    )
    assert (await hands.session.place_order(resting)).outcome is Outcome.ACCEPTED
    await until(lambda: hands.ledger.order("hand-resting"), "the adopted order")
    await hands.bus.publish(FlattenRequested(id="flatten-1", scope="global", actor="test", reason="enough"))
    await hands.agree("0", BTC)
    await hands.agree("0", ETH)

    async def cancelled() -> bool:
        row = await hands.ledger.order("hand-resting")
        return row is not None and row.state.value == "canceled"

    await until(cancelled, "the cancelled entry")
    assert not await hands.session.open_orders()
    await hands.enterable()


async def test_a_halt_holds_entries_back_until_resumed(hands: Any) -> None:
    scope = f"symbol:{BTC}"
    await hands.bus.publish(TradingHalted(id="halt-1", scope=scope, version=1, actor="test", reason="look"))
    await hands.approve("intent-f")
    order = await hands.order("intent-f", "not_placed", "filled")
    assert (order.state.value, scope in order.reason) == ("not_placed", True)
    await hands.bus.publish(TradingResumed(id="resume-1", scope=scope, version=2, actor="test", reason="seen"))
    await hands.approve("intent-h", side="sell", quantity=Decimal("0.010"))
    await hands.order("intent-h", "filled")
    await hands.approve("intent-h-exit", reduce_only=True)
    await hands.agree("0")


async def test_the_venue_restarting_costs_a_reading_and_nothing_else(world: Any, hands: Any) -> None:
    await hands.approve("intent-i")
    await hands.order("intent-i", "filled")
    await hands.agree("0.010")
    world.venue.kill()
    world.wait_ready(False)
    world.start_venue()
    world.wait_ready(True)
    await hands.enterable()
    assert (await hands.ledger.last_reconciled(VENUE, ACCOUNT)).differences == ()


async def test_positions_in_ledger_and_stream_are_the_same(hands: Any) -> None:
    row: PositionChanged = await hands.ledger.position(VENUE, ACCOUNT, BTC)
    fills = await hands.ledger.fills_since(VENUE, ACCOUNT, 0)
    signed = [fill.quantity if fill.side == "buy" else -fill.quantity for fill in fills if fill.symbol == BTC]
    assert row.quantity == sum(signed)
    assert len({fill.fill_id for fill in fills}) == len(fills)
