"""A nats-server of this area's own, with the contract's streams, and buses on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from seawall_cli.embedded import NatsServer
from seawall_runtime.bus import Bus
from seawall_runtime.streams import ensure_streams

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
