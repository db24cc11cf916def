"""Bring a database up to date: Alembic renders the plain SQL of the missing revisions, asyncpg runs it.

One driver serves the ledger and its migrations, and a migration is one transaction: it happens
whole or not at all. Two that start together take turns.
"""

from __future__ import annotations

import io
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from .database import DatabaseSettings, close_connection, open_connection
from .errors import MigrationFailed, SchemaMismatch
from .schema import SCHEMA_VERSION, schema_version
from .timescale import arrange_history, timescale_available

MIGRATIONS = Path(__file__).parent / "migrations"
STATEMENT_TIMEOUT_S = 3_600.0  # turning a year of ticks into a hypertable moves every row
LOCK = 0x5EA_3A11  # any constant: it only has to be the same for every migration of Seawall


async def migrate(settings: DatabaseSettings | str) -> str:
    """Bring the schema up to date and return its version; harmless where it already is.

    Hypertables, compression, retention and the bars aggregate are arranged where TimescaleDB can
    be had; elsewhere the same tables stay plain, and the log says so. Raises SchemaMismatch where
    the database is newer than this program, MigrationFailed where a statement was refused.
    """
    timescale = await _prepare_timescale(settings)
    connection = await open_connection(settings, application="seawall-ledger", statement_timeout_s=STATEMENT_TIMEOUT_S)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            found = await schema_version(connection)
            _refuse_newer(found)
            if found != SCHEMA_VERSION:
                await connection.execute(render_upgrade(found))
            await arrange_history(connection, timescale=timescale)
    except asyncpg.PostgresError as error:
        raise MigrationFailed(f"migration to {SCHEMA_VERSION} was refused: {error}") from error
    finally:
        await close_connection(connection)
    return SCHEMA_VERSION


async def _prepare_timescale(settings: DatabaseSettings | str) -> bool:
    # On a connection of its own: a server that has the files but not the preload ends the connection.
    connection = await open_connection(settings, application="seawall-ledger")
    try:
        return await timescale_available(connection)
    finally:
        await close_connection(connection)


def _refuse_newer(found: str | None) -> None:
    if found is not None and found > SCHEMA_VERSION:
        raise SchemaMismatch(
            f"schema version: found {found}, expected at most {SCHEMA_VERSION}: "
            "the database is newer than this program; run a newer Seawall"
        )


def render_upgrade(found: str | None) -> str:
    """Return the SQL that leads from version ``found`` (None: an empty database) to the newest."""
    buffer = io.StringIO()
    config = Config(output_buffer=buffer)
    config.set_main_option("script_location", str(MIGRATIONS))
    command.upgrade(config, f"{found or 'base'}:head", sql=True)
    return buffer.getvalue()


def newest_revision() -> str | None:
    """Return the version that the newest migration file leads to."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()
