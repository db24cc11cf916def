"""The pull loop: fast, never stalled, nothing lost, nothing handled twice."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seawall_cli.embedded import NatsServer
from seawall_proto import BarClosed
from seawall_runtime import pull as pull_module
from seawall_runtime.bus import Bus
from seawall_runtime.catchup import read_stored
from seawall_runtime.consumers import ConsumerSpec
from seawall_runtime.pull import CAPACITY, Pulled, Puller
from seawall_runtime.streams import ensure_streams
from tests.integration.runtime.conftest import MakeBus

_numbers = itertools.count()


class Taker:
    """A puller on a consumer and subject of its own, that keeps what it gets."""

    def __init__(self, bus: Bus, name: str = "", ack_wait_s: float = 30.0) -> None:
        self.name = name or f"taker-{next(_numbers)}"
        self.subject = f"risk.test.{self.name}"
        self.got: list[Pulled] = []
        self.came = asyncio.Event()
        self.bus = bus
        self.puller = Puller(bus, ConsumerSpec("LEDGER", self.name, (self.subject,), ack_wait_s), self._take)

    def _take(self, pulled: Pulled) -> None:
        self.got.append(pulled)
        self.came.set()

    async def publish(self, number: int) -> None:
        await self.bus.publish_stored(self.subject, b"%d" % number, f"{self.name}-{number}-{time.monotonic_ns()}", {})

    async def next(self, within_s: float = 5.0) -> Pulled:
        async with asyncio.timeout(within_s):
            while not self.got:
                self.came.clear()
                await self.came.wait()
        return self.got.pop(0)


async def until(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


async def info(bus: Bus, name: str) -> dict[str, Any]:
    return await bus.api(f"CONSUMER.INFO.LEDGER.{name}")


async def test_a_message_arrives_as_fast_as_on_core_nats(server: NatsServer, make_bus: MakeBus) -> None:
    taker = Taker(await make_bus(server.url))
    publisher = await make_bus(server.url, "publisher")
    await taker.puller.start()
    delays_ms = []
    for number in range(300):
        before = time.perf_counter()
        await publisher.link.send(taker.subject, b"%d" % number)
        pulled = await taker.next()
        delays_ms.append((time.perf_counter() - before) * 1e3)
        await taker.puller.ack(pulled)
    print(f"publish to handler: p50 {statistics.median(delays_ms):.3f} ms, p99 {sorted(delays_ms)[296]:.3f} ms")
    assert statistics.median(delays_ms) < 3.0  # 0.4 on a quiet machine; nats-py's fetch takes up to 1 900
    await taker.puller.stop()


async def test_a_message_after_a_pause_is_not_held_up(server: NatsServer, make_bus: MakeBus) -> None:
    taker = Taker(await make_bus(server.url))
    await taker.puller.start()
    slowest_s = 0.0
    for number in range(12):
        await asyncio.sleep(0.05)
        before = time.perf_counter()
        await taker.publish(number)
        await taker.puller.ack(await taker.next())
        slowest_s = max(slowest_s, time.perf_counter() - before)
    assert slowest_s < 0.5  # the stall of nats-py's fetch is 1.9 s
    await taker.puller.stop()


async def test_a_request_that_ended_is_replaced(
    server: NatsServer, make_bus: MakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_module, "EXPIRES_S", 0.2)
    monkeypatch.setattr(pull_module, "HEARTBEAT_S", 0.05)
    taker = Taker(await make_bus(server.url))
    await taker.puller.start()
    for number in range(4):
        await asyncio.sleep(0.25)
        await taker.publish(number)
        assert (await taker.next(0.5)).data == b"%d" % number
    await taker.puller.stop()


async def test_a_request_that_was_lost_is_sent_again(
    server: NatsServer, make_bus: MakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_module, "SILENCE_S", 0.3)
    monkeypatch.setattr(pull_module, "HEARTBEAT_S", 0.1)
    monkeypatch.setattr(pull_module, "PULSE_S", 0.1)
    bus = await make_bus(server.url)
    taker = Taker(bus)
    send, swallowed = bus.link.send, 0

    async def lossy(subject: str, data: bytes, **more: Any) -> None:
        nonlocal swallowed
        if "MSG.NEXT" in subject and swallowed < 2:
            swallowed += 1
            return
        await send(subject, data, **more)

    monkeypatch.setattr(bus.link, "send", lossy)
    await taker.puller.start()
    await taker.publish(1)
    assert (await taker.next()).data == b"1"
    assert swallowed == 2
    assert 'kind="pull_silent"' in bus.metrics.render().decode()
    await taker.puller.stop()


async def test_what_a_killed_service_held_comes_again_at_once(server: NatsServer, make_bus: MakeBus) -> None:
    killed = Taker(await make_bus(server.url, "killed"))
    await killed.puller.start()
    for number in range(3):
        await killed.publish(number)
    await until(lambda: len(killed.got) == 3)
    await killed.puller.ack(killed.got[0])
    killed.bus.link._client.abort()  # no goodbye, two messages unanswered
    await killed.puller.stop()
    restarted = Taker(await make_bus(server.url, "restarted"), killed.name)
    await restarted.puller.start()
    assert [(await restarted.next(2)).data for _ in range(2)] == [b"1", b"2"]  # not after the ack wait of 30 s
    for pulled in killed.got[1:]:
        await restarted.puller.ack(pulled)
    await restarted.puller.stop()


async def test_a_message_handed_back_comes_again_after_its_delay(server: NatsServer, make_bus: MakeBus) -> None:
    taker = Taker(await make_bus(server.url))
    await taker.puller.start()
    await taker.publish(1)
    first = await taker.next()
    before = time.monotonic()
    await taker.puller.nak(first, 0.3)
    second = await taker.next()
    assert time.monotonic() - before > 0.25
    assert (second.sequence, second.delivered) == (first.sequence, 2)
    await taker.puller.term(second)
    await asyncio.sleep(0.1)
    assert (await info(taker.bus, taker.name))["num_ack_pending"] == 0
    await taker.puller.stop()


async def test_a_lost_acknowledgement_does_not_handle_a_message_twice(server: NatsServer, make_bus: MakeBus) -> None:
    taker = Taker(await make_bus(server.url), ack_wait_s=0.5)
    await taker.puller.start()
    await taker.publish(1)
    pulled = await taker.next()
    taker.puller._release(pulled, handled=True)  # handled, but the acknowledgement never left
    await asyncio.sleep(0.8)
    assert not taker.got
    await until_acked(taker)
    await taker.puller.stop()


async def until_acked(taker: Taker) -> None:
    async with asyncio.timeout(5):
        while (await info(taker.bus, taker.name))["num_ack_pending"]:
            await asyncio.sleep(0.05)


async def test_a_message_in_hand_longer_than_the_ack_wait_is_not_sent_again(
    server: NatsServer, make_bus: MakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_module, "PULSE_S", 0.1)
    taker = Taker(await make_bus(server.url), ack_wait_s=0.6)
    await taker.puller.start()
    await taker.publish(1)
    pulled = await taker.next()
    await asyncio.sleep(1.5)
    await taker.puller.ack(pulled)
    assert not taker.got
    assert "seawall_redelivered_total" not in taker.bus.metrics.render().decode()
    await taker.puller.stop()


async def test_no_more_is_asked_for_than_can_be_held(server: NatsServer, make_bus: MakeBus) -> None:
    taker = Taker(await make_bus(server.url))
    for number in range(CAPACITY + 100):
        await taker.bus.link.send(taker.subject, b"%d" % number)
    await taker.bus.flush(2)
    await taker.puller.start()
    async with asyncio.timeout(10):
        while len(taker.got) <= CAPACITY - pull_module.BATCH:
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)  # more would have come by now
    assert len(taker.got) <= CAPACITY
    numbers: list[int] = []
    while len(numbers) < CAPACITY + 100:
        pulled = await taker.next()
        numbers.append(int(pulled.data))
        await taker.puller.ack(pulled)
    assert numbers == list(range(CAPACITY + 100))
    await taker.puller.stop()


async def test_a_consumer_that_was_deleted_is_made_again_where_it_stood(server: NatsServer, make_bus: MakeBus) -> None:
    taker = Taker(await make_bus(server.url))
    await taker.puller.start()
    for number in range(3):
        await taker.publish(number)
        await taker.puller.ack(await taker.next())
    await taker.bus.api(f"CONSUMER.DELETE.LEDGER.{taker.name}")
    await taker.publish(3)
    assert (await taker.next()).data == b"3"
    await taker.puller.stop()


async def test_changed_subjects_reach_an_existing_consumer(server: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(server.url)
    taker = Taker(bus)
    await taker.puller.start()
    await taker.publish(1)
    await taker.puller.ack(await taker.next())
    await taker.puller.stop()
    wider = ConsumerSpec("LEDGER", taker.name, (taker.subject, f"{taker.subject}.more"))
    puller = Puller(bus, wider, taker._take)
    await puller.start()
    await bus.publish_stored(f"{taker.subject}.more", b"2", f"{taker.name}-more", {})
    assert (await taker.next()).data == b"2"  # and not 1 again
    await puller.stop()


async def test_it_goes_on_after_a_kill_of_the_server(fresh_nats: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(fresh_nats.url)
    await ensure_streams(bus)
    taker = Taker(bus)
    await taker.puller.start()
    await taker.publish(1)
    in_hand = await taker.next()
    await asyncio.to_thread(fresh_nats.kill)
    await until(lambda: not bus.connected)
    await taker.puller.ack(in_hand)  # lost with the server: the message will come again, and only be acknowledged
    await asyncio.to_thread(fresh_nats.start)
    await until(lambda: bus.connected)
    before = time.monotonic()
    await taker.publish(2)
    assert (await taker.next()).data == b"2"
    assert time.monotonic() - before < 2
    await taker.puller.ack(await _nothing_more(taker) or in_hand)
    await taker.puller.stop()


async def _nothing_more(taker: Taker) -> Pulled | None:
    await asyncio.sleep(0.3)
    assert not taker.got
    return None


async def test_a_stream_that_was_made_anew_is_read_from_its_start(fresh_nats: NatsServer, make_bus: MakeBus) -> None:
    bus = await make_bus(fresh_nats.url)
    await ensure_streams(bus)
    taker = Taker(bus)
    told: list[str] = []
    taker.puller.on_regressed = told.append
    await taker.puller.start()
    for number in range(3):
        await taker.publish(number)
        await taker.puller.ack(await taker.next())
    await bus.api("STREAM.DELETE.LEDGER")
    await ensure_streams(bus)
    for number in range(10, 15):  # more than before, under the same numbers
        await taker.publish(number)
    assert [(await taker.next()).data for _ in range(5)] == [b"10", b"11", b"12", b"13", b"14"]
    assert "it lost messages" in told[0]
    await taker.puller.stop()


async def test_what_a_stopping_service_gives_back_goes_to_the_other_at_once(
    server: NatsServer, make_bus: MakeBus
) -> None:
    one = Taker(await make_bus(server.url, "one"))
    two = Taker(await make_bus(server.url, "two"), one.name)
    await one.puller.start()
    for number in range(5):
        await one.publish(number)
    await until(lambda: len(one.got) == 5)
    await two.puller.start()
    await one.puller.ack(one.got[0])
    await one.puller.stop()
    await one.puller.give_back()
    await until(lambda: len(two.got) >= 4, 2)
    assert {pulled.data for pulled in two.got} >= {b"1", b"2", b"3", b"4"}
    await two.puller.stop()


async def test_the_servers_new_acknowledgement_subjects_are_understood(tmp_path: Path, make_bus: MakeBus) -> None:
    server = NatsServer(tmp_path / "nats")
    with (server.directory / "nats.conf").open("a") as settings:
        settings.write("feature_flags { js_ack_fc_v2: true }\n")  # kills nats-py's own ordered consumers
    server.start()
    try:
        bus = await make_bus(server.url)
        await ensure_streams(bus)
        taker = Taker(bus)
        await taker.puller.start()
        for number in range(100):
            await taker.publish(number)
            pulled = await taker.next()
            assert len(pulled.reply.split(".")) > 9  # the new form indeed
            assert pulled.data == b"%d" % number
            await taker.puller.ack(pulled)
        assert (await info(bus, taker.name))["ack_floor"]["stream_seq"] == 100
        await bus.publish_stored("md.bar.v.BTC", b"stored", "stored", {})
        stored = await read_stored(bus, (BarClosed,), 0)
        assert [one.data for one in stored] == [b"stored"]
        await taker.puller.stop()
    finally:
        server.stop()


async def test_two_instances_share_one_consumer(server: NatsServer, make_bus: MakeBus) -> None:
    one = Taker(await make_bus(server.url, "one"))
    two = Taker(await make_bus(server.url, "two"), one.name)
    await one.puller.start()
    await two.puller.start()
    for number in range(40):
        await one.publish(number)
    await until(lambda: len(one.got) + len(two.got) >= 40)
    both = sorted(int(pulled.data) for pulled in one.got + two.got)
    assert both == list(range(40))
    await one.puller.stop()
    await two.puller.stop()
