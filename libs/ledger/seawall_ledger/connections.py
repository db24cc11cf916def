"""A pool of connections: transactions and reads that survive a database restart."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg
from asyncpg import Connection, Pool
from asyncpg.transaction import Transaction

from seawall_proto import Event, decode

from .database import CONNECTION_LOST, DatabaseSettings, told_as_ledger_errors, with_patience
from .errors import CommitUnknown, LedgerError, LedgerUnavailable
from .transaction import Tx

OUTBOX_CHANNEL = "seawall_outbox"

Kind = TypeVar("Kind", bound=Event)


class Connections:
    """Transactions and reads over a pool of connections that survives database restarts.

    Every read waits up to ``patience_s`` for a database that restarts; then it raises
    LedgerUnavailable. A failed read is never an empty answer.
    """

    def __init__(self, pool: Pool, *, settings: DatabaseSettings | str, application: str, patience_s: float) -> None:
        self._pool = pool
        self.settings = settings
        self.application = application
        self.patience_s = patience_s
        self.outbox_filled = asyncio.Event()
        """Set after a transaction of this process put something in the outbox."""

    async def close(self) -> None:
        """Close every connection, without waiting for ever."""
        try:
            await asyncio.wait_for(self._pool.close(), timeout=5)
        except CONNECTION_LOST:
            self._pool.terminate()

    @asynccontextmanager
    async def transaction(self, *, writer: str = "") -> AsyncIterator[Tx]:
        """Open a transaction; it commits at the end of the block, and rolls back where the block raises.

        ``writer`` names whose relay publishes what is recorded (the application's own by default).
        Raises LedgerUnavailable where no connection can be had or it is lost before the commit
        (nothing was written), CommitUnknown where it is lost while committing.
        """
        connection, transaction = await self._begin()
        tx = Tx(connection, writer or self.application)
        complete = False
        try:
            yield tx
            if tx.recorded and tx.writer != self.application:
                await tx.wake_relay(OUTBOX_CHANNEL)
            complete = True
            await _commit(transaction)
        except LedgerUnavailable:
            _discard(connection)  # a connection that failed once is not given to anybody again
            raise
        finally:
            try:
                if not complete:
                    await _roll_back(transaction)
            finally:  # also where the rollback itself is cancelled: the pool resets what is left open
                await self._release(connection)
        if tx.recorded:
            self.outbox_filled.set()

    async def _begin(self) -> tuple[Connection, Transaction]:
        async def attempt() -> tuple[Connection, Transaction]:
            connection = await self._pool.acquire(timeout=self.patience_s)
            transaction = connection.transaction()
            started = False
            try:
                await transaction.start()  # also finds out a connection that a restart left dead in the pool
                started = True
            finally:
                if not started:
                    _discard(connection)
                    await self._release(connection)
            return connection, transaction

        return await with_patience(attempt, patience_s=self.patience_s, what="opening a transaction")

    async def _release(self, connection: Connection) -> None:
        try:
            await self._pool.release(connection, timeout=2)
        except CONNECTION_LOST:
            _discard(connection)

    async def rows(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Run a reading query, again where the connection was lost. Raises LedgerUnavailable."""

        async def attempt() -> list[asyncpg.Record]:
            connection = await self._pool.acquire(timeout=self.patience_s)
            try:
                found: list[asyncpg.Record] = await connection.fetch(query, *arguments)
            except CONNECTION_LOST:
                _discard(connection)
                raise
            finally:
                await self._release(connection)
            return found

        try:
            return await with_patience(attempt, patience_s=self.patience_s, what="reading")
        except asyncpg.QueryCanceledError as error:
            raise LedgerUnavailable(f"reading: {error}") from error

    async def events(self, kind: type[Kind], query: str, *arguments: Any) -> tuple[Kind, ...]:
        """Return the events in the column ``payload`` of what a query finds."""
        return tuple(decoded(kind, row["payload"]) for row in await self.rows(query, *arguments))

    async def first_event(self, kind: type[Kind], query: str, *arguments: Any) -> Kind | None:
        """Return the first of them, None where the query finds nothing."""
        found = await self.events(kind, query, *arguments)
        return found[0] if found else None


def decoded(kind: type[Kind], payload: str) -> Kind:
    """Return the event that a row holds. Raises LedgerError where it is another."""
    event = decode(payload.encode())
    if not isinstance(event, kind):
        raise LedgerError(f"a row holds {type(event).__name__}, expected {kind.__name__}")
    return event


def _discard(connection: Connection) -> None:
    with contextlib.suppress(asyncpg.InterfaceError):  # the pool let go of it the moment it died
        connection.terminate()


async def _commit(transaction: Transaction) -> None:
    try:
        with told_as_ledger_errors("committing"):
            await transaction.commit()
    except LedgerUnavailable as error:
        raise CommitUnknown(str(error)) from error


async def _roll_back(transaction: Transaction) -> None:
    try:
        await transaction.rollback()
    except CONNECTION_LOST:
        return  # the server rolls back by itself when the connection is gone
