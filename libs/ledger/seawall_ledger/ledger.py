"""The ledger: what Seawall owes, owns and has said, in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg
from asyncpg import Connection, Pool
from asyncpg.transaction import Transaction

from seawall_proto import (
    AccountReconciled,
    Event,
    OrderFilled,
    OrderStateChanged,
    PositionChanged,
    StopChanged,
    TradingHalted,
    decode,
)

from .database import (
    CONNECTION_LOST,
    DatabaseSettings,
    connect_arguments,
    told_as_ledger_errors,
    with_patience,
)
from .errors import CommitUnknown, LedgerError, LedgerUnavailable
from .schema import check_schema
from .transaction import Tx

OUTBOX_CHANNEL = "seawall_outbox"
WORKING = "state NOT IN ('filled', 'canceled', 'expired', 'rejected', 'not_placed')"
POOL_CONNECTIONS = 4  # a service's decisions are sequential; the rest is for reads beside them
IDLE_LIMIT_S = 60.0

Kind = TypeVar("Kind", bound=Event)


class Ledger:
    """Reads, transactions and the outbox, over a pool of connections that survives database restarts.

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
        finally:
            if not complete:
                await _roll_back(transaction)
            await self._release(connection)
        if tx.recorded:
            self.outbox_filled.set()

    async def _begin(self) -> tuple[Connection, Transaction]:
        async def attempt() -> tuple[Connection, Transaction]:
            connection = await self._pool.acquire(timeout=self.patience_s)
            transaction = connection.transaction()
            try:
                await transaction.start()  # also finds out a connection that a restart left dead in the pool
            except CONNECTION_LOST:
                await self._release(connection)
                raise
            return connection, transaction

        return await with_patience(attempt, patience_s=self.patience_s, what="opening a transaction")

    async def _release(self, connection: Connection) -> None:
        try:
            await self._pool.release(connection, timeout=2)
        except CONNECTION_LOST:
            connection.terminate()

    async def rows(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Run a reading query, again where the connection was lost. Raises LedgerUnavailable."""

        async def attempt() -> list[asyncpg.Record]:
            async with self._pool.acquire(timeout=self.patience_s) as connection:
                found: list[asyncpg.Record] = await connection.fetch(query, *arguments)
                return found

        try:
            return await with_patience(attempt, patience_s=self.patience_s, what="reading")
        except asyncpg.QueryCanceledError as error:
            raise LedgerUnavailable(f"reading: {error}") from error

    async def _events(self, kind: type[Kind], query: str, *arguments: Any) -> tuple[Kind, ...]:
        return tuple(_decoded(kind, row["payload"]) for row in await self.rows(query, *arguments))

    async def _event(self, kind: type[Kind], query: str, *arguments: Any) -> Kind | None:
        found = await self._events(kind, query, *arguments)
        return found[0] if found else None

    async def open_orders(self, venue: str, account: str) -> tuple[OrderStateChanged, ...]:
        """Return the newest state of every order that may still change, oldest order first."""
        return await self._events(
            OrderStateChanged,
            f"SELECT payload FROM orders WHERE venue = $1 AND account = $2 AND {WORKING} ORDER BY recorded",  # noqa: S608
            *(venue, account),
        )

    async def order(self, client_order_id: str) -> OrderStateChanged | None:
        """Return the newest state of an order."""
        return await self._event(
            OrderStateChanged, "SELECT payload FROM orders WHERE client_order_id = $1", client_order_id
        )

    async def order_of_venue_id(
        self, venue: str, account: str, symbol: str, venue_order_id: str
    ) -> OrderStateChanged | None:
        """Return the newest state of the order the venue knows by this id."""
        return await self._event(
            OrderStateChanged,
            "SELECT payload FROM orders WHERE venue = $1 AND account = $2 AND symbol = $3 AND venue_order_id = $4",
            *(venue, account, symbol, venue_order_id),
        )

    async def pending_outbox(self, limit: int = 100) -> tuple[Event, ...]:
        """Return what this writer recorded and nobody published yet, oldest first."""
        return await self._events(
            Event,
            "SELECT payload FROM outbox WHERE writer = $1 AND ts_published_ns IS NULL ORDER BY position LIMIT $2",
            *(self.application, limit),
        )

    async def order_of_intent(self, intent_id: str) -> OrderStateChanged | None:
        """Return the newest state of the latest order made for an approval."""
        return await self._event(
            OrderStateChanged,
            "SELECT payload FROM orders WHERE intent_id = $1 ORDER BY recorded DESC LIMIT 1",
            intent_id,
        )

    async def positions(self, venue: str, account: str) -> tuple[PositionChanged, ...]:
        """Return the newest state of every position ever held, flat ones included."""
        return await self._events(
            PositionChanged,
            "SELECT payload FROM positions WHERE venue = $1 AND account = $2 ORDER BY symbol",
            *(venue, account),
        )

    async def position(self, venue: str, account: str, symbol: str) -> PositionChanged | None:
        """Return the newest state of one position; None where there never was one."""
        return await self._event(
            PositionChanged,
            "SELECT payload FROM positions WHERE venue = $1 AND account = $2 AND symbol = $3",
            *(venue, account, symbol),
        )

    async def last_reconciled(self, venue: str, account: str) -> AccountReconciled | None:
        """Return the last comparison of venue and ledger."""
        return await self._event(
            AccountReconciled, "SELECT payload FROM accounts WHERE venue = $1 AND account = $2", venue, account
        )

    async def stops(self, venue: str, account: str, *, ended: bool = False) -> tuple[StopChanged, ...]:
        """Return the newest state of every stop that may still act, and with ``ended`` of all others too."""
        return await self._events(
            StopChanged,
            "SELECT payload FROM stops WHERE venue = $1 AND account = $2"
            " AND ($3 OR state IN ('placing', 'unknown', 'resting', 'triggered')) ORDER BY recorded",
            *(venue, account, ended),
        )

    async def stop(self, venue: str, account: str, client_stop_id: str) -> StopChanged | None:
        """Return the newest state of one stop, whatever became of it."""
        return await self._event(
            StopChanged,
            "SELECT payload FROM stops WHERE venue = $1 AND account = $2 AND client_stop_id = $3",
            *(venue, account, client_stop_id),
        )

    async def halts(self) -> tuple[TradingHalted, ...]:
        """Return the halt of every scope whose newest version is a halt."""
        return await self._events(
            TradingHalted,
            "SELECT payload FROM (SELECT DISTINCT ON (scope) * FROM halts ORDER BY scope, version DESC) AS newest"
            " WHERE halted ORDER BY scope",
        )

    async def fill_exists(self, venue: str, account: str, symbol: str, fill_id: str) -> bool:
        """Return whether a fill is booked."""
        found = await self.rows(
            "SELECT 1 FROM fills WHERE venue = $1 AND account = $2 AND symbol = $3 AND fill_id = $4",
            *(venue, account, symbol, fill_id),
        )
        return bool(found)

    async def fills_since(self, venue: str, account: str, ts_venue_ns: int) -> tuple[OrderFilled, ...]:
        """Return the fills booked with a venue time at or after ``ts_venue_ns``, in the venue's order."""
        return await self._events(
            OrderFilled,
            "SELECT payload FROM fills WHERE venue = $1 AND account = $2 AND ts_venue_ns >= $3"
            " ORDER BY ts_venue_ns, recorded",
            *(venue, account, ts_venue_ns),
        )

    async def fills_of(self, client_order_id: str) -> tuple[OrderFilled, ...]:
        """Return the fills of one order in the order they were booked."""
        return await self._events(
            OrderFilled, "SELECT payload FROM fills WHERE client_order_id = $1 ORDER BY recorded", client_order_id
        )


async def connect(
    config: DatabaseSettings | str,
    *,
    application: str,
    patience_s: float = 10.0,
    connections: int = POOL_CONNECTIONS,
) -> Ledger:
    """Open the ledger, waiting up to ``patience_s`` for a database that is starting.

    ``application`` names the service: it shows in ``pg_stat_activity`` and is the writer of what
    the service records. Raises LedgerUnavailable, SchemaMismatch, or LedgerError for a refusal.
    """
    arguments = connect_arguments(config, application=application)

    async def attempt() -> Pool:
        return await asyncpg.create_pool(
            **arguments, min_size=1, max_size=connections, max_inactive_connection_lifetime=IDLE_LIMIT_S
        )

    pool = await with_patience(attempt, patience_s=patience_s, what="connecting")
    ledger = Ledger(pool, settings=config, application=application, patience_s=patience_s)
    try:
        with told_as_ledger_errors("reading the schema version"):
            await check_schema(pool)
    except LedgerError:
        await ledger.close()
        raise
    return ledger


def _decoded(kind: type[Kind], payload: str) -> Kind:
    event = decode(payload.encode())
    if not isinstance(event, kind):
        raise LedgerError(f"a row holds {type(event).__name__}, expected {kind.__name__}")
    return event


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
