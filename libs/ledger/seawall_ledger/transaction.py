"""One transaction: what it changes and what it says happen together or not at all."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from asyncpg import Connection

from seawall_proto import ROUTE_OF, Delivery, Event, encode, event_type, subject_of

from .database import told_as_ledger_errors
from .history import about
from .tables import OUTBOX_ONLY, TABLE_OF

MESSAGE_ID_HEADER = "Nats-Msg-Id"  # JetStream drops a second message with the same id


class Tx:
    """Open only inside ``async with ledger.transaction()``."""

    def __init__(self, connection: Connection, writer: str) -> None:
        self._connection = connection
        self.writer = writer
        self.recorded = 0

    async def claim(self, consumer: str, event_id: str) -> bool:
        """Take an event for processing, once per consumer; False where it was taken before."""
        with told_as_ledger_errors("claim"):
            status: str = await self._connection.execute(
                "INSERT INTO processed (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", consumer, event_id
            )
        return status.endswith(" 1")

    async def record(self, event: Event, *, headers: Mapping[str, str] | None = None) -> bool:
        """Apply an event to its table and put it in the outbox; False where that was done before.

        An order or position with a lower or equal ``sequence``, a fill booked before, a halt
        version known, an event id said before: nothing is added. Raises InvariantViolated where a
        constraint refuses it (the transaction is then lost), ValueError for an event that is not
        of the ledger class.
        """
        route = ROUTE_OF.get(type(event))
        if route is None or route.delivery is not Delivery.LEDGER:
            raise ValueError(f"{type(event).__name__} is not an event of the ledger class")
        table = TABLE_OF.get(type(event))
        said = {**(headers or {}), MESSAGE_ID_HEADER: event.id}
        arguments = [
            *(self.writer, event.id, event_type(type(event)), subject_of(event), encode(event).decode()),
            *(msgspec.json.encode(said).decode(), about(event)),
        ]
        with told_as_ledger_errors(f"recording {type(event).__name__} {event.id}"):
            if table is None:
                added = await self._connection.fetchval(OUTBOX_ONLY, *arguments)
            else:
                added = await self._connection.fetchval(table.statement, *arguments, *table.values(event))
        if added is None:
            return False
        self.recorded += 1
        return True

    async def next_order_sequence(self, client_order_id: str) -> int:
        """Return the sequence the order's next change must carry; the row stays locked until commit."""
        return await self._next("SELECT sequence FROM orders WHERE client_order_id = $1 FOR UPDATE", client_order_id)

    async def next_position_sequence(self, venue: str, account: str, symbol: str) -> int:
        """Return the sequence the position's next change must carry; the row stays locked until commit."""
        return await self._next(
            "SELECT sequence FROM positions WHERE venue = $1 AND account = $2 AND symbol = $3 FOR UPDATE",
            *(venue, account, symbol),
        )

    async def next_halt_version(self, scope: str) -> int:
        """Return the version the next halt or resume of a scope must carry; no other is given it until commit."""
        with told_as_ledger_errors("locking a halt scope"):
            await self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"halt {scope}")
        return await self._next("SELECT max(version) FROM halts WHERE scope = $1", scope)

    async def _next(self, query: str, *arguments: str) -> int:
        with told_as_ledger_errors("reading a sequence"):
            last: int | None = await self._connection.fetchval(query, *arguments)
        return (last or 0) + 1

    async def wake_relay(self, channel: str) -> None:
        """Tell the writer's relay, in another process, that the outbox has filled; heard at commit."""
        with told_as_ledger_errors("notifying"):
            await self._connection.execute("SELECT pg_notify($1, $2)", channel, self.writer)
