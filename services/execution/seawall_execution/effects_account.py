"""One account at the venue: its session, its user stream, its readings, its requests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, Protocol

from seawall_proto import PositionSnapshot
from seawall_runtime.app import Config, Context
from seawall_runtime.clock import elapsed_s
from seawall_venues.outcomes import NOT_SENT, rejected
from seawall_venues.port import (
    OrderRequest,
    OrderUpdate,
    Outcome,
    PositionUpdate,
    Result,
    StopUpdate,
    StreamChanged,
    TradingSession,
    UnknownInstrumentError,
    UserUpdate,
    VenueError,
    VenueFill,
    VenueOrder,
    VenueStop,
)

from .commands import CancelOrder, CheckPosition, PlaceOrder, ReadAccount, SearchOrder
from .facts import (
    AccountRead,
    OrderAnswered,
    OrderReported,
    OrderSearched,
    OrderUnsent,
    PositionDoubted,
    PositionReported,
    UserStreamChanged,
)
from .requests import order_request

SECOND_NS = 1_000_000_000
STREAM_WITHIN_S = 5.0  # without a user stream exits are still possible, so starting goes on
SEND_WITHIN_S = 1.0  # a process that slept longer between commit and request may have been replaced
OVERLAP_NS = 60 * SECOND_NS  # the venue may list a fill late; booking twice is prevented by its id
FIRST_RETRY_S, LAST_RETRY_S = 0.25, 5.0
CALM_S = 10.0  # a reading this long after the last one is not part of a burst
FIRST_SPACING_S, LAST_SPACING_S = 0.2, 4.0  # readings in a burst grow apart, so they never use up the rate limit
MAX_DELAYED = 1_024  # searches and checks waiting for their time; more orders are never in doubt at once


class Feeds(Protocol):
    """What an account needs to know of the service around it."""

    context: Context

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run something beside the loop; where it breaks, the process ends."""


class AccountHands:
    """Does what decisions command for one account, and feeds back what came of it."""

    def __init__(
        self, effects: Feeds, session: TradingSession, venue: str, account: str, symbols: tuple[str, ...]
    ) -> None:
        self.session = session
        self.venue = venue
        self.account = account
        self._effects = effects
        self._context = effects.context
        self._config: Config = effects.context.config
        self.symbols = symbols
        self._symbols = set(symbols)
        self._fills_since_ns = 0
        self._stops: tuple[VenueStop, ...] = ()
        self._wake = asyncio.Event()
        self._heard = asyncio.Event()
        self._due_s = 0.0
        self._last_read_s = -CALM_S
        self._spacing_s = 0.0
        self._last_full_s = -1e9
        self._delayed = 0
        self._sent_ns: dict[str, int] = {}
        """When the requests left that are not answered yet: the stream may tell of them first."""

    async def open(self) -> None:
        """Open the session, as often as it takes; not ready meanwhile."""
        pause_s = FIRST_RETRY_S
        while True:
            try:
                await self.session.open()
            except VenueError as error:
                self._unready(error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LAST_RETRY_S)
            else:
                return

    def fills_since(self, ts_ns: int) -> None:
        """Read fills from this time on, with an overlap."""
        self._fills_since_ns = max(ts_ns - OVERLAP_NS, 0)

    async def place(self, command: PlaceOrder, committed_s: float) -> None:
        """Send one order, once, unless its time is over."""
        late = self._too_late(command, committed_s)
        if late:
            await self._feed(OrderUnsent(**self._who, client_order_id=command.client_order_id, reason=late))
            return
        try:
            request = order_request(command, self.session.instrument(command.symbol))
        except VenueError as error:
            result = rejected(NOT_SENT, str(error))
        else:
            self._symbols.add(command.symbol)
            result = await self._send(request)
        self._measure(command, result)
        await self._feed(OrderAnswered(**self._who, client_order_id=command.client_order_id, result=result))

    async def _send(self, request: OrderRequest) -> Result:
        def note(ts_sent_ns: int) -> None:
            self._sent_ns[request.client_order_id] = ts_sent_ns

        try:
            return await self.session.place_order(request, note)
        finally:
            self._sent_ns.pop(request.client_order_id, None)

    async def cancel(self, command: CancelOrder) -> None:
        """Cancel one order; where that is not proven, look at the order itself."""
        result = await self.session.cancel_order(command.symbol, command.client_order_id)
        if result.outcome is Outcome.ACCEPTED and result.order is not None:
            await self._feed(OrderReported(**self._who, order=result.order))
            return
        await self._search(command.symbol, command.client_order_id, self._context.now_ns() - OVERLAP_NS)

    def search_later(self, command: SearchOrder) -> None:
        """Look for an order when its time has come."""
        self._symbols.add(command.symbol)
        since_ns = command.since_ns + self.session.clock_offset_ns
        self._later(command.after_ms, self._search(command.symbol, command.client_order_id, since_ns))

    def check_later(self, command: CheckPosition) -> None:
        """Come back to a doubted position."""
        self._later(command.after_ms, self._feed(PositionDoubted(**self._who, symbol=command.symbol)))

    def read_later(self, command: ReadAccount) -> None:
        """Have the account read, no later than this wish says."""
        self._due_s = min(self._due_s, elapsed_s() + command.after_ms / 1_000)
        self._wake.set()

    async def read_first(self) -> None:
        """Read the account for the first time, as often as it takes; not ready meanwhile.

        The user stream comes first where it can be had, so that what follows the reading is heard.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STREAM_WITHIN_S):
                await self._heard.wait()
        pause_s = FIRST_RETRY_S
        while True:
            try:
                return await self.read()
            except VenueError as error:
                self._unready(error)
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
                self._unready(error)
                self._context.metrics.count("seawall_errors_total", kind="venue_read")
                self._due_s = elapsed_s() + pause_s
                pause_s = min(2 * pause_s, LAST_RETRY_S)

    async def read(self) -> None:
        """Read everything and feed it. Raises VenueError: a failed reading says nothing at all."""
        started_s, started_ns = elapsed_s(), self._context.now_ns()
        every = self._config.execution.reconcile_every_s
        full = started_s - self._last_full_s >= every - 1 or len(self._symbols) > 20
        self._due_s = started_s + every
        orders, stops, positions, balances = await asyncio.gather(
            self._orders(full), self._all_stops(full), self.session.positions(), self.session.balances()
        )
        self._symbols |= {order.symbol for order in orders} | {held.symbol for held in positions}
        # after the positions: a fill that made a position is then always in the same reading
        fills = await self._fills(self._fills_since_ns)
        history = await self._history({fill.symbol for fill in fills}, self._fills_since_ns)
        self._fills_since_ns = max(started_ns + self.session.clock_offset_ns - OVERLAP_NS, 0)
        if full:
            self._last_full_s = started_s
        self._stops = stops
        self._context.set_ready(f"venue {self.venue}", True)
        self._context.metrics.count("seawall_account_readings_total", venue=self.venue, account=self.account)
        await self._feed(
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

    async def listen(self) -> None:
        """Feed what the user stream says, for ever."""
        async for update in self.session.updates():
            await self._hear(update)

    async def _hear(self, update: UserUpdate) -> None:
        received_ns = update.ts_received_ns
        match update:
            case OrderUpdate():
                self._symbols.add(update.order.symbol)
                await self._feed(
                    OrderReported(
                        **self._who,
                        ts_received_ns=received_ns,
                        order=update.order,
                        fill=update.fill,
                        ts_sent_ns=self._sent_ns.get(update.order.client_order_id, 0),
                    )
                )
            case PositionUpdate():
                self._symbols.add(update.symbol)
                await self._feed(
                    PositionReported(
                        **self._who,
                        ts_received_ns=received_ns,
                        symbol=update.symbol,
                        quantity=update.quantity,
                        entry_price=update.entry_price,
                    )
                )
            case StreamChanged():
                self._context.set_ready(f"user stream {self.venue}", update.connected, update.reason)
                self._context.log.info(f"user stream of {self.venue}/{self.account}: {update.reason}")
                await self._feed(
                    UserStreamChanged(
                        **self._who, ts_received_ns=received_ns, connected=update.connected, reason=update.reason
                    )
                )
                self._heard.set()
            case StopUpdate():
                return  # stops are the guardian's; the order a stop becomes arrives as an OrderUpdate

    async def _search(self, symbol: str, client_order_id: str, since_ns: int) -> None:
        """Look in every place that could know the order; a place that cannot be read leaves it incomplete."""
        found: VenueOrder | None = None
        history: tuple[VenueOrder, ...] = ()
        fills: tuple[VenueFill, ...] = ()
        position: PositionSnapshot | None = None
        problem = ""
        try:
            found = _named(await self.session.open_orders(symbol), client_order_id)
            found = found or await self.session.find_order(symbol, client_order_id)
            if found is None:
                history = await self.session.order_history(symbol, since_ns)
                found = _named(history, client_order_id)
            if found is None:
                positions = await self.session.positions()
                position = next((one for one in positions if one.symbol == symbol), None)
                fills = await self.session.fills(symbol, since_ns)
        except VenueError as error:
            problem = str(error)
        await self._feed(
            OrderSearched(
                **self._who,
                client_order_id=client_order_id,
                symbol=symbol,
                found=found,
                complete=not problem,
                history=history,
                fills=fills,
                position=position,
                problem=problem,
            )
        )

    async def _orders(self, full: bool) -> tuple[VenueOrder, ...]:
        if full:
            return await self.session.open_orders()
        rows = await asyncio.gather(*(self.session.open_orders(symbol) for symbol in self._listed()))
        return tuple(order for orders in rows for order in orders)

    async def _all_stops(self, full: bool) -> tuple[VenueStop, ...]:
        return await self.session.open_stops() if full else self._stops

    async def _fills(self, since_ns: int) -> tuple[VenueFill, ...]:
        rows = await asyncio.gather(*(self.session.fills(symbol, since_ns) for symbol in self._listed()))
        return tuple(fill for fills in rows for fill in fills)

    async def _history(self, symbols: set[str], since_ns: int) -> tuple[VenueOrder, ...]:
        rows = await asyncio.gather(*(self.session.order_history(symbol, since_ns) for symbol in sorted(symbols)))
        return tuple(order for orders in rows for order in orders)

    def _listed(self) -> list[str]:
        """Return the symbols to ask for; a contract without rules shows up in positions and full readings only."""
        listed = []
        for symbol in sorted(self._symbols):
            try:
                self.session.instrument(symbol)
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

    def _later(self, after_ms: int, work: Coroutine[Any, Any, None]) -> None:
        async def wait() -> None:
            try:
                await asyncio.sleep(after_ms / 1_000)
                await work
            finally:
                work.close()  # where the wait was cut short
                self._delayed -= 1

        if self._delayed >= MAX_DELAYED:
            work.close()
            raise RuntimeError(f"more than {MAX_DELAYED} searches are waiting")
        self._delayed += 1
        self._effects.spawn(wait(), "later")

    def _too_late(self, command: PlaceOrder, committed_s: float) -> str:
        waited_s = elapsed_s() - committed_s
        if waited_s > SEND_WITHIN_S:
            return f"not sent: {waited_s:.1f} s passed since it was written down"
        if command.expires_at_ns and self._context.now_ns() > command.expires_at_ns:
            return "not sent: the approval has expired"
        return ""

    def _measure(self, command: PlaceOrder, result: Result) -> None:
        self._context.metrics.count("seawall_order_requests_total", outcome=result.outcome.value)
        if result.ts_sent_ns and command.ts_tick_ns:
            seconds = (result.ts_sent_ns - command.ts_tick_ns) / SECOND_NS
            self._context.metrics.observe("seawall_tick_to_order_seconds", seconds)

    def _unready(self, error: VenueError) -> None:
        self._context.set_ready(f"venue {self.venue}", False, str(error))

    @property
    def _who(self) -> dict[str, Any]:
        return {"venue": self.venue, "account": self.account}

    async def _feed(self, fact: Any) -> None:
        await self._context.feed(fact)


def _named(orders: tuple[VenueOrder, ...], client_order_id: str) -> VenueOrder | None:
    return next((order for order in orders if order.client_order_id == client_order_id), None)
