"""One venue's feed as a process sees it: frames to decisions, decisions to the bus and back to the venue.

A frame is decided on where it arrives and its ticks leave at once: a queue in between would cost more
than the decision itself.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any

import msgspec

from seawall_proto import BarClosed, BookChanged, Event, FeedChanged, QuoteTicked, TradePrinted
from seawall_runtime.config import VenueConfig
from seawall_runtime.context import Context
from seawall_runtime.errors import StartError
from seawall_runtime.telemetry import Handling, handling_of
from seawall_venues.feed import Channel
from seawall_venues.feed_session import FeedSession
from seawall_venues.feeds import FEEDS
from seawall_venues.instruments import find_instrument
from seawall_venues.port import Instrument, UnknownInstrumentError, VenueError
from seawall_venues.wire import FeedOptions, FeedSpec

from .commands import FetchBars, FetchSnapshot, FetchTrades, NoteTrouble, PollBook, Renew
from .facts import (
    ConnectionChanged,
    FeedFact,
    FrameLost,
    FrameReceived,
    InstrumentFetched,
    MomentPassed,
    SubscriptionRefused,
)
from .feed_metrics import FeedMetrics
from .service import SERVICE
from .state import Market
from .venue_reads import VenueReads

MOMENT_EVERY_S = 0.05  # how late a bar that no trade closes may be said
MAX_LATE_S = 0.2  # after a longer pause of ours, frames that wait are taken before any feed is called silent
INSTRUMENTS_EVERY_S = 3_600.0  # a venue changes its rules a few times a year
MAX_START_PAUSES = 3  # pauses double up to a second: nothing works before the venue answers, and it costs little
RENEWED_S = 1.0  # after this a subscription that was asked for has begun
MAX_RENEWING = 60  # of these; no pace of a venue lets a message wait longer
IDLE_TIMES = 2  # a connection silent twice as long as makes a feed stale is replaced
MAX_UNSENT_BARS = 1_200  # ten minutes of one-second bars of two symbols; NATS is back in seconds
TICKS = frozenset({QuoteTicked, TradePrinted, BookChanged})


class VenueFeed:
    """The sockets of one venue, wired to the decisions on its symbols."""

    def __init__(self, context: Context, config: VenueConfig, states: dict[str, Market]) -> None:
        self._context = context
        self._name = config.name
        self._states = states
        self._metrics = FeedMetrics(context.metrics, context.log, config.name)
        self._jitter = random.Random(f"{config.name}/{context.instance}")  # noqa: S311  spreads retries, no secret
        spec, settings = FEEDS[config.name], context.config.market_data
        idle_s = max(spec.rules.idle_s, IDLE_TIMES * settings.stale_after_ms / 1_000)
        self._session = FeedSession(
            spec,
            rest_url=config.rest_url,
            websocket_url=config.websocket_url,
            listener=self,
            now_ns=context.now_ns,
            jitter=self._jitter,
            options=FeedOptions(settings.depth_every_ms, _candle_interval_ms(spec, settings.bar_interval_ms)),
            rules=dataclasses.replace(spec.rules, idle_s=idle_s),
        )
        instrument_of = lambda symbol: states[symbol].instrument  # noqa: E731
        self._reads = VenueReads(self._session, instrument_of, self._react, self._metrics, context.now_ns, self._jitter)
        self._unsent: deque[BarClosed] = deque(maxlen=MAX_UNSENT_BARS)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Read the instruments, trying until the venue answers, then open the sockets.

        Raises StartError where a configured symbol is not listed.
        """
        self._show_readiness()
        instruments = await self._read_instruments()
        for instrument in instruments:
            self._react(self._instrument_fetched(instrument))
        self._spawn(self._session.run(instruments))
        self._spawn(self._tell_time())
        self._spawn(self._keep_instruments())

    async def stop(self) -> None:
        """Close the sockets and end every read."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    def on_frame(self, symbol: str, channel: Channel, payload: bytes, ts_received_ns: int) -> None:
        """Decide on a frame."""
        is_timed = self._metrics.frame(channel)
        self._react(
            FrameReceived(
                venue=self._name, symbol=symbol, channel=channel, payload=payload, ts_received_ns=ts_received_ns
            )
        )
        if is_timed:
            self._metrics.timed((self._context.now_ns() - ts_received_ns) / 1e9)

    def on_lost(self, symbol: str, channels: tuple[Channel, ...], reason: str, ts_received_ns: int) -> None:
        """Decide on a frame that nobody can read."""
        self._react(
            FrameLost(venue=self._name, symbol=symbol, channels=channels, reason=reason, ts_received_ns=ts_received_ns)
        )

    def on_connection(
        self, symbol: str, channels: tuple[Channel, ...], connected: bool, reason: str, ts_received_ns: int
    ) -> None:
        """Decide on a connection that came or went."""
        self._react(
            ConnectionChanged(
                venue=self._name,
                symbol=symbol,
                channels=channels,
                connected=connected,
                reason=reason,
                ts_received_ns=ts_received_ns,
            )
        )

    def on_refused(self, symbol: str, channel: Channel, reason: str, is_final: bool, ts_received_ns: int) -> None:
        """Decide on a subscription that the venue did not accept."""
        self._react(
            SubscriptionRefused(
                venue=self._name,
                symbol=symbol,
                channel=channel,
                reason=reason,
                is_final=is_final,
                ts_received_ns=ts_received_ns,
            )
        )

    def _react(self, fact: FeedFact) -> None:
        _, said = SERVICE.on[type(fact)](self._states[fact.symbol], fact)
        publish = self._context.bus.publish_nowait
        for item in said:
            if type(item) in TICKS:
                publish(item)  # type: ignore[arg-type]
            elif isinstance(item, BarClosed):
                self._publish_bar(item, fact)
            elif isinstance(item, Event):
                publish(item)
                if isinstance(item, FeedChanged):
                    self._metrics.feed(item.symbol, item.state)
                    self._show_readiness()
            else:
                self._perform(item)

    def _publish_bar(self, bar: BarClosed, fact: FeedFact) -> None:
        """Publish what others decide on: the trace begins here, named for the bar's last trade.

        A bar that cannot leave is kept and goes before the next one, as history: its readers' windows
        stay whole over an outage of the bus, and nothing is set off late.
        """
        bus = self._context.bus
        while self._unsent and bus.connected:
            bus.publish_nowait(msgspec.structs.replace(self._unsent.popleft(), repaired=True))
        root = msgspec.structs.replace(fact, id=bar.causes[0] if bar.causes else bar.id)
        with handling_of(Handling(SERVICE.name, root, None)) as handling:
            if not bus.publish_nowait(bar):
                self._unsent.append(bar)
        if self._context.spans is not None:
            self._context.spans.record(handling, fact.ts_received_ns, (bar,))

    def _perform(self, command: msgspec.Struct) -> None:
        match command:
            case NoteTrouble():
                self._metrics.trouble(command)
            case FetchSnapshot():
                state = self._states[command.symbol]
                wanted = lambda: state.snapshot_request == command.request  # noqa: E731
                self._spawn(self._reads.snapshot(command, wanted))
            case FetchTrades():
                self._spawn(self._reads.trades(command))
            case FetchBars():
                self._spawn(self._reads.bars(command))
            case PollBook():
                self._spawn(self._reads.poll(command))
            case Renew():
                self._spawn(self._renew(command))
            case _:
                raise TypeError(f"market-data cannot perform {type(command).__name__}")

    async def _renew(self, command: Renew) -> None:
        await self._reads.pause(command.attempt - 1)
        tries = 1 if command.is_refused else command.attempt
        symbol, channel = command.symbol, command.channel
        if channel != "trade":
            self._session.renew(symbol, channel, tries)
            return
        # between the end of the old subscription and the beginning of the new one trades are missed
        self.on_connection(symbol, (channel,), False, "subscribing anew", self._context.now_ns())
        self._session.renew(symbol, channel, tries)
        for _ in range(MAX_RENEWING):
            is_waiting = self._session.is_renewing(symbol, channel)
            await asyncio.sleep(RENEWED_S)
            if not is_waiting:
                break
        if self._session.is_connected(symbol, channel):
            self.on_connection(symbol, (channel,), True, "subscribed anew", self._context.now_ns())

    async def _tell_time(self) -> None:
        clock, is_late = asyncio.get_running_loop().time, False
        while True:
            due_s = clock() + MOMENT_EVERY_S
            await asyncio.sleep(MOMENT_EVERY_S)
            is_late = not is_late and clock() - due_s > MAX_LATE_S
            if is_late:
                continue
            now_ns = self._context.now_ns()
            for symbol in self._states:
                self._react(MomentPassed(venue=self._name, symbol=symbol, ts_received_ns=now_ns))
            heard = [state.clock for state in self._states.values() if state.clock.newest_ns]
            if heard:
                self._metrics.clock(max(clock.venue_ns(now_ns) for clock in heard) - now_ns)

    async def _keep_instruments(self) -> None:
        while True:
            await asyncio.sleep(INSTRUMENTS_EVERY_S)
            try:
                listed = await self._session.instruments()
            except VenueError as error:
                self._metrics.read_failed("instruments", error)
                continue
            for instrument in listed:
                if instrument.symbol in self._states:
                    self._react(self._instrument_fetched(instrument))

    async def _read_instruments(self) -> Sequence[Instrument]:
        attempt = 0
        while True:
            try:
                listed = await self._session.instruments()
                return [find_instrument(listed, symbol) for symbol in self._states]
            except UnknownInstrumentError as error:
                raise StartError(str(error)) from error
            except VenueError as error:
                self._metrics.read_failed("instruments", error)
                self._context.set_ready(self._name, False, f"instruments not read: {error}"[:200])
            attempt = min(attempt + 1, MAX_START_PAUSES)
            await self._reads.pause(attempt)

    def _instrument_fetched(self, instrument: Instrument) -> InstrumentFetched:
        return InstrumentFetched(
            venue=self._name,
            symbol=instrument.symbol,
            instrument=instrument,
            ts_received_ns=self._context.now_ns(),
        )

    def _show_readiness(self) -> None:
        missing = [
            f"{state.symbol} {state.feed}: {state.reason}" for state in self._states.values() if state.feed != "live"
        ]
        self._context.set_ready(self._name, not missing, "; ".join(missing)[:500])

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._context.fail(error)


def _candle_interval_ms(spec: FeedSpec, bar_interval_ms: int) -> int:
    """Return the candle to subscribe to: of our own bars where the venue has it, else its shortest.

    It is one that the venue has over REST. Where its stream has no such candle, its plans leave candles out.
    """
    offered = spec.dialect.bar_intervals_ms
    return bar_interval_ms if bar_interval_ms in offered else min(offered)
