"""A whole service over the real server: what it handles, in which order, and how it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from seawall_cli.embedded import NatsServer
from seawall_proto import (
    Event,
    HaltRequested,
    SignalRaised,
    TradingHalted,
)
from seawall_runtime import pulse as pulse_module
from seawall_runtime.app import App
from seawall_runtime.bus import Bus
from seawall_runtime.context import Context
from seawall_runtime.process import EXIT_OK
from seawall_runtime.service import Service
from tests.integration.runtime.probe import Answered, Memory, ProbeEffects, Start, bar, halt, until


async def test_events_are_decided_on_and_what_was_said_is_published(start: Start) -> None:
    probe = await start()
    request, close = halt("one"), bar("bar-1")
    await probe.outside.publish(request)
    probe.outside.publish_nowait(close)
    await until(lambda: probe.said(TradingHalted) and probe.said(SignalRaised))
    (halted,), (signal,) = probe.said(TradingHalted), probe.said(SignalRaised)
    assert halted.causes == (request.id,)
    assert signal.causes == (close.id,)
    assert halted.ts_received_ns == 5
    await until(lambda: probe.memory.answers == [0])


async def test_a_ledger_event_is_acknowledged_only_after_what_it_caused_is_stored(start: Start) -> None:
    class Slow(ProbeEffects):
        async def publish(self, events: Sequence[Event], cause: Event) -> None:
            await asyncio.sleep(0.3)
            await super().publish(events, cause)

    probe = await start(effects=Slow)
    await probe.outside.publish(halt("one"))
    await until(lambda: probe.memory.reasons)
    consumer = await probe.outside.api("CONSUMER.INFO.LEDGER.probe")
    assert consumer["num_ack_pending"] == 1
    await until(lambda: probe.said(TradingHalted))
    await asyncio.sleep(0.1)
    assert (await probe.outside.api("CONSUMER.INFO.LEDGER.probe"))["num_ack_pending"] == 0


async def test_an_event_seen_before_is_not_decided_on_again(start: Start) -> None:
    probe = await start()
    for _ in range(3):
        probe.outside.publish_nowait(bar("same"))
    probe.outside.publish_nowait(bar("another"))
    await until(lambda: "another" in probe.memory.bars)
    assert probe.memory.bars == ["same", "another"]
    assert probe.metric('seawall_duplicates_dropped_total{service="probe"} 2.0')


async def test_timers_come_with_each_pulse(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pulse_module.PULSE_S == 1.0
    monkeypatch.setattr(pulse_module, "PULSE_S", 0.05)
    probe = await start()
    await until(lambda: probe.memory.timers >= 3, 2)


async def test_facts_fed_at_the_start_come_before_all_else(start: Start, fresh_nats: NatsServer) -> None:
    order: list[str] = []

    class Reading(ProbeEffects):
        async def start(self) -> None:
            await asyncio.sleep(0.2)  # the ledger's message is here by now
            for number in range(20):
                await self.context.feed(Answered(number=number))

    def note(name: str) -> Callable[[Memory, Any], tuple[Memory, list[msgspec.Struct]]]:
        def decide(memory: Memory, event: Any) -> tuple[Memory, list[msgspec.Struct]]:
            order.append(name)
            return memory, []

        return decide

    async with Bus(fresh_nats.url, service="early") as early:
        await early.publish(halt("waits in the ledger"))
    service = Service("probe", {HaltRequested: note("ledger"), Answered: note("fact")}, (), lambda event: 0)
    await start(App(service, lambda config: lambda key: Memory(), effects=Reading))
    await until(lambda: "ledger" in order)
    assert order == ["fact"] * 20 + ["ledger"]


async def test_a_stop_finishes_what_came_and_ends_with_zero(start: Start) -> None:
    class Slow(ProbeEffects):
        stopped = False

        async def publish(self, events: Sequence[Event], cause: Event) -> None:
            await asyncio.sleep(0.02)
            await super().publish(events, cause)

        async def stop(self) -> None:
            Slow.stopped = True

    probe = await start(effects=Slow)
    for number in range(20):
        await probe.outside.publish(halt(f"{number}"))
    began = asyncio.get_running_loop().time()
    assert await probe.stop() == EXIT_OK
    assert asyncio.get_running_loop().time() - began < 5
    assert Slow.stopped
    # what was taken was answered, what was not was handed back: nothing is left pending, nothing is lost
    successor = await start()
    await until(lambda: len(set(probe.memory.reasons) | set(successor.memory.reasons)) == 20)
    assert not set(probe.memory.reasons) & set(successor.memory.reasons)


async def test_the_beat_says_whether_it_is_ready(start: Start) -> None:
    probe = await start()
    probe.process.context.set_ready("venue", False, "no route")
    probe.process.pulse.beat()
    await until(lambda: any(getattr(event, "detail", "") == "venue: no route" for event in probe.heard))


async def test_the_context_of_effects_is_what_they_need(start: Start) -> None:
    seen: list[Context] = []

    class Looking(ProbeEffects):
        async def start(self) -> None:
            seen.append(self.context)
            assert not self.context.stopping.is_set()

    probe = await start(effects=Looking)
    context = seen[0]
    assert (context.service, context.instance) == ("probe", "0")
    assert context.bus.connected
    assert context.config.mode == "paper"
    assert abs(context.now_ns() - asyncio.get_running_loop().time()) > 0
    await probe.stop()
    assert context.stopping.is_set()
