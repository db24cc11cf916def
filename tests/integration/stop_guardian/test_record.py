"""What the guardian says reaches the ledger and the stream, however late they come, once each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from seawall_cli.embedded import NatsServer, PostgresServer
from seawall_ledger import connect
from seawall_ledger.migrate import migrate
from seawall_proto import FlattenRequested
from seawall_runtime.bus import Bus
from seawall_runtime.clock import now_ns
from seawall_runtime.config import DatabaseConfig
from tests.worlds.guardian_world import ACCOUNT, VENUE, GuardianWorld, until


class Servers:
    """NATS and PostgreSQL on ports that the guardian already knows, started late."""

    def __init__(self, folder: Path) -> None:
        self.nats = NatsServer(folder / "nats")
        self.postgres = PostgresServer(folder / "postgres")
        self.world = GuardianWorld(folder, options="flatten_after_ms = 1000")

    def prepare(self) -> None:
        """Learn the ports and make the schema, then take everything away again."""
        self.nats.start()
        self.postgres.start()
        self.world.nats_url = self.nats.url
        self.world.database_url = self.postgres.url
        self.world.password_file = self.postgres.password_file
        asyncio.run(migrate(self.database))
        self.nats.stop()
        self.postgres.stop()

    @property
    def database(self) -> DatabaseConfig:
        return DatabaseConfig(url=self.postgres.url, password_file=self.postgres.password_file)

    def stop(self) -> None:
        self.world.stop()
        self.nats.stop()
        self.postgres.stop()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    servers = Servers(tmp_path_factory.mktemp("record"))
    try:
        servers.prepare()
        servers.world.start_venue()
        servers.world.start_guardian()
        yield servers
    finally:
        servers.stop()


async def test_what_was_said_without_ledger_and_bus_is_in_both_once_they_come(servers: Servers) -> None:
    world = servers.world
    async with world.trader() as trader:
        await trader.trade("0.010")
        await trader.one_stop("0.010")
        await asyncio.sleep(0.3)
        said = [event["id"] for kind in ("changed", "protection_changed") for event in _waiting(world, kind)]
        assert len(said) >= 4
        world.guardian.kill()
        world.start_guardian()
        servers.nats.start()
        servers.postgres.start()
        ledger = await connect(servers.database, application="probe")

        async def recorded() -> bool:
            rows = await ledger.rows("SELECT event_id, ts_published_ns FROM outbox WHERE writer = 'stop-guardian'")
            published = {row["event_id"] for row in rows if row["ts_published_ns"] is not None}
            return set(said) <= published

        await until(recorded, "everything published", 15)
        (stop,) = await ledger.stops(VENUE, ACCOUNT)
        assert stop.verified
        async with Bus(servers.nats.url, service="probe") as bus:
            info = await bus.api("STREAM.INFO.LEDGER", {"subjects_filter": "stop.>"})
            counts = info["state"]["subjects"]
            assert sum(counts.values()) >= len(said)
            rows = await ledger.rows("SELECT count(*) AS n FROM outbox WHERE writer = 'stop-guardian'")
            assert sum(counts.values()) == rows[0]["n"], "no message twice"

        async def ready() -> bool:
            return bool(world.ready("database")) and bool(world.ready("bus"))

        await until(ready, "all parts ready", 10)
        assert world.metric("seawall_guardian_events_waiting") == 0
        await ledger.close()


async def test_losing_both_again_protection_goes_on(servers: Servers) -> None:
    servers.nats.kill()
    servers.postgres.kill()
    async with servers.world.trader() as trader:
        await trader.trade("0.010")
        await trader.one_stop("0.010", within_s=2)
    servers.nats.start()
    servers.postgres.start()


async def test_asked_over_the_bus_to_flatten_it_closes_what_nobody_else_closes(servers: Servers) -> None:
    async with servers.world.trader() as trader:
        await trader.trade("0.010")
        await trader.one_stop("0.010")
        async with Bus(servers.nats.url, service="probe") as bus:
            wish = FlattenRequested(
                id="wish-1", scope="global", actor="operator", reason="drill", ts_received_ns=now_ns()
            )
            await bus.publish(wish)
        started = time.monotonic()
        await trader.flat(within_s=6)
        assert time.monotonic() - started >= 0.8, "execution goes first"
        await trader.no_stop()
        ledger = await connect(servers.database, application="probe")

        async def told() -> list[str]:
            rows = await ledger.rows("SELECT payload FROM outbox WHERE type = 'stops.position_flattened.v1'")
            return [row["payload"] for row in rows if "asked for by operator" in row["payload"]]

        assert len(await until(told, "PositionFlattened in the ledger", 5)) == 1
        await ledger.close()


def _waiting(world: GuardianWorld, kind: str) -> list[dict[str, str]]:
    name = "stop_changed" if kind == "changed" else kind
    return world.events(f"stops.{name}.v1")
