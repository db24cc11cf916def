"""Reading one account at the venue: when somebody asks, and never for ever without."""

from __future__ import annotations

import asyncio
from typing import Any

from seawall_runtime.app import Context
from seawall_runtime.clock import elapsed_s
from seawall_venues.port import (
    TradingSession,
    UnknownInstrumentError,
    VenueError,
    VenueFill,
    VenueOrder,
    VenueStop,
)

from .commands import ReadAccount
from .facts import AccountRead

OVERLAP_NS = 60_000_000_000  # the venue may list a fill late; booking twice is prevented by its id
FIRST_RETRY_S, LAST_RETRY_S = 0.25, 5.0
CALM_S = 10.0  # a reading this long after the last one is not part of a burst
FIRST_SPACING_S, LAST_SPACING_S = 0.2, 4.0  # readings in a burst grow apart, so they never use up the rate limit
MAX_ONE_BY_ONE = 20  # beyond, asking for every symbol at once weighs less than asking for each


class AccountReader:
    """Feeds an AccountRead for every reading that succeeds; one that fails says nothing at all."""

    def __init__(self, context: Context, session: TradingSession, who: dict[str, str], symbols: set[str]) -> None:
        self.symbols = symbols
        """Every symbol that was configured, traded or seen."""
        self._context = context
        self._session = session
        self._who: dict[str, Any] = dict(who)
        self._fills_since_ns = 0
        self._stops: tuple[VenueStop, ...] = ()
        self._wake = asyncio.Event()
        self._due_s = 0.0
        self._last_read_s = -CALM_S
        self._spacing_s = 0.0
        self._last_full_s = -1e9

    def fills_since(self, ts_ns: int) -> None:
        """Read fills from this time on, with an overlap."""
        self._fills_since_ns = max(ts_ns - OVERLAP_NS, 0)

    def read_later(self, command: ReadAccount) -> None:
        """Have the account read, no later than this wish says."""
        self._due_s = min(self._due_s, elapsed_s() + command.after_ms / 1_000)
        self._wake.set()

    async def read_first(self) -> None:
        """Read the account for the first time, as often as it takes; not ready meanwhile."""
        pause_s = FIRST_RETRY_S
        while True:
            try:
                return await self.read()
            except VenueError as error:
                self.unready(error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LAST_RETRY_S)

    async def keep_reading(self) -> None:
        """Read the account when somebody asks and at least every ``reconcile_every_s``."""
        pause_s = FIRST_RETRY_S
        while True:
            await self._wait_until_due()
            try:
                await self.read()
                pause_s = FIRST_RETRY_S
            except VenueError as error:
                self.unready(error)
                self._context.metrics.count("seawall_errors_total", kind="venue_read")
                self._due_s = elapsed_s() + pause_s
                pause_s = min(2 * pause_s, LAST_RETRY_S)

    async def read(self) -> None:
        """Read everything and feed it. Raises VenueError: a failed reading says nothing at all."""
        started_s, started_ns = elapsed_s(), self._context.now_ns()
        every = self._context.config.execution.reconcile_every_s
        full = started_s - self._last_full_s >= every - 1 or len(self.symbols) > MAX_ONE_BY_ONE
        self._due_s = started_s + every
        orders, stops, positions, balances = await asyncio.gather(
            self._orders(full), self._all_stops(full), self._session.positions(), self._session.balances()
        )
        self.symbols |= {order.symbol for order in orders} | {held.symbol for held in positions}
        # after the positions: a fill that made a position is then always in the same reading
        fills = await self._fills(self._fills_since_ns)
        history = await self._history({fill.symbol for fill in fills}, self._fills_since_ns)
        self._fills_since_ns = max(started_ns + self._session.clock_offset_ns - OVERLAP_NS, 0)
        if full:
            self._last_full_s = started_s
        self._stops = stops
        self._context.set_ready(self._part, True)
        self._context.metrics.count("seawall_account_readings_total", **self._who)
        await self._context.feed(
            AccountRead(
                **self._who,
                ts_started_ns=started_ns,
                symbols=None if full else frozenset(self._listed()),
                orders=orders,
                history=history,
                stops=stops,
                fills=fills,
                positions=positions,
                balances=balances,
            )
        )

    async def _orders(self, full: bool) -> tuple[VenueOrder, ...]:
        if full:
            return await self._session.open_orders()
        rows = await asyncio.gather(*(self._session.open_orders(symbol) for symbol in self._listed()))
        return tuple(order for orders in rows for order in orders)

    async def _all_stops(self, full: bool) -> tuple[VenueStop, ...]:
        return await self._session.open_stops() if full else self._stops

    async def _fills(self, since_ns: int) -> tuple[VenueFill, ...]:
        rows = await asyncio.gather(*(self._session.fills(symbol, since_ns) for symbol in self._listed()))
        return tuple(fill for fills in rows for fill in fills)

    async def _history(self, symbols: set[str], since_ns: int) -> tuple[VenueOrder, ...]:
        rows = await asyncio.gather(*(self._session.order_history(symbol, since_ns) for symbol in sorted(symbols)))
        return tuple(order for orders in rows for order in orders)

    def _listed(self) -> list[str]:
        """Return the symbols to ask for; a contract without rules shows up in positions and full readings only."""
        listed = []
        for symbol in sorted(self.symbols):
            try:
                self._session.instrument(symbol)
            except UnknownInstrumentError:
                continue
            listed.append(symbol)
        return listed

    async def _wait_until_due(self) -> None:
        while True:
            self._wake.clear()
            now_s = elapsed_s()
            if now_s - self._last_read_s > CALM_S:
                self._spacing_s = 0.0
            left_s = max(self._due_s, self._last_read_s + self._spacing_s) - now_s
            if left_s <= 0:
                break
            try:
                async with asyncio.timeout(left_s):
                    await self._wake.wait()
            except TimeoutError:
                break
        self._last_read_s = elapsed_s()
        self._spacing_s = min(max(2 * self._spacing_s, FIRST_SPACING_S), LAST_SPACING_S)

    def unready(self, error: VenueError) -> None:
        """Say that the venue cannot be asked."""
        self._context.set_ready(self._part, False, str(error))

    @property
    def _part(self) -> str:
        return f"venue {self._who['venue']}"
