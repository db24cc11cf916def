"""A whole service in trouble: bugs, messages that are no events, servers that go, an outside that refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from seawall_cli.embedded import NatsServer
from seawall_proto import (
    AlertRaised,
    BarClosed,
    Event,
    FlattenRequested,
    HaltRequested,
    TradingHalted,
    encode,
    subject_of,
)
from seawall_runtime import process as process_module
from seawall_runtime import shell as shell_module
from seawall_runtime.app import App
from seawall_runtime.bus import Bus
from seawall_runtime.catchup import CatchUp
from seawall_runtime.dead_letters import MAX_ATTEMPTS
from seawall_runtime.errors import StartError, TryAgainError
from seawall_runtime.process import EXIT_BUG, EXIT_OK, EXIT_START, EXIT_UNAVAILABLE
from seawall_runtime.service import Service
from seawall_runtime.streams import ensure_streams
from tests.integration.runtime.probe import Answered, Memory, ProbeEffects, Start, bar, halt, until


async def test_a_stop_is_bounded_even_when_everything_hangs(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = ("STOP_INTAKE_S", "DRAIN_INBOX_S", "DRAIN_COMMANDS_S", "GIVE_BACK_S", "STOP_EFFECTS_S", "DRAIN_BUS_S")
    assert sum(getattr(process_module, name) for name in waits) + process_module.CLOSE_SPANS_S + 0.5 < 5
    for name in waits:
        monkeypatch.setattr(process_module, name, 0.2)

    class Hanging(ProbeEffects):
        async def publish(self, events: Sequence[Event], cause: Event) -> None:
            await asyncio.sleep(60)

        async def perform(self, command: msgspec.Struct, cause: Event) -> None:
            await asyncio.sleep(60)

        async def stop(self) -> None:
            await asyncio.sleep(60)

    probe = await start(effects=Hanging)
    await probe.outside.publish(halt("ask"))
    await probe.outside.publish(halt("hangs"))
    await until(lambda: len(probe.memory.reasons) == 2)
    began = asyncio.get_running_loop().time()
    assert await probe.stop() == EXIT_OK
    assert asyncio.get_running_loop().time() - began < 2.5


async def test_a_bug_ends_the_process_and_its_event_is_given_up_after_its_attempts(start: Start) -> None:
    outside: Bus | None = None
    for attempt in range(1, MAX_ATTEMPTS + 1):
        probe = await start(ready=False)
        if outside is None:
            outside = probe.outside
            await outside.publish(halt("bug"))
        assert await asyncio.wait_for(probe.ended, 8) == EXIT_BUG
        assert probe.metric('seawall_errors_total{kind="bug",service="probe"} 1.0'), attempt
    successor = await start()
    await successor.outside.publish(halt("after"))
    await until(lambda: successor.memory.reasons == ["after"])
    (alert,) = successor.said(AlertRaised)
    assert isinstance(alert, AlertRaised)
    assert (alert.name, alert.severity) == ("dead_letter", "critical")
    assert "a planted bug" in alert.detail
    kept = (successor.process.config.data_dir / "probe" / "failures-0.jsonl").read_text()
    assert kept.count('"reason\\":\\"bug') == MAX_ATTEMPTS


async def test_a_flow_event_that_breaks_a_decision_is_given_up_at_once(start: Start) -> None:
    catch_up = CatchUp((BarClosed,), 60)
    probe = await start(catch_up=catch_up)
    probe.outside.publish_nowait(bar("poison", venue="bug"))
    assert await asyncio.wait_for(probe.ended, 8) == EXIT_BUG
    successor = await start(catch_up=catch_up)  # catching up meets it again
    successor.outside.publish_nowait(bar("after"))
    await until(lambda: successor.memory.bars == ["after"])


async def test_a_command_that_breaks_ends_the_process(start: Start) -> None:
    class Broken(ProbeEffects):
        async def perform(self, command: msgspec.Struct, cause: Event) -> None:
            raise ValueError("a planted bug")

    probe = await start(effects=Broken)
    await probe.outside.publish(halt("ask"))
    assert await asyncio.wait_for(probe.ended, 8) == EXIT_BUG


async def test_saying_what_the_table_does_not_list_is_a_bug(start: Start) -> None:
    def lie(memory: Memory, event: HaltRequested) -> tuple[Memory, list[msgspec.Struct]]:
        return memory, [FlattenRequested(scope="global", actor="nobody", reason="")]

    service = Service("probe", {HaltRequested: lie}, (TradingHalted,), lambda event: 0)
    probe = await start(App(service, lambda config: lambda key: Memory()))
    await probe.outside.publish(halt("one"))
    assert await asyncio.wait_for(probe.ended, 8) == EXIT_BUG


@pytest.mark.parametrize(
    ("subject", "data"),
    [
        ("control.halt_requested", b"not json"),
        ("control.halt_requested", b"{}"),
        ("control.halt_requested", b"\xff" * 100),
        ("control.halt_requested", b'{"type":"control.halt_requested.v1","id":3}'),
        ("control.halt_requested", encode(bar("on the wrong subject"))),
        ("control.halt_requested", b"[" * 20_000),
    ],
)
async def test_a_ledger_message_that_is_no_event_is_kept_aside(start: Start, subject: str, data: bytes) -> None:
    probe = await start()
    await probe.outside.publish_stored(subject, data, "bad-message", {})
    await probe.outside.publish(halt("after"))
    await until(lambda: probe.memory.reasons == ["after"] and probe.said(AlertRaised))
    assert probe.metric("seawall_bad_messages_total{")
    await asyncio.sleep(0.1)
    assert (await probe.outside.api("CONSUMER.INFO.LEDGER.probe"))["num_ack_pending"] == 0
    assert (probe.process.config.data_dir / "probe" / "failures-0.jsonl").exists()


async def test_an_event_on_a_subject_that_is_not_its_own_is_not_believed(start: Start) -> None:
    probe = await start()
    forged = halt("forged by whoever may publish bars")
    await probe.outside.link.send("md.bar.v.BTC", encode(forged))
    await probe.outside.link.send("md.bar.other.BTC", encode(bar("another venue's")))
    probe.outside.publish_nowait(bar("good"))
    await until(lambda: probe.memory.bars == ["good"])
    assert probe.memory.reasons == []
    assert probe.metric('seawall_bad_messages_total{kind="wrong_subject",service="probe"} 2.0')


async def test_a_flood_of_flow_messages_that_are_no_events_is_only_counted(start: Start) -> None:
    probe = await start()
    for number in range(1_500):
        await probe.outside.link.send("md.bar.v.BTC", b"garbage %d" % number)
    await probe.outside.link.send("md.bar.v.BTC", b"x" * 400_000)
    await probe.outside.link.send(subject_of(bar("good")), encode(bar("good")))
    await until(lambda: probe.memory.bars == ["good"])
    assert probe.metric('seawall_bad_messages_total{kind="malformed",service="probe"} 1500.0')
    assert probe.metric('seawall_bad_messages_total{kind="oversize",service="probe"} 1.0')


async def test_it_works_on_after_the_server_was_killed(start: Start, fresh_nats: NatsServer) -> None:
    probe = await start()
    await probe.outside.publish(halt("before"))
    await until(lambda: probe.memory.reasons == ["before"])
    await asyncio.to_thread(fresh_nats.kill)
    await until(lambda: not probe.process.context.readiness.ready)
    await asyncio.to_thread(fresh_nats.start)
    await until(lambda: probe.process.context.readiness.ready and probe.outside.connected)
    await probe.outside.publish(halt("after"))
    probe.outside.publish_nowait(bar("after"))
    await until(lambda: probe.memory.reasons == ["before", "after"] and probe.memory.bars == ["after"])


async def test_what_was_said_while_the_bus_was_away_is_said_when_it_is_back(
    start: Start, fresh_nats: NatsServer
) -> None:
    probe = await start(needs_bus=False)
    await asyncio.to_thread(fresh_nats.kill)
    await until(lambda: not probe.process.bus.connected)
    await probe.process.context.feed(halt("told from outside"))
    await until(lambda: not probe.process.context.readiness.parts.get("publish", (True, ""))[0])
    assert probe.memory.reasons == ["told from outside"]
    await asyncio.to_thread(fresh_nats.start)
    await until(lambda: probe.said(TradingHalted))
    assert probe.memory.reasons == ["told from outside"]  # decided on once
    await until(lambda: probe.process.context.readiness.ready)


async def test_an_outside_that_never_takes_it_ends_the_process_with_its_own_code(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell_module, "PUBLISH_PATIENCE_S", 0.3)

    class Refusing(ProbeEffects):
        async def publish(self, events: Sequence[Event], cause: Event) -> None:
            raise TryAgainError("the database is away")

    probe = await start(effects=Refusing)
    await probe.outside.publish(halt("one"))
    assert await asyncio.wait_for(probe.ended, 8) == EXIT_UNAVAILABLE
    successor = await start()
    await until(lambda: successor.memory.reasons == ["one"])  # not lost, and not after the ack wait


async def test_a_service_that_cannot_start_says_why(start: Start) -> None:
    class Old(ProbeEffects):
        async def start(self) -> None:
            raise StartError("schema version 3 found, expected 4: run seawall-ledger migrate")

    probe = await start(effects=Old, ready=False)
    assert await asyncio.wait_for(probe.ended, 8) == EXIT_START


async def test_a_service_that_needs_no_bus_starts_its_effects_without_one(start: Start, fresh_nats: NatsServer) -> None:
    started = asyncio.Event()

    class Guarding(ProbeEffects):
        async def start(self) -> None:
            started.set()

    await asyncio.to_thread(fresh_nats.kill)
    probe = await start(effects=Guarding, needs_bus=False, ready=False)
    await asyncio.wait_for(started.wait(), 5)
    await probe.process.context.feed(Answered(number=7))
    await until(lambda: probe.memory.answers == [7])
    assert not probe.process.context.readiness.ready
    await asyncio.to_thread(fresh_nats.start)
    await until(lambda: probe.process.context.readiness.ready)


async def test_outside_paper_mode_missing_streams_are_waited_for(
    start: Start, fresh_nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "RETRY_S", 0.05)
    async with Bus(fresh_nats.url, service="operator") as operator:
        await operator.api("STREAM.DELETE.OPS")
        probe = await start(mode="live", ready=False)
        readiness = probe.process.context.readiness
        await until(lambda: "no stream OPS: run python -m seawall_runtime.streams" in readiness.detail)
        await ensure_streams(operator)
    await until(lambda: readiness.ready)
