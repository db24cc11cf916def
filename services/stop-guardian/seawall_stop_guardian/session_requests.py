"""What the decisions command at the venue: each request is sent once, and its outcome comes back as a fact."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from seawall_runtime.config import StopGuardianConfig
from seawall_stop_guardian import commands as c
from seawall_stop_guardian import facts as f
from seawall_stop_guardian.session_account import GuardedAccount
from seawall_venues.port import OrderRequest, Outcome, Result, StopRequest, VenueError

REQUEST_TIMEOUT_S = 1.5  # within the two seconds a position may be bare; an answer that late is looked up
LOOK_UP_TIMEOUT_S = 2.0
JOURNAL_PATIENCE_S = 0.1  # a slow disk must not hold up protection


class VenueRequests:
    """Sends for one account."""

    def __init__(self, account: GuardedAccount, options: StopGuardianConfig) -> None:
        self._account = account
        self._options = options

    async def place_stop(self, command: c.PlaceStop) -> None:
        """Journal, send once, report."""
        self._account.heat(command.symbol)
        await self._journal_first(command.memory)
        request = StopRequest(
            client_stop_id=command.client_stop_id,
            symbol=command.symbol,
            side=command.side,
            quantity=command.quantity,
            trigger_price=command.trigger_price,
            working_type=self._options.working_type,
        )
        result = await self._send(lambda: self._account.session.place_stop(request))
        await self._account.feed(
            f.StopAnswered(
                venue=self._account.venue,
                account=self._account.account,
                symbol=command.symbol,
                client_stop_id=command.client_stop_id,
                outcome=result.outcome,
                code=result.code,
                message=result.message,
                venue_stop_id=result.stop.venue_stop_id if result.stop else "",
            )
        )

    async def cancel_stop(self, command: c.CancelStop) -> None:
        """Send once, report."""
        result = await self._send(lambda: self._account.session.cancel_stop(command.symbol, command.client_stop_id))
        await self._account.feed(
            f.CancelAnswered(
                venue=self._account.venue,
                account=self._account.account,
                symbol=command.symbol,
                client_stop_id=command.client_stop_id,
                outcome=result.outcome,
                code=result.code,
            )
        )

    async def look_up_stop(self, command: c.LookUpStop) -> None:
        """Ask for one stop; a question that fails is reported as such."""
        asked_ns, found, answered = self._account.now_ns(), None, True
        try:
            async with asyncio.timeout(LOOK_UP_TIMEOUT_S):
                found = await self._account.session.find_stop(command.symbol, command.client_stop_id)
        except (VenueError, TimeoutError):
            answered = False
        await self._account.feed(
            f.StopLookedUp(
                venue=self._account.venue,
                account=self._account.account,
                symbol=command.symbol,
                client_stop_id=command.client_stop_id,
                answered=answered,
                stop=found,
                ts_asked_ns=asked_ns,
                clock_offset_ns=self._account.session.clock_offset_ns,
            )
        )

    async def read_fills(self, command: c.ReadFills) -> None:
        """Read fills back; where that fails the exposure stays dated by when it was noticed."""
        offset_ns = self._account.session.clock_offset_ns
        try:
            async with asyncio.timeout(LOOK_UP_TIMEOUT_S):
                fills = await self._account.session.fills(command.symbol, command.since_ns + offset_ns)
        except (VenueError, TimeoutError) as error:
            self._account.context.log.warning(f"fills of {command.symbol} not read: {error}")
            return
        await self._account.feed(
            f.FillsRead(
                venue=self._account.venue,
                account=self._account.account,
                symbol=command.symbol,
                fills=fills,
                clock_offset_ns=offset_ns,
            )
        )

    async def flatten(self, command: c.FlattenPosition) -> None:
        """Journal, send one reduce-only market order, report."""
        self._account.heat(command.symbol)
        await self._journal_first(command.memory)
        request = OrderRequest(
            client_order_id=command.client_order_id,
            symbol=command.symbol,
            side=command.side,
            order_type="market",
            quantity=command.quantity,
            reduce_only=True,
        )
        result = await self._send(lambda: self._account.session.place_order(request))
        self._account.context.log.warning(
            f"closing {command.symbol} {command.side} {command.quantity}: {result.outcome.value} {result.code}"
        )
        await self._account.feed(
            f.FlattenAnswered(
                venue=self._account.venue,
                account=self._account.account,
                symbol=command.symbol,
                client_order_id=command.client_order_id,
                outcome=result.outcome,
                code=result.code,
            )
        )

    async def _journal_first(self, memory: f.Memory) -> None:
        self._account.journal.remember(memory)
        await self._account.journal.flushed(JOURNAL_PATIENCE_S)

    async def _send(self, request: Callable[[], Awaitable[Result]]) -> Result:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                return await request()
        except TimeoutError:
            return Result(outcome=Outcome.UNKNOWN, code="timeout")
        except VenueError as error:
            return Result(outcome=Outcome.UNKNOWN, code="unreadable", message=str(error))
