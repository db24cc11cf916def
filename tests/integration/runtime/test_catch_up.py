"""After a restart, an outage or a flood, flow events are read again from their streams, once each, in order."""

from __future__ import annotations

import asyncio

import pytest

from seawall_cli.embedded import NatsServer
from seawall_proto import AlertRaised, BarClosed, FeaturesComputed, SignalRaised
from seawall_runtime import catchup as catchup_module
from seawall_runtime import gaps as gaps_module
from seawall_runtime.catchup import CatchUp, read_stored
from seawall_runtime.clock import now_ns
from seawall_runtime.errors import BusError
from seawall_runtime.streams import ensure_streams
from tests.integration.runtime.conftest import MakeBus
from tests.integration.runtime.probe import Start, bar, store, until

CATCH_UP = CatchUp((BarClosed,), 60)


async def test_bars_missed_while_away_are_decided_on_after_the_start(start: Start) -> None:
    probe = await start(catch_up=CATCH_UP)
    probe.outside.publish_nowait(bar("bar-1"))
    await until(lambda: probe.memory.bars == ["bar-1"])
    await probe.stop()
    for number in (2, 3):
        await store(probe.outside, bar(f"bar-{number}"))
    successor = await start(catch_up=CATCH_UP)
    assert successor.memory.bars == ["bar-1", "bar-2", "bar-3"]
    assert successor.memory.answers == []  # catching up performs nothing
    await until(lambda: len(successor.said(SignalRaised)) == 4)
    stored = await read_stored(successor.outside, (SignalRaised,), 0)
    assert len(stored) == 3  # what was said before was said under the same id


async def test_what_has_expired_is_not_said_again(start: Start) -> None:
    probe = await start()
    probe.outside.publish_nowait(bar("old", expires_at_ns=1))
    probe.outside.publish_nowait(bar("new"))
    await until(lambda: len(probe.said(SignalRaised)) == 2)
    await probe.stop()
    successor = await start(catch_up=CATCH_UP)
    assert successor.memory.bars == ["old", "new"]
    await until(lambda: len(successor.said(SignalRaised)) == 3)
    await successor.outside.flush(2)
    assert [event.causes[0] for event in successor.said(SignalRaised)] == ["old", "new", "new"]


async def test_live_events_wait_until_the_missed_ones_are_handled(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = await start()
    for number in range(50):
        probe.outside.publish_nowait(bar(f"stored-{number:02}"))
    await until(lambda: len(probe.memory.bars) == 50)
    await probe.stop()
    read = gaps_module.read_stored

    async def slow(*arguments: object) -> object:
        stored = await read(*arguments)  # type: ignore[arg-type]
        probe.outside.publish_nowait(bar("live"))
        await probe.outside.flush(2)
        await asyncio.sleep(0.1)
        return stored

    monkeypatch.setattr(gaps_module, "read_stored", slow)
    successor = await start(catch_up=CATCH_UP)
    await until(lambda: "live" in successor.memory.bars)
    assert successor.memory.bars == [f"stored-{number:02}" for number in range(50)] + ["live"]


async def test_bars_missed_in_an_outage_are_decided_on_after_it_and_before_live_ones(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = await start(catch_up=CATCH_UP)
    read = gaps_module.read_stored

    async def slow(*arguments: object) -> object:
        await until(lambda: not probe.process.inbox.is_empty)  # the live one is here before the missed one is read
        return await read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(gaps_module, "read_stored", slow)
    probe.outside.publish_nowait(bar("before"))
    await until(lambda: probe.memory.bars == ["before"])
    link = probe.process.bus.link
    link._client.abort()  # the service's connection only: the market goes on
    await until(lambda: not link.connected)
    await store(probe.outside, bar("missed"))
    await until(lambda: link.connected)
    probe.outside.publish_nowait(bar("after"))
    await until(lambda: "after" in probe.memory.bars)
    assert probe.memory.bars == ["before", "missed", "after"]
    assert probe.process.inbox.open


async def test_bars_missed_in_an_outage_during_the_start_are_decided_on_too(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, reads = gaps_module.read_stored, 0

    async def interrupted(*arguments: object) -> object:
        nonlocal reads
        reads += 1
        stored = await read(*arguments)  # type: ignore[arg-type]
        if reads == 1:
            link = probe.process.bus.link
            link._client.abort()
            await until(lambda: not link.connected)
            await store(probe.outside, bar("missed"))
            await until(lambda: link.connected)
        return stored

    monkeypatch.setattr(gaps_module, "read_stored", interrupted)
    probe = await start(catch_up=CATCH_UP, ready=False)
    await until(lambda: probe.memory.bars == ["missed"])
    await until(lambda: probe.process.inbox.open)


async def test_a_second_outage_while_catching_up_is_mended_too(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = await start(catch_up=CATCH_UP)
    link = probe.process.bus.link
    read, reads = gaps_module.read_stored, 0

    async def interrupted(*arguments: object) -> object:
        nonlocal reads
        reads += 1
        if reads == 1:
            link._client.abort()
            await until(lambda: not link.connected)
            await until(lambda: link.connected)
        return await read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(gaps_module, "read_stored", interrupted)
    link._client.abort()
    await until(lambda: reads >= 2)
    probe.outside.publish_nowait(bar("after"))
    await until(lambda: probe.memory.bars == ["after"])
    await until(lambda: probe.process.inbox.open)


async def test_bars_dropped_in_a_flood_are_read_again(start: Start) -> None:
    probe = await start(catch_up=CATCH_UP)
    probe.outside.publish_nowait(bar("dropped"))
    await until(lambda: probe.memory.bars == ["dropped"])
    probe.process.shell._seen.clear()
    probe.memory.bars.clear()  # as if it had been dropped before it was handled
    probe.process.gaps.dropped("md.trade.v.BTC")  # no kind that is caught up on: only counted
    await asyncio.sleep(0.1)
    assert probe.memory.bars == []
    probe.process.gaps.dropped("md.bar.v.BTC")
    await until(lambda: probe.memory.bars == ["dropped"])
    await until(lambda: probe.process.inbox.open)


async def test_a_stream_that_does_not_answer_is_asked_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gaps_module, "RETRY_S", 0.05)
    read, failures = gaps_module.read_stored, 0

    async def failing(*arguments: object) -> object:
        nonlocal failures
        failures += 1
        if failures < 3:
            raise BusError("the stream is electing a leader")
        return await read(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(gaps_module, "read_stored", failing)
    probe = await start(catch_up=CATCH_UP)
    assert failures == 3
    assert probe.process.context.readiness.parts["caught_up"] == (True, "")


async def test_many_stored_events_come_in_the_order_in_which_they_were_stored(
    fresh_nats: NatsServer, make_bus: MakeBus
) -> None:
    bus = await make_bus(fresh_nats.url)
    await ensure_streams(bus)
    for number in range(1_200):
        await store(bus, bar(f"bar-{number}"))
        if number % 3 == 0:
            features = FeaturesComputed(
                id=f"features-{number}",
                venue="v",
                symbol="BTC",
                ts_venue_ns=1,
                interval_ns=1,
                ts_bar_close_ns=1,
                close=1,
                values={},
                version="1",
            )
            await store(bus, features)
    began = asyncio.get_running_loop().time()
    stored = await read_stored(bus, (BarClosed, FeaturesComputed, SignalRaised), 0)
    took_s = asyncio.get_running_loop().time() - began
    assert took_s < 3
    assert len(stored) == 1_600
    assert [one.stored_ns for one in stored] == sorted(one.stored_ns for one in stored)
    bars = [one.headers["Nats-Msg-Id"] for one in stored if one.headers and one.subject.startswith("md.bar")]
    assert bars == [f"bar-{number}" for number in range(1_200)]
    assert await read_stored(bus, (AlertRaised,), 0) == []
    assert await read_stored(bus, (BarClosed,), now_ns() + 10**9) == []
    consumers = await bus.api("CONSUMER.NAMES.MARKET", {"offset": 0})
    assert not consumers["consumers"]  # nothing is left behind


async def test_too_much_to_catch_up_on_is_an_error_and_not_a_full_memory(
    fresh_nats: NatsServer, make_bus: MakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catchup_module, "MAX_EVENTS", 5)
    bus = await make_bus(fresh_nats.url)
    await ensure_streams(bus)
    for number in range(6):
        await store(bus, bar(f"bar-{number}"))
    with pytest.raises(BusError, match="6 events to catch up on in MARKET, expected at most 5"):
        await read_stored(bus, (BarClosed,), 0)
