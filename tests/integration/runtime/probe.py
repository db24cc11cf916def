"""A service under test: what it decides, what it remembers, and a handle on it while it runs."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from seawall_proto import (
    BarClosed,
    Event,
    HaltRequested,
    SignalRaised,
    TradingHalted,
    encode,
    subject_of,
)
from seawall_runtime.bus import Bus
from seawall_runtime.effects import BaseEffects
from seawall_runtime.process import Process
from seawall_runtime.service import Service, TimerElapsed

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


async def store(bus: Bus, event: Event) -> None:
    """Publish a flow event and wait until its stream has it."""
    await bus.publish_stored(subject_of(event), encode(event), event.id, {})
