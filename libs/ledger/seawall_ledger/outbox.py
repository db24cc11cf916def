"""The relay: publishes what a writer recorded, in order, as often as it takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
from asyncpg import Connection

from .connections import OUTBOX_CHANNEL
from .database import close_connection, open_connection, told_as_ledger_errors
from .errors import LedgerUnavailable
from .ledger import Ledger
from .transaction import MESSAGE_ID_HEADER

BATCH = 100  # rows read at once: 30 ms of acknowledged publishing
POLL_S = 1.0  # finds rows whose notification was lost with a connection
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0
# Longer than the ledger stream keeps its messages (30 days): until then a copy may come back, and
# the stream may have to be rebuilt from here.
KEEP_NS = 35 * 24 * 3_600 * 1_000_000_000
FORGET_EVERY_S = 3_600.0
FORGET_AT_ONCE = 10_000  # rows: a short transaction
FORGET = (
    "DELETE FROM outbox WHERE position = ANY(ARRAY("
    "SELECT position FROM outbox WHERE writer = $1 AND ts_published_ns < ns_now() - $2 LIMIT $3))",
    "DELETE FROM processed WHERE ctid = ANY(ARRAY("
    "SELECT ctid FROM processed WHERE consumer = $1 AND ts_processed_ns < ns_now() - $2 LIMIT $3))",
)

logger = logging.getLogger(__name__)


class Publisher(Protocol):
    """What the relay needs of a bus: store bytes once under an id, or raise."""

    async def publish_stored(
        self, subject: str, data: bytes, message_id: str, headers: dict[str, str] | None = None
    ) -> Any: ...


class OutboxRelay:
    """Publishes the outbox rows of one writer, oldest first, and marks them.

    Run it as a task in every service that records. A second one for the same writer (a standby)
    waits for the first to go. While the bus or the database is down it tries again, ever more
    slowly up to ``LONGEST_PAUSE_S``; nothing is skipped. A crash between publishing and marking
    publishes a row again under the same id, which JetStream drops.
    """

    def __init__(
        self,
        ledger: Ledger,
        publisher: Publisher,
        *,
        retry_on: tuple[type[Exception], ...],
        writer: str = "",
    ) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self._retry_on = retry_on
        self._pause_s = FIRST_PAUSE_S
        self._forget_at_s = 0.0
        self.writer = writer or ledger.application
        self.published = 0
        self.problem = ""
        """Why nothing leaves at the moment; empty while all is well."""

    async def run(self) -> None:
        """Relay until cancelled."""
        while True:
            try:
                await self._relay_on_one_connection()
            except LedgerUnavailable as error:
                await self._back_off(error)

    async def _relay_on_one_connection(self) -> None:
        connection = await open_connection(
            self._ledger.settings, application=f"{self.writer}-relay", patience_s=self._ledger.patience_s
        )
        try:
            with told_as_ledger_errors("relaying"):
                await connection.add_listener(OUTBOX_CHANNEL, self._notified)
                await self._become_the_only_relay(connection)
                while True:
                    await self._relay_batches(connection)
                    await self._forget_old(connection)
                    await self._wait_for_more()
        finally:
            await close_connection(connection)

    async def _become_the_only_relay(self, connection: Connection) -> None:
        lock = f"outbox {self.writer}"
        while not await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", lock):
            self.problem = "another relay of this writer is at work"
            await asyncio.sleep(POLL_S)
        self.problem = ""

    async def _relay_batches(self, connection: Connection) -> None:
        while True:
            self._ledger.outbox_filled.clear()
            rows = await connection.fetch(
                "SELECT position, event_id, subject, payload, headers FROM outbox"
                " WHERE writer = $1 AND ts_published_ns IS NULL ORDER BY position LIMIT $2",
                *(self.writer, BATCH),
            )
            if not rows:
                return
            sent, error = await self._publish(rows)
            await connection.execute(
                "UPDATE outbox SET ts_published_ns = ns_now() WHERE position = ANY($1::bigint[])", sent
            )
            self.published += len(sent)
            if error is not None:
                await self._back_off(error)
            else:
                self._pause_s, self.problem = FIRST_PAUSE_S, ""

    async def _publish(self, rows: Sequence[Any]) -> tuple[list[int], Exception | None]:
        """Publish in order up to the first that fails: a later event must not overtake an earlier one."""
        sent: list[int] = []
        for row in rows:
            headers = msgspec.json.decode(row["headers"], type=dict[str, str])
            message_id = headers.pop(MESSAGE_ID_HEADER, row["event_id"])
            try:
                await self._publisher.publish_stored(row["subject"], row["payload"].encode(), message_id, headers)
            except self._retry_on as error:
                return sent, error
            sent.append(row["position"])
        return sent, None

    async def _forget_old(self, connection: Connection) -> None:
        now_s = asyncio.get_running_loop().time()
        if now_s < self._forget_at_s:
            return
        self._forget_at_s = now_s + FORGET_EVERY_S
        for statement in FORGET:
            await connection.execute(statement, self.writer, KEEP_NS, FORGET_AT_ONCE)

    async def _back_off(self, error: Exception) -> None:
        if not self.problem:
            logger.warning("the outbox of %s waits: %s", self.writer, error)
        self.problem = str(error) or type(error).__name__
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    async def _wait_for_more(self) -> None:
        try:
            await asyncio.wait_for(self._ledger.outbox_filled.wait(), timeout=POLL_S)
        except TimeoutError:
            return

    def _notified(self, connection: Connection, pid: int, channel: str, payload: str) -> None:
        if payload == self.writer:
            self._ledger.outbox_filled.set()
