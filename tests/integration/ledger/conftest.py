"""A ledger of the test's own, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from seawall_cli.embedded import PostgresServer
from seawall_ledger import Ledger, connect
from seawall_ledger.migrate import migrate

EMPTY = """
    DO $$ DECLARE one text; BEGIN
        FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
            EXECUTE 'TRUNCATE ' || quote_ident(one) || ' RESTART IDENTITY';
        END LOOP;
    END $$"""


@pytest.fixture(scope="session")
def ledger_url(postgres_server: PostgresServer) -> str:
    """The URL of a migrated database that the tests here share, one at a time."""
    password = postgres_server.password_file.read_text()

    async def make() -> str:
        server = await asyncpg.connect(postgres_server.url, password=password)
        await server.execute("CREATE DATABASE ledger_tests")
        await server.close()
        url = postgres_server.url_of("ledger_tests").replace("seawall@", f"seawall:{password}@", 1)
        await migrate(url)
        return url

    return asyncio.run(make())


@pytest.fixture
def migrated_url(postgres_url: str) -> str:
    """The URL of a migrated, empty database of the test's own."""
    asyncio.run(migrate(postgres_url))
    return postgres_url


@pytest.fixture
async def ledger(ledger_url: str) -> AsyncIterator[Ledger]:
    """A ledger that writes as execution, empty."""
    opened = await connect(ledger_url, application="execution", patience_s=30)
    await opened.rows(EMPTY)
    yield opened
    await opened.close()
