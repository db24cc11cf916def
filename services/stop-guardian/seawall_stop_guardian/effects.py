"""The guardian's hands: one watch an account, a journal each, and the scribe. None waits for NATS or PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import msgspec

from seawall_proto import AlertRaised, Event, PositionFlattened, ProtectionChanged, StopChanged
from seawall_runtime.config import VenueConfig
from seawall_runtime.context import Context
from seawall_runtime.effects import BaseEffects
from seawall_runtime.errors import StartError
from seawall_stop_guardian import commands as c
from seawall_stop_guardian.effects_scribe import Scribe
from seawall_stop_guardian.facts import FlattenWished
from seawall_stop_guardian.journal import Journal
from seawall_stop_guardian.scope import covers
from seawall_stop_guardian.session_account import GuardedAccount, steady_clock
from seawall_stop_guardian.session_requests import VenueRequests
from seawall_stop_guardian.session_watch import VenueWatch
from seawall_venues.binance.trading_session import BinanceTradingSession
from seawall_venues.port import TradingSession, VenueError

Account = tuple[str, str]


class GuardianEffects(BaseEffects):
    """Watches every configured account with the guardian's own key."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._now_ns = steady_clock(context.now_ns)
        self._watches: dict[Account, VenueWatch] = {}
        self._scribe = Scribe(context, ())
        self._scribing: asyncio.Task[None] | None = None
        self._unprotected: set[tuple[str, str, str]] = set()

    async def start(self) -> None:
        """Begin to watch; returns at once, whatever is down."""
        for venue in self.context.config.traded_venues:
            if venue.trade_key is None and venue.guardian_key is None:
                continue  # only its market data is used: there can be no position
            self._watches[venue.name, venue.account] = self._watch(venue)
        if not self._watches:
            raise StartError("no [[venues]] with a key in the configuration: there is nothing to guard")
        self._scribe = Scribe(self.context, [watch.account.journal for watch in self._watches.values()])
        for watch in self._watches.values():
            await watch.start()
        self.context.metrics.set("seawall_unprotected_positions", 0)
        self.context.set_ready("database", False, "connecting")
        self._scribing = asyncio.create_task(self._scribe.run(), name="scribe")

    async def publish(self, events: Sequence[Event], cause: Event) -> None:
        """Note what was said in the journal; the ledger and the bus get it from there, when they can."""
        for event in events:
            self._measure(event)
            if isinstance(event, AlertRaised):
                self.context.bus.publish_nowait(event)
            elif isinstance(event, StopChanged | ProtectionChanged | PositionFlattened):
                self.context.log.info(_line(event), symbol=event.symbol, event_id=event.id)
                self._watches[event.venue, event.account].account.journal.queue((event,))
        self._scribe.wake()

    async def perform(self, command: msgspec.Struct, cause: Event) -> None:
        """Carry out one command at the account it names."""
        if isinstance(command, c.SpreadFlatten):
            return await self._spread(command)
        if isinstance(command, c.Remember):
            return self._watches[command.memory.venue, command.memory.account].account.journal.remember(command.memory)
        if not isinstance(command, c.Command):
            raise TypeError(f"stop-guardian cannot perform {type(command).__name__}")
        watch = self._watches.get((command.venue, command.account))
        if watch is None:
            return None  # a message about an account that another guardian watches
        if isinstance(command, c.ReadAccount):
            return watch.reader.want()
        return await _at_venue(watch.requests, command)

    async def stop(self) -> None:
        """Stop watching; stops at the venue stay."""
        if self._scribing is not None:
            self._scribing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._scribing
        await self._scribe.close()
        for watch in self._watches.values():
            await watch.stop()

    def _watch(self, venue: VenueConfig) -> VenueWatch:
        part = f"journal {venue.name}/{venue.account}"
        path = self.context.config.data_dir / "stop-guardian" / f"{venue.name}-{venue.account}.jsonl"

        def on_health(problem: str) -> None:
            self.context.set_ready(part, not problem, problem)
            if problem:
                self.context.metrics.count("seawall_errors_total", kind="journal")
                self.context.log.error(f"{problem}: protection goes on, its memory only in this process")

        journal = Journal(path, on_health=on_health)
        account = GuardedAccount(self.context, venue, self._session(venue), journal, self._now_ns)
        return VenueWatch(account, self.context.config.stop_guardian)

    def _session(self, venue: VenueConfig) -> TradingSession:
        if venue.guardian_key is None:
            raise StartError(f"venues.{venue.name}: no guardian_key: the guardian trades with a key of its own")
        try:
            return BinanceTradingSession(
                venue,
                venue.guardian_key,
                clock_ns=self._now_ns,
                receive_window_ms=self.context.config.execution.receive_window_ms,
                protective=True,
            )
        except VenueError as error:
            raise StartError(str(error)) from error

    async def _spread(self, command: c.SpreadFlatten) -> None:
        asked_ns = command.ts_requested_ns or self.context.now_ns()
        for watch in self._watches.values():
            account = watch.account
            for symbol in tuple(account.symbols):
                if covers(command.scope, account.venue, account.account, symbol):
                    await account.feed(
                        FlattenWished(
                            venue=account.venue,
                            account=account.account,
                            symbol=symbol,
                            reason=command.reason,
                            age_ns=self.context.now_ns() - asked_ns,
                        )
                    )

    def _measure(self, event: Event) -> None:
        metrics = self.context.metrics
        if isinstance(event, ProtectionChanged):
            who = (event.venue, event.account, event.symbol)
            (self._unprotected.add if event.state == "unprotected" else self._unprotected.discard)(who)
            metrics.set("seawall_unprotected_positions", len(self._unprotected))
            if event.state == "protected":
                metrics.observe("seawall_unprotected_ms", event.unprotected_ms)
        elif isinstance(event, StopChanged) and event.verified:
            metrics.count("seawall_stops_verified_total")
        elif isinstance(event, PositionFlattened):
            metrics.count("seawall_positions_flattened_total")


async def _at_venue(requests: VenueRequests, command: c.Command) -> None:
    if isinstance(command, c.PlaceStop):
        await requests.place_stop(command)
    elif isinstance(command, c.CancelStop):
        await requests.cancel_stop(command)
    elif isinstance(command, c.LookUpStop):
        await requests.look_up_stop(command)
    elif isinstance(command, c.ReadFills):
        await requests.read_fills(command)
    elif isinstance(command, c.FlattenPosition):
        await requests.flatten(command)
    else:
        raise TypeError(f"stop-guardian cannot perform {type(command).__name__}")


def _line(event: StopChanged | ProtectionChanged | PositionFlattened) -> str:
    if isinstance(event, StopChanged):
        verified = ", verified" if event.verified else ""
        what = f"stop {event.side} {event.quantity} at {event.trigger_price} {event.state}{verified}"
    elif isinstance(event, ProtectionChanged):
        what = f"{event.state}: position {event.position_quantity}, {event.unprotected_ms} ms without a verified stop"
    else:
        what = f"closed {event.quantity}"
    return f"{event.symbol} {what}{': ' + event.reason if event.reason else ''}"
