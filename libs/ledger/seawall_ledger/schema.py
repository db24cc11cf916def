"""Which schema this program knows, and what a database holds."""

from __future__ import annotations

from asyncpg import Connection, Pool

from .errors import SchemaMismatch

SCHEMA_VERSION = "0002"  # the newest file in migrations/versions; a test keeps the two equal


async def schema_version(connection: Connection | Pool) -> str | None:
    """Return the schema version a database holds, None where it was never migrated."""
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return found


async def check_schema(connection: Connection | Pool) -> None:
    """Raise SchemaMismatch where the schema is not exactly the one this program was written for."""
    found = await schema_version(connection)
    if found == SCHEMA_VERSION:
        return
    if found is None:
        raise SchemaMismatch(f"schema version: found none, expected {SCHEMA_VERSION}; run 'seawall-ledger migrate'")
    if found < SCHEMA_VERSION:
        raise SchemaMismatch(
            f"schema version: found {found}, expected {SCHEMA_VERSION}: the database is older than this program; "
            "run 'seawall-ledger migrate'"
        )
    raise SchemaMismatch(
        f"schema version: found {found}, expected {SCHEMA_VERSION}: the database is newer than this program; "
        "run a newer Seawall"
    )
