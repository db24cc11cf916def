"""Real servers for tests: a nats-server and a PostgreSQL, from the wheels, on loopback."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from seawall_cli.embedded import NatsServer, PostgresServer

# Speed is measured by the benches. On a busy machine a slow draw says nothing about the code under test.
settings.register_profile("seawall", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("seawall")

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """One nats-server for the session; tests keep to streams and consumers of their own."""
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def fresh_nats(tmp_path: Path) -> Iterator[NatsServer]:
    """A nats-server of the test's own, to kill and restart."""
    server = NatsServer(tmp_path / "nats")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """One PostgreSQL for the session."""
    server = PostgresServer(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def fresh_postgres(tmp_path: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL of the test's own, to kill and restart; its URL lacks the password (see ``password_file``)."""
    server = PostgresServer(tmp_path / "postgres")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL, password included, of an empty database of the test's own."""
    name = f"test_{next(_numbers)}"
    password = postgres_server.password_file.read_text()

    def url_of(database: str) -> str:
        return postgres_server.url_of(database).replace("seawall@", f"seawall:{password}@", 1)

    async def administer(statement: str) -> None:
        connection = await asyncpg.connect(url_of("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(administer(f"CREATE DATABASE {name}"))
    yield url_of(name)
    asyncio.run(administer(f"DROP DATABASE {name} WITH (FORCE)"))
