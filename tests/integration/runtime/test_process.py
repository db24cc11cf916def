"""A whole service over the real server: what it handles, what it survives, how it ends."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from nats.aio.msg import Msg

from seawall_cli.embedded import NatsServer
from seawall_proto import (
    AlertRaised,
    BarClosed,
    Event,
    FlattenRequested,
    HaltRequested,
    SignalRaised,
    TradingHalted,
    decode,
    encode,
    subject_of,
)
from seawall_runtime import process as process_module
from seawall_runtime import pulse as pulse_module
from seawall_runtime import shell as shell_module
from seawall_runtime.app import App
from seawall_runtime.bus import Bus
from seawall_runtime.catchup import CatchUp
from seawall_runtime.config import Config, NatsConfig
from seawall_runtime.context import Context
from seawall_runtime.dead_letters import MAX_ATTEMPTS
from seawall_runtime.effects import BaseEffects
from seawall_runtime.errors import StartError, TryAgainError
from seawall_runtime.process import EXIT_BUG, EXIT_OK, EXIT_START, EXIT_UNAVAILABLE, Process
from seawall_runtime.service import Service, TimerElapsed
from seawall_runtime.streams import ensure_streams
from tests.integration.runtime.conftest import MakeBus

_numbers = itertools.count()


class Answered(Event, frozen=True, kw_only=True):
    """A command's result, as a fact."""

    number: int


class Ask(msgspec.Struct, frozen=True):
    """A command."""

    number: int


@dataclass
class Memory:
    """What the probe's decisions saw; kept outside the service so that a test can look."""

    reasons: list[str] = field(default_factory=list)
    bars: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    timers: int = 0


def on_halt(memory: Memory, event: HaltRequested) -> tuple[Memory, Sequence[msgspec.Struct]]:
    if event.reason == "bug":
        raise ValueError("a planted bug")
    memory.reasons.append(event.reason)
    if event.reason == "ask":
        return memory, [Ask(len(memory.reasons))]
    return memory, [TradingHalted(scope=event.scope, version=1, actor=event.actor, reason=event.reason)]


def on_bar(memory: Memory, event: BarClosed) -> tuple[Memory, Sequence[msgspec.Struct]]:
    if event.venue == "bug":
        raise ValueError("a planted bug")
    memory.bars.append(event.id)
    signal = SignalRaised(
        venue=event.venue,
        symbol=event.symbol,
        ts_venue_ns=event.ts_venue_ns,
        strategy="probe",
        direction="long",
        strength=1.0,
        price=event.close,
        horizon_ns=1,
        expires_at_ns=event.ts_close_ns,
    )
    return memory, [signal, Ask(0)]


def on_answered(memory: Memory, event: Answered) -> tuple[Memory, Sequence[msgspec.Struct]]:
    memory.answers.append(event.number)
    return memory, []


def on_timer(memory: Memory, event: TimerElapsed) -> tuple[Memory, Sequence[msgspec.Struct]]:
    memory.timers += 1
    return memory, []


class ProbeEffects(BaseEffects):
    """Answers each command with a fact."""

    async def perform(self, command: msgspec.Struct, cause: Event) -> None:
        assert isinstance(command, Ask)
        await self.context.feed(Answered(number=command.number))


PROBE = Service(
    "probe",
    {HaltRequested: on_halt, BarClosed: on_bar, Answered: on_answered, TimerElapsed: on_timer},
    (TradingHalted, SignalRaised),
    lambda event: 0,
)
FOREVER_NS = 2**62


def halt(reason: str) -> HaltRequested:
    return HaltRequested(id=f"halt-{next(_numbers)}", ts_received_ns=5, scope="global", actor="test", reason=reason)


def bar(name: str, *, venue: str = "v", expires_at_ns: int = FOREVER_NS) -> BarClosed:
    return BarClosed(
        id=name,
        ts_received_ns=5,
        venue=venue,
        symbol="BTC",
        ts_venue_ns=1,
        interval_ns=1,
        ts_open_ns=0,
        ts_close_ns=expires_at_ns,
        open=1,
        high=1,
        low=1,
        close=1,
        volume=0,
        quote_volume=0,
        buy_volume=0,
        trade_count=0,
    )


@dataclass
class Running:
    """A probe that runs, and a bus beside it."""

    process: Process
    memory: Memory
    ended: asyncio.Task[int]
    outside: Bus
    heard: list[Event]

    def said(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.heard if type(event) is kind]

    def metric(self, text: str) -> bool:
        return text in self.process.metrics.render().decode()

    async def stop(self) -> int:
        self.process.stop()
        return await asyncio.wait_for(self.ended, 6)


Start = Callable[..., Awaitable[Running]]


async def until(condition: Callable[[], Any], within_s: float = 8.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
async def start(fresh_nats: NatsServer, tmp_path: Path, make_bus: MakeBus) -> AsyncIterator[Start]:
    """Start probes on a server of the test's own; each has the same data directory."""
    running: list[Running] = []
    outside = await make_bus(fresh_nats.url, "outside")
    await ensure_streams(outside)
    heard: list[Event] = []

    async def on_message(message: Msg) -> None:
        # a pulled ledger message is also seen on its subject: hear each event once
        event = decode(message.data)
        if event.id not in {one.id for one in heard} or not message.reply.startswith("$JS.ACK"):
            heard.append(event)

    for subject in ("signal.>", "control.halted", "ops.>"):
        await outside.subscribe(subject, on_message)
    await outside.link.flush(2)

    async def begin(app: App | None = None, *, ready: bool = True, mode: str = "paper", **parts: Any) -> Running:
        memory = Memory()
        app = app or App(PROBE, lambda config: lambda key: memory, effects=ProbeEffects)
        app = replace(app, initial=lambda config: lambda key: memory, **parts)
        config = msgspec.structs.replace(
            Config(), data_dir=tmp_path / "data", nats=NatsConfig(url=fresh_nats.url), mode=mode
        )
        process = Process(app, config, "0", structlog.get_logger("probe"))
        one = Running(process, memory, asyncio.create_task(process.run(None)), outside, heard)
        running.append(one)
        if ready:
            await until(lambda: process.inbox.open and process.context.readiness.ready)
        return one

    yield begin
    for one in running:
        if not one.ended.done():
            await one.stop()


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
