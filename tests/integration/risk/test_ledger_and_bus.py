"""Risk's effects against a real NATS and a real PostgreSQL: what it reads, keeps and survives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from seawall_cli.embedded import NatsServer, PostgresServer
from seawall_ledger import Ledger, connect
from seawall_ledger.history import EVENTS, event_row
from seawall_ledger.migrate import migrate
from seawall_proto import (
    Event,
    ExposureChanged,
    HaltRequested,
    OrderState,
    TradingHalted,
    TradingResumed,
)
from seawall_risk.effects import RiskEffects
from seawall_risk.facts import HaltsRead, LedgerRead, PersistHalt
from seawall_runtime.bus import Bus
from seawall_runtime.config import Config, DatabaseConfig, NatsConfig, VenueConfig
from seawall_runtime.context import Context
from seawall_runtime.inbox import Fact, Inbox
from seawall_runtime.metrics import Metrics
from seawall_runtime.streams import ensure_streams
from tests.worlds.risk_world import ACCOUNT, BTC, ETH, VENUE, D, World

VENUES = (VenueConfig(name=VENUE, account=ACCOUNT, rest_url="", websocket_url="", symbols=(BTC, ETH)),)


class Running:
    """Risk's effects with a bus and an inbox of their own."""

    def __init__(self, config: Config) -> None:
        self.metrics = Metrics("risk")
        self.bus = Bus(config.nats.url, service="risk", metrics=self.metrics)
        self.inbox = Inbox()
        self.context = Context(
            service="risk",
            instance="0",
            config=config,
            bus=self.bus,
            log=structlog.get_logger(),
            metrics=self.metrics,
            inbox=self.inbox,
        )
        self.effects = RiskEffects(self.context)

    def facts(self) -> list[Event]:
        """Everything that was fed, taken out of the inbox."""
        found = []
        while (item := self.inbox.take()) is not None:
            assert isinstance(item, Fact)
            found.append(item.event)
        return found


@asynccontextmanager
async def running(nats_url: str, database: DatabaseConfig) -> AsyncIterator[Running]:
    one = Running(Config(nats=NatsConfig(url=nats_url), database=database, venues=VENUES))
    await one.bus.connect()
    await ensure_streams(one.bus, 1)
    await one.effects.start()
    try:
        yield one
    finally:
        one.context.stopping.set()
        await one.effects.stop()
        await one.bus.close()


async def until(condition: Callable[[], Awaitable[Any] | Any], what: str, within_s: float = 10.0) -> Any:
    """Wait for something to become true, and return it."""
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        found = condition()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        assert asyncio.get_running_loop().time() < deadline, f"still waiting for {what}"
        await asyncio.sleep(0.05)


@pytest.fixture
async def ledger(postgres_url: str) -> AsyncIterator[Ledger]:
    await migrate(postgres_url)
    one = await connect(postgres_url, application="test")
    yield one
    await one.close()


def halted(world: World, version: int, scope: str = "global") -> TradingHalted:
    return TradingHalted(**world.head("halt"), scope=scope, version=version, actor="operator", reason="test")


def exposure(world: World, peak: str) -> ExposureChanged:
    return ExposureChanged(
        **world.head(f"exposure-{peak}"),
        venue=VENUE,
        account=ACCOUNT,
        equity=D(9_000),
        peak_equity=D(peak),
        gross_exposure=D(0),
        exposure_limit=D(0),
        daily_pnl=D(0),
        drawdown_bps=0,
    )


async def test_everything_the_ledger_and_the_stream_hold_is_read_at_start(
    fresh_nats: NatsServer, ledger: Ledger, postgres_url: str
) -> None:
    world = World().open()
    order = world.order(world.ask(ETH, "long"), OrderState.OPEN)
    position, reconciled, standing = world.position(BTC, "0.01"), world.reconciled("9000"), halted(world, 3)
    async with ledger.transaction() as tx:
        for event in (order, position, reconciled, standing):
            assert await tx.record(event)
    recorded = exposure(world, "11000")
    row = (*event_row(recorded), recorded.ts_received_ns)[: len(EVENTS.columns)]  # the last is when it was stored
    places = [f"${n}" + "::text::jsonb" * (name == "payload") for n, name in enumerate(EVENTS.columns, 1)]
    insert = f"INSERT INTO events ({', '.join(EVENTS.columns)}) VALUES ({', '.join(places)})"
    await ledger.rows(insert, *row)
    async with Bus(fresh_nats.url, service="test") as bus:
        await ensure_streams(bus, 1)
        world.now += 1_000_000_000
        streamed = exposure(world, "12000")
        only_on_the_bus = halted(world, 1, "symbol:ETH-USDT-PERP")
        for event in (streamed, only_on_the_bus):
            await bus.publish(event)
    async with running(fresh_nats.url, DatabaseConfig(url=postgres_url)) as risk:
        (read,) = risk.facts()
        assert isinstance(read, LedgerRead)
        assert (read.positions, read.orders, read.reconciled) == ((position,), (order,), (reconciled,))
        assert set(read.halts) == {standing, only_on_the_bus}
        assert read.exposures == (recorded, streamed)
        assert read.ts_received_ns > 0
        assert risk.context.readiness.ready
        await until(lambda: any(isinstance(fact, HaltsRead) for fact in risk.facts()), "halts to be read again")


async def test_a_halt_is_kept_and_a_resume_ends_it(fresh_nats: NatsServer, ledger: Ledger, postgres_url: str) -> None:
    world = World().open()
    fact, _ = world.tell(HaltRequested(**world.head(), scope="global", actor="operator", reason="test"))
    assert isinstance(fact, TradingHalted)
    async with running(fresh_nats.url, DatabaseConfig(url=postgres_url)) as risk:
        for _ in range(2):
            await risk.effects.perform(PersistHalt(fact=fact), fact)
        assert await ledger.halts() == (fact,)

        async def seen() -> bool:
            return any(isinstance(found, HaltsRead) and found.halts == (fact,) for found in risk.facts())

        await until(seen, "the halt to be read back")
        resumed = TradingResumed(
            **world.head("resume"), scope="global", version=fact.version + 1, actor="operator", reason="test"
        )
        await risk.effects.perform(PersistHalt(fact=resumed), resumed)
        assert await ledger.halts() == ()
        rows = await until(
            lambda: ledger.rows("SELECT 1 FROM outbox WHERE writer = 'risk' AND ts_published_ns IS NOT NULL"),
            "the relay to publish what was kept",
        )
        assert rows


async def test_without_a_readable_ledger_it_stays_up_and_reads_when_it_can(
    fresh_nats: NatsServer, tmp_path: Path
) -> None:
    server = PostgresServer(tmp_path / "postgres")
    server.start()
    database = DatabaseConfig(url=server.url_of("postgres"), password_file=server.password_file)
    try:
        async with running(fresh_nats.url, database) as risk:
            assert risk.facts() == []
            assert not risk.context.readiness.ready
            assert "run 'seawall-ledger migrate'" in risk.context.readiness.detail
            await migrate(database)
            (read,) = await until(risk.facts, "the ledger to be read")
            assert isinstance(read, LedgerRead)
            await until(lambda: risk.context.readiness.ready, "readiness")
            server.kill()
            await until(lambda: not risk.context.readiness.ready, "the loss to be noticed")
            risk.facts()
            keeping = asyncio.create_task(
                risk.effects.perform(PersistHalt(fact=halted(World(), 5)), halted(World(), 5))
            )
            await asyncio.sleep(0.5)
            assert not keeping.done(), "a halt is kept as soon as it can be, and not given up"
            assert not [fact for fact in risk.facts() if isinstance(fact, HaltsRead)]
            server.start()
            await asyncio.wait_for(keeping, timeout=15)

            def back() -> bool:
                return any(isinstance(fact, HaltsRead) and fact.halts for fact in risk.facts())

            await until(back, "the halts to be readable again", within_s=15)
    finally:
        server.stop()
