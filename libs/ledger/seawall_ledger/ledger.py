"""The ledger: what Seawall owes, owns and has said, in PostgreSQL."""

from __future__ import annotations

import asyncpg
from asyncpg import Connection, Pool

from seawall_proto import (
    AccountReconciled,
    Event,
    EventId,
    OrderFilled,
    OrderStateChanged,
    PositionChanged,
    StopChanged,
    TradingHalted,
)

from .connections import Connections
from .database import DatabaseSettings, connect_arguments, told_as_ledger_errors, with_patience
from .errors import LedgerError
from .explain import Chain, Link, chain_of, find
from .schema import check_schema

WORKING = "state NOT IN ('filled', 'canceled', 'expired', 'rejected', 'not_placed')"
POOL_CONNECTIONS = 4  # a service's decisions are sequential; the rest is for reads beside them
IDLE_LIMIT_S = 60.0


class Ledger(Connections):
    """What is known of every order, fill, position, stop and halt, and why it came to be."""

    async def event(self, event_id: EventId) -> Link | None:
        """Return an event that was recorded anywhere, and when it was said."""
        return (await find(self, [event_id])).get(event_id)

    async def chain(self, name: str) -> Chain | None:
        """Return what led to an order, stop or event and what came of it; None where the name is unknown.

        ``name`` is a client order id, a client stop id or an event id.
        """
        return await chain_of(self, name)

    async def open_orders(self, venue: str, account: str) -> tuple[OrderStateChanged, ...]:
        """Return the newest state of every order that may still change, oldest order first."""
        return await self.events(
            OrderStateChanged,
            f"SELECT payload FROM orders WHERE venue = $1 AND account = $2 AND {WORKING} ORDER BY recorded",  # noqa: S608
            *(venue, account),
        )

    async def order(self, client_order_id: str) -> OrderStateChanged | None:
        """Return the newest state of an order."""
        return await self.first_event(
            OrderStateChanged, "SELECT payload FROM orders WHERE client_order_id = $1", client_order_id
        )

    async def order_of_venue_id(
        self, venue: str, account: str, symbol: str, venue_order_id: str
    ) -> OrderStateChanged | None:
        """Return the newest state of the order the venue knows by this id."""
        return await self.first_event(
            OrderStateChanged,
            "SELECT payload FROM orders WHERE venue = $1 AND account = $2 AND symbol = $3 AND venue_order_id = $4",
            *(venue, account, symbol, venue_order_id),
        )

    async def pending_outbox(self, limit: int = 100) -> tuple[Event, ...]:
        """Return what this writer recorded and nobody published yet, oldest first."""
        return await self.events(
            Event,
            "SELECT payload FROM outbox WHERE writer = $1 AND ts_published_ns IS NULL ORDER BY position LIMIT $2",
            *(self.application, limit),
        )

    async def say_again(self, since_ns: int) -> int:
        """Let every writer's relay publish once more what was recorded since then; return how many events.

        For a ledger stream that lost messages: handlers know an event they have seen by its id.
        """
        rows = await self.rows(
            "WITH again AS (UPDATE outbox SET ts_published_ns = NULL"
            " WHERE ts_recorded_ns >= $1 AND ts_published_ns IS NOT NULL RETURNING 1) SELECT count(*) FROM again",
            since_ns,
        )
        self.outbox_filled.set()
        return int(rows[0][0])

    async def order_of_intent(self, intent_id: str) -> OrderStateChanged | None:
        """Return the newest state of the latest order made for an approval."""
        return await self.first_event(
            OrderStateChanged,
            "SELECT payload FROM orders WHERE intent_id = $1 ORDER BY recorded DESC LIMIT 1",
            intent_id,
        )

    async def positions(self, venue: str, account: str) -> tuple[PositionChanged, ...]:
        """Return the newest state of every position ever held, flat ones included."""
        return await self.events(
            PositionChanged,
            "SELECT payload FROM positions WHERE venue = $1 AND account = $2 ORDER BY symbol",
            *(venue, account),
        )

    async def position(self, venue: str, account: str, symbol: str) -> PositionChanged | None:
        """Return the newest state of one position; None where there never was one."""
        return await self.first_event(
            PositionChanged,
            "SELECT payload FROM positions WHERE venue = $1 AND account = $2 AND symbol = $3",
            *(venue, account, symbol),
        )

    async def last_reconciled(self, venue: str, account: str) -> AccountReconciled | None:
        """Return the last comparison of venue and ledger."""
        return await self.first_event(
            AccountReconciled, "SELECT payload FROM accounts WHERE venue = $1 AND account = $2", venue, account
        )

    async def stops(self, venue: str, account: str, *, ended: bool = False) -> tuple[StopChanged, ...]:
        """Return the newest state of every stop that may still act, and with ``ended`` of all others too."""
        return await self.events(
            StopChanged,
            "SELECT payload FROM stops WHERE venue = $1 AND account = $2"
            " AND ($3 OR state IN ('placing', 'unknown', 'resting', 'triggered')) ORDER BY recorded",
            *(venue, account, ended),
        )

    async def stop(self, venue: str, account: str, client_stop_id: str) -> StopChanged | None:
        """Return the newest state of one stop, whatever became of it."""
        return await self.first_event(
            StopChanged,
            "SELECT payload FROM stops WHERE venue = $1 AND account = $2 AND client_stop_id = $3",
            *(venue, account, client_stop_id),
        )

    async def halts(self) -> tuple[TradingHalted, ...]:
        """Return the halt of every scope whose newest version is a halt."""
        return await self.events(
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
        return await self.events(
            OrderFilled,
            "SELECT payload FROM fills WHERE venue = $1 AND account = $2 AND ts_venue_ns >= $3"
            " ORDER BY ts_venue_ns, recorded",
            *(venue, account, ts_venue_ns),
        )

    async def fills_of(self, client_order_id: str) -> tuple[OrderFilled, ...]:
        """Return the fills of one order in the order they were booked."""
        return await self.events(
            OrderFilled, "SELECT payload FROM fills WHERE client_order_id = $1 ORDER BY recorded", client_order_id
        )


async def _keep(connection: Connection) -> None:
    """Hand a connection back as it is: a reset is a round trip that orders wait for, and nothing in it is changed.

    Only a rollback that was itself cancelled leaves something behind.
    """
    if connection.is_in_transaction():
        await connection.reset()


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
            **arguments,
            min_size=1,
            max_size=connections,
            max_inactive_connection_lifetime=IDLE_LIMIT_S,
            reset=_keep,
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
