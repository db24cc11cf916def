"""Writing down before anything leaves: one transaction per decision, as often as the database needs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import asyncpg

from seawall_ledger import Ledger, LedgerUnavailable
from seawall_proto import Event, OrderApproved, OrderState, OrderStateChanged
from seawall_runtime.app import Context
from seawall_runtime.clock import elapsed_s
from seawall_runtime.errors import TryAgainError
from seawall_runtime.telemetry import trace_headers

from .facts import OrderRecalled

FIRST_PAUSE_S = 0.05
LAST_PAUSE_S = 1.0
CONSUMER = "execution"
# what the driver says of a connection that a killed server cut in the middle of an operation
DRIVER_LOST = asyncpg.InternalClientError


class Commits:
    """The ledger as execution writes it: approvals claimed once, orders recorded before they leave."""

    def __init__(self, context: Context, ledger: Ledger) -> None:
        self._context = context
        self._ledger = ledger
        self._intended_s: dict[str, float] = {}

    def take_intended(self, client_order_id: str) -> float | None:
        """Return when the order's intent was committed, once; None where it was in the ledger before."""
        return self._intended_s.pop(client_order_id, None)

    async def write(self, events: Sequence[Event], cause: Event) -> list[OrderRecalled]:
        """Record everything in one transaction, waiting for a database that is away.

        Nothing is decided or sent meanwhile, so nothing can leave that is not written down. Returns
        the orders that the ledger knew already. Raises TryAgainError only while stopping.
        """
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                recalled = await self._write_once(events, cause)
                break
            except (LedgerUnavailable, DRIVER_LOST) as error:
                self._context.set_ready("ledger", False, str(error))
                self._context.metrics.count("seawall_errors_total", kind="ledger")
                if self._context.stopping.is_set():
                    raise TryAgainError(f"the ledger is away: {error}") from error
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LAST_PAUSE_S)
        self._context.set_ready("ledger", True)
        return recalled

    async def _write_once(self, events: Sequence[Event], cause: Event) -> list[OrderRecalled]:
        headers = trace_headers()
        known: list[OrderStateChanged] = []
        intended: list[OrderStateChanged] = []
        async with self._ledger.transaction() as tx:
            claimed = not isinstance(cause, OrderApproved) or await tx.claim(CONSUMER, cause.id)
            for event in events:
                if not isinstance(event, OrderStateChanged):
                    await tx.record(event, headers=headers)
                elif not claimed or not await tx.record(event, headers=headers):
                    known.append(event)
                elif event.state is OrderState.INTENDED:
                    intended.append(event)
        committed_s = elapsed_s()
        for event in intended:
            self._intended_s[event.client_order_id] = committed_s
        return [
            OrderRecalled(
                venue=event.venue,
                account=event.account,
                client_order_id=event.client_order_id,
                known=await self._ledger.order(event.client_order_id),
            )
            for event in known
        ]
