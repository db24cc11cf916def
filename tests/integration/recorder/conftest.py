"""A recorder between a real nats-server and a real PostgreSQL."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from seawall_cli.embedded import NatsServer, PostgresServer
from seawall_ledger.migrate import migrate
from seawall_proto import Event, TradePrinted, encode, subject_of
from seawall_recorder.effects import RecorderEffects
from seawall_runtime.bus import Bus
from seawall_runtime.config import Config, DatabaseConfig, NatsConfig
from seawall_runtime.context import Context
from seawall_runtime.errors import TryAgainError
from seawall_runtime.inbox import Inbox
from seawall_runtime.metrics import Metrics
from seawall_runtime.streams import ensure_streams

PATIENCE_S = 30.0
NOW_NS = 1_790_000_000_000_000_000


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL that may be killed, one for the tests of a file."""
    server = PostgresServer(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.stop()


class World:
    """A bus, a database, and as many recorders as a test starts."""

    def __init__(self, nats: NatsServer, postgres: PostgresServer, folder: Path, bus: Bus) -> None:
        self.nats = nats
        self.postgres = postgres
        self.folder = folder
        self.bus = bus
        self.settings = DatabaseConfig(url=postgres.url, password_file=postgres.password_file)
        self.metrics = Metrics("recorder")

    async def connection(self) -> asyncpg.Connection:
        password = self.postgres.password_file.read_text()
        return await asyncpg.connect(self.settings.url, password=password)

    async def ask(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await self.connection()
        try:
            found: list[asyncpg.Record] = await connection.fetch(query, *arguments)
            return found
        finally:
            await connection.close()

    async def count(self, table: str) -> int:
        return int((await self.ask(f"SELECT count(*) FROM {table}"))[0][0])

    async def publish(self, *events: Event) -> None:
        for number, event in enumerate(events, 1):
            await self.send(subject_of(event), encode(event))
            if number % 2_000 == 0:
                await self.bus.link.flush(5)
        await self.bus.link.flush(5)

    async def send(self, subject: str, data: bytes) -> None:
        await self.bus.link.send(subject, data)

    async def answered(self, call: str) -> dict[str, Any]:
        """Ask JetStream, again while the server is coming back."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    return await self.bus.api(call, timeout_s=0.5)
                except TryAgainError:
                    await asyncio.sleep(0.05)

    @asynccontextmanager
    async def recorder(self, *, clean: bool = True) -> AsyncIterator[RecorderEffects]:
        """Run a recorder; without ``clean`` it ends as by kill -9: no goodbye, nothing written at the end."""
        async with Bus(self.nats.url, service="recorder", metrics=self.metrics) as bus:
            context = Context(
                service="recorder",
                instance="0",
                config=Config(data_dir=self.folder, nats=NatsConfig(url=self.nats.url), database=self.settings),
                bus=bus,
                log=logging.getLogger("recorder"),
                metrics=self.metrics,
                inbox=Inbox(),
            )
            effects = RecorderEffects(context)
            await effects.start()
            try:
                yield effects
                assert not context.failure.done(), context.failure.result()
            finally:
                if clean:
                    await effects.stop()
                else:
                    await kill(effects)

    async def until_recorded(self, table: str, number: int) -> None:
        await until(lambda: self.count(table), number)


async def kill(effects: RecorderEffects) -> None:
    """End it as kill -9 does: nothing more is written, the connection just goes."""
    await effects._end()
    for source in effects._sources:
        await source.stop()


async def until(value: Callable[[], object], expected: object, within_s: float = PATIENCE_S) -> None:
    """Wait until a value is as expected; say the last one where it never is."""
    found: object = None
    try:
        async with asyncio.timeout(within_s):
            while True:
                found = value()
                if asyncio.iscoroutine(found):
                    found = await found
                if found == expected:
                    return
                await asyncio.sleep(0.03)
    except TimeoutError:
        raise AssertionError(f"expected {expected!r} within {within_s} s, found {found!r}") from None


def ticks(first: int, number: int) -> Sequence[TradePrinted]:
    """Return trades with consecutive ids and times."""
    return [
        TradePrinted(
            id=f"binance-usdm.BTC-USDT-PERP.trade.{n}",
            venue="binance-usdm",
            symbol="BTC-USDT-PERP",
            ts_venue_ns=NOW_NS + n * 1_000,
            ts_received_ns=NOW_NS + n * 1_000 + 5,
            trade_id=str(n),
            price=60_000.0 + n % 10,
            quantity=0.001,
            aggressor="buy",
        )
        for n in range(first, first + number)
    ]


@pytest.fixture
async def world(fresh_nats: NatsServer, postgres: PostgresServer, tmp_path: Path) -> AsyncIterator[World]:
    """A fresh nats-server with the streams, and an empty, migrated database."""
    if postgres.child.exit_code is not None:
        postgres.start()  # from the main thread: a child dies with the thread that started it
    async with Bus(fresh_nats.url, service="publisher") as bus:
        await ensure_streams(bus)
        made = World(fresh_nats, postgres, tmp_path / "data", bus)
        await made.ask("DROP SCHEMA public CASCADE")
        await made.ask("CREATE SCHEMA public")
        await migrate(made.settings)
        yield made


@pytest.fixture(name="ticks")
def make_ticks() -> Callable[[int, int], Sequence[TradePrinted]]:
    """The function that makes trades."""
    return ticks
