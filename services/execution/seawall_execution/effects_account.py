"""One account at the venue: its session, its user stream, its readings, its requests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, Protocol

from seawall_proto import PositionSnapshot
from seawall_runtime.app import Context
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
    UserUpdate,
    VenueError,
    VenueFill,
    VenueOrder,
)

from .commands import CancelOrder, CheckPosition, PlaceOrder, SearchOrder
from .effects_reading import FIRST_RETRY_S, LAST_RETRY_S, OVERLAP_NS, AccountReader
from .facts import (
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
        self.symbols = symbols
        self.reader = AccountReader(effects.context, session, self._who, set(symbols))
        self._heard = asyncio.Event()
        self._is_connected = False
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
                self.reader.unready(error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LAST_RETRY_S)
            else:
                return

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
            self.reader.symbols.add(command.symbol)
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
        self.reader.symbols.add(command.symbol)
        since_ns = command.since_ns + self.session.clock_offset_ns
        self._later(command.after_ms, self._search(command.symbol, command.client_order_id, since_ns))

    def check_later(self, command: CheckPosition) -> None:
        """Come back to a doubted position."""
        self._later(command.after_ms, self._feed(PositionDoubted(**self._who, symbol=command.symbol)))

    async def read_first(self) -> None:
        """Read the account, after the user stream where that can be had: what follows the reading is then heard."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STREAM_WITHIN_S):
                await self._heard.wait()
        await self.reader.read_first()

    async def listen(self) -> None:
        """Feed what the user stream says, for ever."""
        async for update in self.session.updates():
            await self._hear(update)

    async def _hear(self, update: UserUpdate) -> None:
        received_ns = update.ts_received_ns
        match update:
            case OrderUpdate():
                self.reader.symbols.add(update.order.symbol)
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
                self.reader.symbols.add(update.symbol)
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
                if update.connected and self._is_connected:
                    self._context.metrics.count("seawall_errors_total", kind="user_frame")
                self._is_connected = update.connected
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

    @property
    def _who(self) -> dict[str, Any]:
        return {"venue": self.venue, "account": self.account}

    async def _feed(self, fact: Any) -> None:
        await self._context.feed(fact)


def _named(orders: tuple[VenueOrder, ...], client_order_id: str) -> VenueOrder | None:
    return next((order for order in orders if order.client_order_id == client_order_id), None)
