"""Watches one account with the guardian's own session: journal first, then stream and readings, for ever."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from seawall_runtime.config import StopGuardianConfig
from seawall_stop_guardian import facts as f
from seawall_stop_guardian.session_account import GuardedAccount
from seawall_stop_guardian.session_reader import VenueReader
from seawall_stop_guardian.session_requests import VenueRequests
from seawall_venues.port import (
    OrderUpdate,
    PositionUpdate,
    StopUpdate,
    StreamChanged,
    UserUpdate,
    VenueError,
    VenueFill,
)

OPEN_PAUSES_S = (0.1, 0.25, 0.5, 1.0, 2.0)
MOMENT_S = 0.1
QUIET_TURNS = 10  # a symbol in which nothing is going on is looked at once a second


class VenueWatch:
    """Feeds what the venue says to the decisions; ``requests`` sends what they command."""

    def __init__(self, account: GuardedAccount, options: StopGuardianConfig) -> None:
        self.account = account
        self.reader = VenueReader(account, options)
        self.requests = VenueRequests(account, options)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Tell what the journal holds, then watch in the background until ``stop``; never waits for the venue."""
        journal = self.account.journal
        journal.load()
        for memory in journal.memories.values():
            self.account.heat(memory.symbol)
            await self.account.feed(
                f.MemoryRestored(
                    venue=self.account.venue, account=self.account.account, symbol=memory.symbol, memory=memory
                )
            )
        self.account.context.set_ready(self.account.part, False, "connecting")
        self._spawn(journal.run(), "journal")
        self._spawn(self._watch(), "watch")

    async def stop(self) -> None:
        """End every task, write what is left to the journal, close the session."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.account.journal.close()
        await self.account.session.close()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=f"{name} of {self.account.part}")
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.account.context.log.error(f"{task.get_name()} broke: {error!r}", exc_info=error)
            self.account.context.fail(error)

    async def _watch(self) -> None:
        attempt = 0
        while True:
            try:
                await self.account.session.open()
                break
            except VenueError as error:
                self.account.context.set_ready(self.account.part, False, str(error))
                self.account.context.log.warning(f"{self.account.part} cannot be opened yet: {error}")
            await asyncio.sleep(OPEN_PAUSES_S[min(attempt, len(OPEN_PAUSES_S) - 1)])
            attempt += 1
        self._spawn(self._listen(), "stream")
        self._spawn(self._moments(), "moments")
        await self.reader.run()

    async def _moments(self) -> None:
        turn = 0
        while True:
            await asyncio.sleep(MOMENT_S)
            turn += 1
            now_ns = self.account.now_ns()
            for symbol in tuple(self.account.symbols):
                if turn % QUIET_TURNS == 0 or self.account.is_hot(symbol, now_ns):
                    await self.account.feed(
                        f.MomentPassed(
                            venue=self.account.venue,
                            account=self.account.account,
                            symbol=symbol,
                        )
                    )

    async def _listen(self) -> None:
        while True:
            async with contextlib.aclosing(self.account.session.updates()) as updates:  # type: ignore[type-var]
                async for update in updates:
                    await self._hear(update)
            await asyncio.sleep(MOMENT_S)

    async def _hear(self, update: UserUpdate) -> None:
        """Hand on one update. After every connect, and after a frame that was lost, all is read again."""
        received_ns = update.ts_received_ns
        if isinstance(update, StreamChanged):
            self.reader.stream_up = update.connected
            self.reader.want(everything=update.connected)
        elif isinstance(update, PositionUpdate):
            self.account.heat(update.symbol)
            await self.account.tell_rules(update.symbol)
            await self.account.feed(
                f.PositionSeen(
                    venue=self.account.venue,
                    account=self.account.account,
                    symbol=update.symbol,
                    quantity=update.quantity,
                    entry_price=update.entry_price,
                    source="stream",
                    ts_asked_ns=received_ns,
                    ts_received_ns=received_ns,
                )
            )
        elif isinstance(update, OrderUpdate):
            if update.fill is not None:
                await self._hear_fill(update.fill, received_ns)
        elif isinstance(update, StopUpdate):
            self.account.heat(update.stop.symbol)
            await self.account.feed(
                f.StopReported(
                    venue=self.account.venue,
                    account=self.account.account,
                    symbol=update.stop.symbol,
                    stop=update.stop,
                    reason=update.reason,
                    ts_received_ns=received_ns,
                )
            )

    async def _hear_fill(self, fill: VenueFill, received_ns: int) -> None:
        self.account.heat(fill.symbol)
        await self.account.feed(
            f.FillSeen(
                venue=self.account.venue,
                account=self.account.account,
                symbol=fill.symbol,
                quantity=fill.quantity if fill.side == "buy" else -fill.quantity,
                ts_fill_ns=fill.ts_venue_ns - self.account.session.clock_offset_ns,
                ts_received_ns=received_ns,
            )
        )
        self.reader.want()
