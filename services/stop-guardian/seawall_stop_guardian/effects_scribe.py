"""Brings what the guardian said into the ledger, and from there to the bus, as well as both allow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from itertools import islice

from seawall_ledger import InvariantViolated, Ledger, LedgerError, OutboxRelay, connect
from seawall_proto import Event
from seawall_runtime.context import Context
from seawall_runtime.errors import BusError
from seawall_stop_guardian.journal import Journal

BATCH = 100
PATIENCE_S = 2.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
WRITE_TIMEOUT_S = 5.0


class Scribe:
    """Flushes the events that wait in the journals, oldest first, with the ids they were born with."""

    def __init__(self, context: Context, journals: Sequence[Journal]) -> None:
        self._context = context
        self._journals = journals
        self._wanted = asyncio.Event()
        self._ledger: Ledger | None = None
        self._relay: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Say that there is something to write."""
        self._wanted.set()
        self._count_waiting()

    async def run(self) -> None:
        """Write for ever; a database that is away, old or refusing is reported and tried again."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._flush()
            except (LedgerError, TimeoutError) as error:
                self._context.set_ready("database", False, str(error) or type(error).__name__)
                self._context.metrics.count("seawall_errors_total", kind="database")
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
                continue
            pause_s = FIRST_PAUSE_S
            self._context.set_ready("database", True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), timeout=LONGEST_PAUSE_S)

    async def close(self) -> None:
        """Stop the relay and close the connections."""
        if self._relay is not None:
            self._relay.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._relay
        if self._ledger is not None:
            await self._ledger.close()

    async def _flush(self) -> None:
        ledger = await self._connected()
        self._wanted.clear()
        for journal in self._journals:
            while journal.pending:
                batch = tuple(islice(journal.pending.values(), BATCH))
                await self._write(ledger, batch)
                journal.sent([event.id for event in batch])
        self._count_waiting()

    def _count_waiting(self) -> None:
        waiting = sum(len(journal.pending) for journal in self._journals)
        self._context.metrics.set("seawall_guardian_events_waiting", waiting)

    async def _connected(self) -> Ledger:
        if self._ledger is None:
            config = self._context.config.database
            self._ledger = await connect(config, application="stop-guardian", patience_s=PATIENCE_S)
            relay = OutboxRelay(self._ledger, self._context.bus, retry_on=(BusError,))
            self._relay = asyncio.create_task(self._relay_on(relay), name="outbox-relay")
        return self._ledger

    async def _relay_on(self, relay: OutboxRelay) -> None:
        while True:
            try:
                await relay.run()
            except LedgerError as error:
                self._context.log.error(f"the outbox relay starts again: {error}")
                await asyncio.sleep(LONGEST_PAUSE_S)

    async def _write(self, ledger: Ledger, batch: Sequence[Event]) -> None:
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S), ledger.transaction() as tx:
                for event in batch:
                    await tx.record(event)
        except InvariantViolated as error:
            if len(batch) == 1:
                # a row the database will never take: said in the log, so that it does not hold up the rest
                self._context.log.error(f"{type(batch[0]).__name__} {batch[0].id} not recorded: {error}")
                self._context.metrics.count("seawall_errors_total", kind="not_recorded")
                return
            for event in batch:
                await self._write(ledger, (event,))
