"""A nats-server of this area's own, buses on it, and probes that run on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from nats.aio.msg import Msg

from seawall_cli.embedded import NatsServer
from seawall_proto import Event, decode
from seawall_runtime.app import App
from seawall_runtime.bus import Bus
from seawall_runtime.config import Config, NatsConfig
from seawall_runtime.process import Process
from seawall_runtime.streams import ensure_streams
from tests.integration.runtime.probe import PROBE, Memory, ProbeEffects, Running, Start, until

MakeBus = Callable[..., Awaitable[Bus]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """One nats-server for the tests of a module, with every stream of the contract."""
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    server.start()

    async def declare() -> None:
        async with Bus(server.url, service="bootstrap") as bus:
            await ensure_streams(bus)

    asyncio.run(declare())
    yield server
    server.stop()


@pytest.fixture
async def make_bus() -> AsyncIterator[MakeBus]:
    """Make connected buses that are closed after the test."""
    made: list[Bus] = []

    async def make(url: str, service: str = "probe", publish_timeout_s: float = 2.0) -> Bus:
        bus = Bus(url, service=service, publish_timeout_s=publish_timeout_s)
        made.append(bus)
        await bus.connect()
        return bus

    yield make
    for bus in made:
        await bus.close(0.2)


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
    await outside.flush(2)

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
