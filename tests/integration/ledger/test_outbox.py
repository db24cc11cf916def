"""The relay: everything recorded is published, in order, however often the bus or the database goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from seawall_cli.embedded import NatsServer
from seawall_ledger import Ledger, OutboxRelay, connect
from seawall_proto import decode, encode
from seawall_runtime.bus import Bus
from seawall_runtime.errors import BusError
from seawall_runtime.streams import ensure_streams
from tests.worlds.ledger_samples import fill, halt, order, position


class BusIsDown(Exception):
    """What a publisher raises while nothing can leave."""


class FakeBus:
    """Takes what it is given, unless told to be down; a fault is raised before or after the bytes are taken."""

    def __init__(self) -> None:
        self.published: list[str] = []
        self.headers: list[dict[str, str] | None] = []
        self.down = False
        self.break_after: str | None = None

    async def publish_stored(
        self, subject: str, data: bytes, message_id: str, headers: dict[str, str] | None = None
    ) -> None:
        if self.down:
            raise BusIsDown(f"{subject} cannot leave")
        assert decode(data).id == message_id
        if message_id not in self.published:  # as JetStream does
            self.published.append(message_id)
            self.headers.append(headers)
        if self.break_after == message_id:
            self.break_after = None
            raise BusIsDown("the acknowledgement was lost")


@asynccontextmanager
async def relaying(ledger: Ledger, bus: FakeBus | Bus) -> AsyncIterator[OutboxRelay]:
    relay = OutboxRelay(ledger, bus, retry_on=(BusIsDown, BusError))
    task = asyncio.create_task(relay.run())
    try:
        yield relay
        assert not task.done(), "the relay ended"
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until(condition: Callable[[], bool], within_s: float = 8) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


async def record(ledger: Ledger, *numbers: int) -> list[str]:
    async with ledger.transaction() as tx:
        for number in numbers:
            await tx.record(fill(number))
    return [f"fill-{number}" for number in numbers]


async def test_what_is_recorded_leaves_at_once_and_in_order(ledger: Ledger) -> None:
    bus = FakeBus()
    async with relaying(ledger, bus) as relay:
        await record(ledger, 7)
        await until(lambda: relay.published == 1)
        async with ledger.transaction() as tx:
            await tx.record(order(), headers={"traceparent": "00-1-2-01"})
            await tx.record(fill())
            await tx.record(position("0.01", 1))
        expected = ["fill-7", "order-1-1", "fill-1", "position-1"]
        await until(lambda: bus.published == expected, within_s=0.8)  # sooner than the poll: it was woken
        await until(lambda: relay.published == 4)
    assert bus.headers[1] == {"traceparent": "00-1-2-01"}
    assert await ledger.pending_outbox() == ()


async def test_what_was_recorded_before_the_start_leaves_too(ledger: Ledger) -> None:
    expected = await record(ledger, *range(1, 251))
    bus = FakeBus()
    async with relaying(ledger, bus):
        await until(lambda: bus.published == expected)


async def test_nothing_overtakes_while_the_bus_is_down_and_all_leaves_after(ledger: Ledger) -> None:
    bus = FakeBus()
    bus.down = True
    async with relaying(ledger, bus) as relay:
        expected = await record(ledger, 1, 2, 3)
        await until(lambda: "cannot leave" in relay.problem)
        assert bus.published == []
        bus.down = False
        await until(lambda: bus.published == expected)
        await until(lambda: relay.problem == "")


async def test_an_acknowledgement_that_is_lost_repeats_the_same_id(ledger: Ledger) -> None:
    bus = FakeBus()
    bus.break_after = "fill-2"
    async with relaying(ledger, bus):
        expected = await record(ledger, 1, 2, 3)
        await until(lambda: bus.published == expected)


async def test_a_relay_that_died_between_publishing_and_marking_leaves_the_row_to_the_next(ledger: Ledger) -> None:
    expected = await record(ledger, 1, 2)
    bus = FakeBus()
    async with relaying(ledger, bus) as relay:
        await until(lambda: relay.published == 2)
    await ledger.rows("UPDATE outbox SET ts_published_ns = NULL WHERE event_id = 'fill-2' RETURNING 1")
    async with relaying(ledger, bus) as relay:
        await until(lambda: relay.published == 1)
    assert bus.published == expected


async def test_a_writer_publishes_its_own_rows_only_and_hears_of_those_another_process_wrote(
    ledger: Ledger, ledger_url: str
) -> None:
    other = await connect(ledger_url, application="cli")
    bus = FakeBus()
    async with relaying(ledger, bus) as relay:
        await record(ledger, 1)
        await until(lambda: relay.published == 1)
        async with other.transaction() as tx:
            await tx.record(halt(1))
        async with other.transaction(writer="execution") as tx:
            await tx.record(halt(2))
        await until(lambda: len(bus.published) == 2, within_s=0.8)  # sooner than the poll: it was notified
    assert bus.published == ["fill-1", "halt-global-2"]
    assert [event.id for event in await other.pending_outbox()] == ["halt-global-1"]
    await other.close()


async def test_of_two_relays_of_one_writer_the_second_waits_until_the_first_is_gone(
    ledger: Ledger, ledger_url: str
) -> None:
    twin = await connect(ledger_url, application="execution")
    first, second = FakeBus(), FakeBus()
    async with relaying(ledger, first) as working:
        await record(ledger, 1)
        await until(lambda: working.published == 1)
        async with relaying(twin, second) as standby:
            await until(lambda: "another relay" in standby.problem)
            await record(twin, 2)
            await until(lambda: working.published == 2)
            assert not second.published
    async with relaying(twin, second):
        await record(ledger, 3)
        await until(lambda: second.published == ["fill-3"])
    await twin.close()


async def test_a_stream_that_lost_messages_gets_them_again(ledger: Ledger) -> None:
    first, second = FakeBus(), FakeBus()
    async with relaying(ledger, first) as relay:
        await record(ledger, 1, 2, 3)
        await until(lambda: relay.published == 3)
    await ledger.rows("UPDATE outbox SET ts_recorded_ns = 5 WHERE event_id = 'fill-1' RETURNING 1")
    assert await ledger.say_again(since_ns=6) == 2
    async with relaying(ledger, second):
        await until(lambda: second.published == ["fill-2", "fill-3"])


async def test_what_no_stream_holds_any_more_is_forgotten_and_nothing_else(ledger: Ledger) -> None:
    await record(ledger, 1, 2, 3)
    async with ledger.transaction() as tx:
        await tx.claim("execution", "old")
        await tx.claim("execution", "new")
        await tx.claim("another", "old")
    old = "ns_now() - 36::bigint * 24 * 3600 * 1000000000"
    await ledger.rows(f"UPDATE outbox SET ts_published_ns = {old} WHERE event_id = 'fill-1' RETURNING 1")
    await ledger.rows(f"UPDATE outbox SET ts_recorded_ns = {old} WHERE event_id = 'fill-2' RETURNING 1")
    await ledger.rows(f"UPDATE processed SET ts_processed_ns = {old} WHERE event_id = 'old' RETURNING 1")
    bus = FakeBus()
    async with relaying(ledger, bus) as relay:
        await until(lambda: relay.published == 2)  # fill-2 is old, but was not published: it is never forgotten
        async with asyncio.timeout(5):
            while len(await ledger.rows("SELECT 1 FROM outbox")) != 2:
                await asyncio.sleep(0.01)
    left = await ledger.rows("SELECT consumer, event_id FROM processed ORDER BY 1, 2")
    assert [tuple(row) for row in left] == [("another", "old"), ("execution", "new")]


async def test_over_a_real_bus_each_event_is_stored_once(ledger: Ledger, nats_server: NatsServer) -> None:
    async with Bus(nats_server.url, service="execution") as bus:
        await ensure_streams(bus)
        before = int((await bus.api("STREAM.INFO.LEDGER"))["state"]["last_seq"])
        async with relaying(ledger, bus) as relay:
            await record(ledger, 901, 902)
            await until(lambda: relay.published == 2)
            await ledger.rows("UPDATE outbox SET ts_published_ns = NULL RETURNING 1")
            ledger.outbox_filled.set()
            await until(lambda: relay.published == 4)
        state = (await bus.api("STREAM.INFO.LEDGER"))["state"]
        assert int(state["last_seq"]) == before + 2
        stored = await bus.api("STREAM.MSG.GET.LEDGER", {"seq": before + 1})
        assert stored["message"]["subject"] == "order.binance-usdm.paper.fill"


@pytest.mark.parametrize("gone", ["killed", "restarted"])
async def test_the_bus_may_go_away_and_come_back(ledger: Ledger, fresh_nats: NatsServer, gone: str) -> None:
    async with Bus(fresh_nats.url, service="execution", publish_timeout_s=0.3) as bus:
        await ensure_streams(bus)
        async with relaying(ledger, bus) as relay:
            await record(ledger, 1)
            await until(lambda: relay.published == 1)
            fresh_nats.kill() if gone == "killed" else fresh_nats.stop()
            await record(ledger, 2, 3)
            await until(lambda: bool(relay.problem))
            fresh_nats.start()
            await until(lambda: relay.published == 3, within_s=15)
            state = (await bus.api("STREAM.INFO.LEDGER"))["state"]
            assert int(state["messages"]) == 3


def test_the_bytes_in_the_outbox_are_the_bytes_of_the_event() -> None:
    assert decode(encode(order()).decode().encode()) == order()
