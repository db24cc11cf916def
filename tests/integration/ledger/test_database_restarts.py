"""The database dies and comes back: what is told, what is retried, what is never doubled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from seawall_cli.embedded import PostgresServer
from seawall_ledger import CommitUnknown, Ledger, LedgerUnavailable, OutboxRelay, connect
from seawall_ledger.migrate import migrate
from tests.worlds.ledger_samples import fill, order

PATIENCE_S = 30  # a restart takes two seconds; a machine that runs many things at once takes longer


class Settings:
    """As the configuration names it: the password in a file, not in the URL."""

    def __init__(self, server: PostgresServer) -> None:
        self.url = server.url
        self.password_file = server.password_file


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL to kill, one for all tests here: making one takes seconds."""
    server = PostgresServer(tmp_path_factory.mktemp("postgres"))
    server.start()
    asyncio.run(migrate(Settings(server)))
    yield server
    server.stop()


@pytest.fixture
async def ledger(postgres: PostgresServer) -> AsyncIterator[Ledger]:
    if postgres.child.exit_code is not None:
        postgres.start()
    opened = await connect(Settings(postgres), application="execution", patience_s=PATIENCE_S)
    for table in ("orders", "fills", "outbox", "order_venue_ids"):
        await opened.rows(f"TRUNCATE {table}")
    yield opened
    await opened.close()


class Collector:
    def __init__(self) -> None:
        self.published: list[str] = []

    async def publish_stored(
        self, subject: str, data: bytes, message_id: str, headers: dict[str, str] | None = None
    ) -> None:
        if message_id not in self.published:  # as JetStream does: what was not marked in time comes again
            self.published.append(message_id)


def restart(server: PostgresServer) -> None:
    """Kill it and start it again, from the main thread: a child dies with the thread that started it."""
    server.kill()
    server.start()


async def test_reads_writes_and_the_relay_go_on_after_a_kill(ledger: Ledger, postgres: PostgresServer) -> None:
    bus = Collector()
    relay = OutboxRelay(ledger, bus, retry_on=(OSError,))
    task = asyncio.create_task(relay.run())
    async with ledger.transaction() as tx:
        await tx.record(order())
    restart(postgres)
    assert await ledger.order("client-1") == order()
    async with ledger.transaction() as tx:
        assert not await tx.record(order())
        assert await tx.record(fill())
    async with asyncio.timeout(PATIENCE_S):
        while bus.published != ["order-1-1", "fill-1"]:
            await asyncio.sleep(0.02)
    assert not task.done()
    task.cancel()


async def test_a_read_waits_for_a_database_that_is_restarting(ledger: Ledger, postgres: PostgresServer) -> None:
    postgres.kill()
    reading = asyncio.create_task(ledger.halts())
    await asyncio.sleep(0.3)
    assert not reading.done()
    postgres.start()
    assert await reading == ()


async def test_a_transaction_cut_in_the_middle_says_that_nothing_was_written(
    ledger: Ledger, postgres: PostgresServer
) -> None:
    async def cut() -> None:
        async with ledger.transaction() as tx:
            await tx.record(order())
            restart(postgres)
            await tx.record(fill())

    with pytest.raises(LedgerUnavailable) as told:
        await cut()
    assert not isinstance(told.value, CommitUnknown)
    assert await ledger.order("client-1") is None


async def test_a_connection_lost_while_committing_is_told_apart(ledger: Ledger, postgres: PostgresServer) -> None:
    async def write() -> None:
        async with ledger.transaction() as tx:
            await tx.record(order())
            restart(postgres)

    with pytest.raises(CommitUnknown):
        await write()
    async with ledger.transaction() as tx:  # repeating it is safe whichever way it went
        await tx.record(order())
    assert await ledger.order("client-1") == order()


async def test_a_database_that_stays_away_is_told_within_the_patience(ledger: Ledger, postgres: PostgresServer) -> None:
    ledger.patience_s = 0.5
    postgres.kill()

    async def use_until_it_is_noticed() -> None:  # a backend outlives its postmaster for a moment
        while True:
            await ledger.halts()

    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(LedgerUnavailable, match="reading: PostgreSQL gave no answer"):
            await use_until_it_is_noticed()
        with pytest.raises(LedgerUnavailable, match="opening a transaction: PostgreSQL gave no answer"):
            await ledger.transaction().__aenter__()
