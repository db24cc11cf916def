"""Batches into PostgreSQL: rows and stream positions in one transaction, each row once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
from asyncpg import Connection

from seawall_ledger import LedgerUnavailable
from seawall_ledger.database import CONNECTION_LOST, DatabaseSettings, close_connection, open_connection
from seawall_ledger.history import HISTORY_TABLES, HistoryTable, Row
from seawall_ledger.schema import check_schema

from .batch import Rows, Taken, rows_of
from .source import Message, Position, position_of

ONLY_ONE = "recorder"  # the advisory lock's name: two writers would race for the stream positions
PATIENCE_S = 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0
REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, OverflowError, ValueError)
"""What a row looks like that PostgreSQL will never take: its message is kept aside, the others go in."""

AWAY: tuple[type[Exception], ...] = (LedgerUnavailable, *CONNECTION_LOST)

GiveUp = Callable[[str, Message, str], None]
Count = Callable[[str, int], None]


class Writer:
    """Writes until it is written: a lost connection is opened again and the same batch repeated.

    The straight way is COPY into the table itself. Where a row is there already (after a crash, a
    few; after a restored database, many) that table's part of the batch is merged through a
    temporary table instead, at about half the speed.
    """

    def __init__(self, settings: DatabaseSettings, *, give_up: GiveUp, count: Count, log: Any) -> None:
        self._settings = settings
        self._give_up = give_up
        self._count = count
        self._log = log
        self._connection: Connection | None = None
        self._closed = False
        self.problem = "not connected yet"

    async def positions(self) -> dict[str, Position]:
        """Return how far each stream is written, waiting for the database as long as it takes."""

        async def read(connection: Connection) -> dict[str, Position]:
            rows = await connection.fetch("SELECT stream, sequence, ts_stored_ns FROM stream_positions")
            return {row["stream"]: Position(row["sequence"], row["ts_stored_ns"]) for row in rows if row["sequence"]}

        found: dict[str, Position] = await self._persist(read)
        return found

    async def write(self, batch: Sequence[Taken]) -> None:
        """Write the rows of a batch and the streams' new positions, as often as it takes."""
        rows = rows_of(batch)
        try:
            written = await self._persist(lambda connection: _write(connection, rows, batch))
        except REFUSED as error:
            await self._write_apart(batch, error)
            return
        for stream, message, reason in rows.unreadable:
            self._give_up(stream, message, reason)
        for name, number in written.items():
            self._count(name, number)

    async def _write_apart(self, batch: Sequence[Taken], error: Exception) -> None:
        """Halve the batch until the row that is refused stands alone, and keep its message aside."""
        if len(batch) > 1:
            for taken in batch:
                await self.write([taken])
            return
        stream, messages = batch[0].stream, batch[0].messages
        if len(messages) > 1:
            half = len(messages) // 2
            await self.write([Taken(stream, messages[:half])])
            await self.write([Taken(stream, messages[half:])])
            return
        self._give_up(stream, messages[0], f"PostgreSQL refuses it: {error}")
        await self._persist(lambda connection: _write(connection, Rows(), batch))

    async def close(self) -> None:
        """Close for good; what was not committed is read again from the stream."""
        self._closed = True
        await self._disconnect()

    async def _disconnect(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await close_connection(connection)

    async def _persist(self, work: Callable[[Connection], Any]) -> Any:
        pause = FIRST_PAUSE_S
        while True:
            try:
                done = await work(await self._connected())
            except AWAY as error:
                if self._closed:
                    # a cancelled COPY can end in the error of its broken connection instead of the cancellation
                    raise asyncio.CancelledError from error
                if str(error) != self.problem:
                    self._log.warning(f"the database is away, nothing is lost meanwhile: {error}")
                self.problem = str(error) or type(error).__name__
                await self._disconnect()
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
            else:
                self.problem = ""
                return done

    async def _connected(self) -> Connection:
        if self._connection is None:
            connection = await open_connection(self._settings, application="recorder", patience_s=PATIENCE_S)
            self._connection = connection
            await check_schema(connection)
            if not await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", ONLY_ONE):
                raise LedgerUnavailable("another recorder writes to this database; this one stands by")
            for table in HISTORY_TABLES:
                await connection.execute(
                    f"CREATE TEMPORARY TABLE IF NOT EXISTS {_staging(table)} (LIKE {table.name}) ON COMMIT DELETE ROWS"
                )
        return self._connection


def _staging(table: HistoryTable) -> str:
    return f"staging_{table.name}"


async def _write(connection: Connection, rows: Rows, batch: Sequence[Taken]) -> dict[str, int]:
    written: dict[str, int] = {}
    async with connection.transaction():
        for table, of_table in rows.of.items():
            if of_table:
                written[table.name] = await _write_rows(connection, table, of_table)
        last = [(taken.stream, position_of(taken.messages[-1])) for taken in batch]
        await connection.executemany(
            "INSERT INTO stream_positions (stream, sequence, ts_stored_ns) VALUES ($1, $2, $3)"
            " ON CONFLICT (stream) DO UPDATE SET sequence = excluded.sequence,"
            " ts_stored_ns = excluded.ts_stored_ns, ts_written_ns = ns_now()",
            [(stream, position.sequence, position.ts_stored_ns) for stream, position in last],
        )
    return written


async def _write_rows(connection: Connection, table: HistoryTable, rows: list[Row]) -> int:
    if table.replace_when:
        return await _merge(connection, table, rows)
    try:
        async with connection.transaction():  # a savepoint: a row already there must not cost the batch
            status = await connection.copy_records_to_table(table.name, records=rows, columns=table.columns)
    except asyncpg.UniqueViolationError:
        return await _merge(connection, table, rows)
    return _number(status)


async def _merge(connection: Connection, table: HistoryTable, rows: list[Row]) -> int:
    staging, columns, key = _staging(table), ", ".join(table.columns), ", ".join(table.key)
    await connection.copy_records_to_table(staging, records=rows, columns=table.columns)
    # one row a key: an INSERT may not touch a row twice. Of several the repaired one, else any.
    order = f"{key}, repaired DESC" if table.replace_when else key
    status = await connection.execute(
        f"INSERT INTO {table.name} ({columns})"  # noqa: S608  names of our own
        f" SELECT DISTINCT ON ({key}) {columns} FROM {staging} ORDER BY {order} {table.merge_clause}"
    )
    return _number(status)


def _number(status: str) -> int:
    return int(status.rpartition(" ")[2])
