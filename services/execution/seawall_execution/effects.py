"""What execution does: write down, send, listen, compare."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

import msgspec

from seawall_ledger import Ledger, LedgerError, LedgerUnavailable, OutboxRelay, SchemaMismatch, connect
from seawall_proto import ROUTE_OF, Delivery, Event, TradingHalted
from seawall_runtime.app import Context
from seawall_runtime.config import VenueConfig
from seawall_runtime.effects import BaseEffects
from seawall_runtime.errors import BusError, StartError
from seawall_venues.binance.trading_session import BinanceTradingSession
from seawall_venues.port import TradingSession, VenueError

from .commands import CancelOrder, CheckPosition, PlaceOrder, ReadAccount, SearchOrder, TellFlatten
from .effects_account import AccountHands
from .effects_ledger import DRIVER_LOST, Commits
from .effects_reading import OVERLAP_NS
from .facts import FlattenWanted, HaltsRead, LedgerRead

Value = TypeVar("Value")

RETRY_S = 0.5
PATIENCE_S = 1.0  # then /readyz says so; what must be written is tried for ever
HALTS_EVERY_S = 1.0  # a halt that the stream did not bring is seen in the database within this


def binance_session(context: Context, venue: VenueConfig) -> TradingSession:
    """Return the trading session of one configured account. Raises StartError where its key is unusable."""
    assert venue.trade_key is not None
    try:
        return BinanceTradingSession(
            venue,
            venue.trade_key,
            clock_ns=context.now_ns,
            receive_window_ms=context.config.execution.receive_window_ms,
        )
    except VenueError as error:
        raise StartError(f"venue {venue.name}: {error}") from error


class ExecutionEffects(BaseEffects):
    """The only writer of orders, fills and positions, and the only sender of orders."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._accounts: dict[tuple[str, str], AccountHands] = {}
        self._ledger: Ledger | None = None
        self._commits: Commits | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Open ledger and venues, rebuild every account, and compare it with its venue."""
        venues = [venue for venue in self.context.config.traded_venues if venue.trade_key is not None]
        for venue in venues:
            session = binance_session(self.context, venue)
            hands = AccountHands(self, session, venue.name, venue.account, venue.symbols)
            self._accounts[venue.name, venue.account] = hands
            self.context.set_ready(f"venue {venue.name}", False, "connecting")
        self._ledger = ledger = await self._connect()
        self._commits = Commits(self.context, ledger)
        relay = OutboxRelay(ledger, self.context.bus, retry_on=(BusError,))
        self.spawn(self._relay(relay), "relay")
        halts = await _patiently(ledger.halts)
        await self.context.feed(HaltsRead(halts=halts))
        for hands in self._accounts.values():
            await self._rebuild(ledger, hands)
        self.spawn(self._watch_halts(ledger, halts), "halts")

    async def publish(self, events: Sequence[Event], cause: Event) -> None:
        """Commit what the ledger keeps, then send what is only said."""
        kept = [event for event in events if ROUTE_OF[type(event)].delivery is Delivery.LEDGER]
        if kept:
            assert self._commits is not None
            for recalled in await self._commits.write(kept, cause):
                self.spawn(self.context.feed(recalled), "recalled")
        for event in events:
            if ROUTE_OF[type(event)].delivery is Delivery.FLOW:
                self.context.bus.publish_nowait(event)

    async def perform(self, command: msgspec.Struct, cause: Event) -> None:
        """Carry out one command; what comes of it returns as a fact."""
        match command:
            case TellFlatten(scope=scope, request_id=request_id, reason=reason):
                for hands in self._accounts.values():
                    await self.context.feed(
                        FlattenWanted(
                            venue=hands.venue,
                            account=hands.account,
                            scope=scope,
                            request_id=request_id,
                            reason=reason,
                        )
                    )
            case PlaceOrder(venue=venue, account=account, client_order_id=client_order_id):
                assert self._commits is not None
                committed_s = self._commits.take_intended(client_order_id)
                if committed_s is not None:
                    await self._accounts[venue, account].place(command, committed_s)
            case CancelOrder(venue=venue, account=account):
                await self._accounts[venue, account].cancel(command)
            case SearchOrder(venue=venue, account=account):
                self._accounts[venue, account].search_later(command)
            case CheckPosition(venue=venue, account=account):
                self._accounts[venue, account].check_later(command)
            case ReadAccount(venue=venue, account=account):
                self._accounts[venue, account].reader.read_later(command)
            case _:
                await super().perform(command, cause)

    async def stop(self) -> None:
        """End every task and close every connection; orders at the venue stay as they are."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for hands in self._accounts.values():
            await hands.session.close()
        if self._ledger is not None:
            await self._ledger.close()

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run something beside the loop; where it breaks, the process ends."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.context.log.error(f"task {task.get_name()} broke: {error!r}", exc_info=error)
            self.context.fail(error)

    async def _connect(self) -> Ledger:
        self.context.set_ready("ledger", False, "connecting")
        while True:
            try:
                ledger = await connect(self.context.config.database, application="execution", patience_s=PATIENCE_S)
            except SchemaMismatch as error:
                raise StartError(str(error)) from error
            except LedgerUnavailable as error:
                self.context.set_ready("ledger", False, str(error))
                self.context.log.warning(f"the ledger cannot be reached: {error}")
                await asyncio.sleep(RETRY_S)
            else:
                self.context.set_ready("ledger", True)
                return ledger

    async def _rebuild(self, ledger: Ledger, hands: AccountHands) -> None:
        """Take the account from the ledger, then from the venue; whatever differs becomes events."""
        await hands.open()
        who = (hands.venue, hands.account)
        last = await _patiently(lambda: ledger.last_reconciled(*who))
        since_ns = last.ts_received_ns if last is not None else self.context.now_ns()
        hands.reader.fills_since(since_ns + hands.session.clock_offset_ns)
        booked_since_ns = since_ns + hands.session.clock_offset_ns - 2 * OVERLAP_NS
        try:
            rules = {symbol: hands.session.instrument(symbol) for symbol in hands.symbols}
        except VenueError as error:
            raise StartError(f"venues.symbols: {error}") from error
        await self.context.feed(
            LedgerRead(
                venue=hands.venue,
                account=hands.account,
                open_orders=await _patiently(lambda: ledger.open_orders(*who)),
                positions=await _patiently(lambda: ledger.positions(*who)),
                fills=await _patiently(lambda: ledger.fills_since(*who, booked_since_ns)),
                last_reconciled=last,
                market_max={symbol: rule.market_max_quantity for symbol, rule in rules.items()},
            )
        )
        self.spawn(hands.listen(), "user stream")
        await hands.read_first()
        self.spawn(hands.reader.keep_reading(), "readings")

    async def _relay(self, relay: OutboxRelay) -> None:
        while True:
            try:
                await relay.run()
            except (LedgerError, DRIVER_LOST) as error:
                self.context.log.error(f"the outbox of execution waits: {error}")
            await asyncio.sleep(RETRY_S)

    async def _watch_halts(self, ledger: Ledger, known: tuple[TradingHalted, ...]) -> None:
        """See halts that the stream did not bring; a resume comes by the stream or after a restart."""
        while True:
            await asyncio.sleep(HALTS_EVERY_S)
            try:
                halts = await ledger.halts()
            except (LedgerError, DRIVER_LOST) as error:
                # nothing can be written either, and so nothing leaves
                self.context.set_ready("ledger", False, str(error))
                continue
            self.context.set_ready("ledger", True)
            if halts != known:
                known = halts
                await self.context.feed(HaltsRead(halts=halts))


async def _patiently(read: Callable[[], Awaitable[Value]]) -> Value:
    """Repeat a reading of the ledger until it answers: starting without it would be starting blind."""
    while True:
        try:
            return await read()
        except (LedgerUnavailable, DRIVER_LOST):
            await asyncio.sleep(RETRY_S)
