"""The loop of every service: take an event, decide, say, perform, acknowledge.

What breaks in a decision or an effect is a bug, and after it the state in memory cannot be trusted:
the event is logged with its traceback, counted, kept aside and handed back to the stream, and the
process ends. The supervisor starts it again; it rebuilds its state and gets the event once more. A
ledger event that broke it MAX_ATTEMPTS times, and a flow event that broke it once, are given up: kept
in the failures file, told by an alert, and never handled again. So a bug is loud, costs a bounded
number of restarts, and never turns into a wrong state that goes on trading.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from seawall_proto import (
    ROUTE_OF,
    AlertRaised,
    DecodeError,
    Event,
    OversizeError,
    decode,
    derive_id,
)

from . import clock
from .bus import TICKS
from .catchup import Stored
from .context import Context
from .dead_letters import DeadLetters
from .effects import Effects
from .errors import PoisonError, PublishError, ServiceError, TryAgainError
from .inbox import Fact, FlowMessage, Inbox, Item
from .intake import Intake
from .pull import Pulled
from .service import Key, Service, State, step
from .spans import Spans
from .telemetry import TRACE_HEADER, Handling, handling_of

MAX_COMMANDS = 256  # commands under way; beyond, the loop waits rather than promise more
EVENTS_PER_TURN = 32  # then sockets, probes and timers get their turn
REMEMBERED_IDS = 65_536  # decision events seen; ten minutes at a hundred a second
PUBLISH_PATIENCE_S = 30.0  # a server's restart takes seconds; after this the state is built afresh
FIRST_PAUSE_S = 0.1
LAST_PAUSE_S = 2.0
LOG_EVERY_BAD = 1_000  # malformed messages on one subject: the first is logged, then each thousandth
REDELIVER_AFTER_S = 1.0


class Shell:
    """Runs one service's decisions, one event at a time."""

    def __init__(
        self,
        *,
        service: Service,
        initial: Callable[[Key], State],
        context: Context,
        effects: Effects,
        inbox: Inbox,
        intake: Intake,
        dead_letters: DeadLetters,
        spans: Spans,
    ) -> None:
        self.states: dict[Key, State] = {}
        self.failure: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self._service = service
        self._initial = initial
        self._context = context
        self._effects = effects
        self._inbox = inbox
        self._intake = intake
        self._dead_letters = dead_letters
        self._spans = spans
        self._metrics = context.metrics
        self._decided = {
            kind: self._metrics.counter("seawall_decisions_total", on=kind.__name__) for kind in service.on
        }
        self._sends = frozenset(service.sends)
        self._commands: set[asyncio.Task[None]] = set()
        self._seen: set[str] = set()
        self._seen_order: deque[str] = deque()
        self._bad = 0
        self._idle = asyncio.Event()
        self._exclusive = asyncio.Lock()

    async def run(self) -> None:
        """Handle what comes, for ever. Ends only by an exception or by being cancelled."""
        handled = 0
        while True:
            item = self._inbox.take()
            if item is None:
                self._idle.set()
                await self._inbox.wait()
                self._idle.clear()
                continue
            async with self._exclusive:
                await self._handle(item)
            handled += 1
            if handled % EVENTS_PER_TURN == 0:
                await asyncio.sleep(0)

    async def settle(self) -> None:
        """Wait until everything that may be handled now is handled."""
        while True:
            await self._idle.wait()
            if self._inbox.nothing_to_take:
                return
            await asyncio.sleep(0)

    async def finish_commands(self, timeout_s: float) -> None:
        """Give commands under way their time, then end them."""
        if self._commands:
            await asyncio.wait(self._commands, timeout=timeout_s)
        for task in tuple(self._commands):
            self._context.log.warning(f"command cut off: {task.get_name()}")
            task.cancel()

    async def replay(self, stored: Sequence[Stored]) -> int:
        """Decide on re-read events, oldest first: say what has not expired, perform nothing."""
        fresh = 0
        for number, message in enumerate(stored):
            async with self._exclusive:
                event = self._decode(message.subject, message.data)
                if event is not None and not self._was_seen(event):
                    fresh += 1
                    await self._decide(event, message.headers, None, message.subject, replayed=True)
                    self._remember(event)
            if number % EVENTS_PER_TURN == 0:
                await asyncio.sleep(0)
        self._metrics.count("seawall_caught_up_events_total", fresh)
        return fresh

    async def _handle(self, item: Item) -> None:
        if isinstance(item, Fact):
            await self._decide(item.event, None, item.inherited, "")
            return
        event = self._decode(item.subject, item.data)
        if event is None:
            if isinstance(item, Pulled):
                await self._give_up_bytes(item)
            return
        if self._was_seen(event):
            self._metrics.count("seawall_duplicates_dropped_total")
        else:
            try:
                await self._decide(event, item.headers, None, item.subject)
            except PoisonError:
                await self._hand_back(item, event)
                raise
            self._remember(event)
        if isinstance(item, Pulled):
            await self._intake.ack(item)

    async def _decide(
        self,
        event: Event,
        headers: dict[str, str] | None,
        inherited: Handling | None,
        subject: str,
        *,
        replayed: bool = False,
    ) -> None:
        if self._dead_letters.is_given_up(event.id):
            return
        start_ns = clock.now_ns()
        handling = Handling(self._service.name, event, headers.get(TRACE_HEADER) if headers else None, inherited)
        with handling_of(handling):
            try:
                said = step(self._service, self.states, self._initial, event)
                events = self._events_of(said)
                if replayed:
                    now_ns = clock.now_ns()
                    events = [one for one in events if getattr(one, "expires_at_ns", now_ns) >= now_ns]
                if events:
                    await self._publish(events, event)
                if len(events) < len(said) and not replayed:
                    await self._command(said, event)
            except TryAgainError:
                raise  # not a bug: the outside did not come back within the patience
            except Exception as error:  # noqa: BLE001  the one place: a bug is told, counted and ends the process
                self._broken(event, subject, error)
        self._decided[type(event)].inc()
        if events or type(event) not in TICKS:
            self._spans.record(handling, start_ns, events)

    def _events_of(self, said: Sequence[msgspec.Struct]) -> list[Event]:
        events = [item for item in said if isinstance(item, Event)]
        for event in events:
            if type(event) not in self._sends:
                raise ServiceError(f"{self._service.name} said {type(event).__name__}, which its table does not list")
        return events

    async def _publish(self, events: Sequence[Event], cause: Event) -> None:
        """Publish, again and again while the outside cannot take it: the state has moved on already."""
        give_up_s = clock.elapsed_s() + PUBLISH_PATIENCE_S
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return await self._effects.publish(events, cause)
            except TryAgainError as error:
                self._context.set_ready("publish", False, str(error))
                if clock.elapsed_s() > give_up_s:
                    raise PublishError(f"gave up after {PUBLISH_PATIENCE_S:g} s: {error}") from error
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LAST_PAUSE_S)
            finally:
                if "publish" in self._context.readiness.parts:
                    self._context.set_ready("publish", True)

    async def _command(self, said: Sequence[msgspec.Struct], cause: Event) -> None:
        for item in said:
            if isinstance(item, Event):
                continue
            while len(self._commands) >= MAX_COMMANDS:
                await asyncio.wait(self._commands, return_when=asyncio.FIRST_COMPLETED)
            task = asyncio.create_task(self._effects.perform(item, cause), name=type(item).__name__)
            self._commands.add(task)
            task.add_done_callback(self._performed)

    def _performed(self, task: asyncio.Task[None]) -> None:
        self._commands.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._metrics.count("seawall_errors_total", kind="bug")
            self._context.log.error(f"command {task.get_name()} broke: {error!r}", exc_info=error)
            if not self.failure.done():
                self.failure.set_result(error)

    def _broken(self, event: Event, subject: str, error: Exception) -> None:
        self._metrics.count("seawall_errors_total", kind="bug")
        self._context.log.error(f"{self._service.name} broke on {type(event).__name__}: {error!r}", exc_info=error)
        raise PoisonError(f"{type(event).__name__} {event.id}: {error!r}") from error

    async def _hand_back(self, item: FlowMessage | Pulled, event: Event) -> None:
        ledger = isinstance(item, Pulled)
        given_up = self._keep_aside(event.id, item, "see the log", final=not ledger)
        if self._intake.puller is not None and isinstance(item, Pulled):
            if given_up:
                await self._intake.puller.term(item)
            else:
                await self._intake.puller.nak(item, REDELIVER_AFTER_S)

    async def _give_up_bytes(self, item: Pulled) -> None:
        self._keep_aside(f"{item.subject}#{item.sequence}", item, "no event", final=True)
        if self._intake.puller is not None:
            await self._intake.puller.term(item)

    def _keep_aside(self, key: str, item: FlowMessage | Pulled, error: str, *, final: bool) -> bool:
        now_ns = clock.now_ns()
        given_up = self._dead_letters.note(
            key, ts_ns=now_ns, subject=item.subject, error=error, data=item.data, final=final
        )
        if given_up:
            self._metrics.count("seawall_dead_letters_total")
            sequence = f" sequence {item.sequence}" if isinstance(item, Pulled) else ""
            self._alert("dead_letter", "critical", f"{item.subject}{sequence}: {key} given up: {error}")
        return given_up

    def _alert(self, name: str, severity: Any, detail: str) -> None:
        now_ns = clock.now_ns()
        alert = AlertRaised(
            id=derive_id(f"{self._service.name}.alert.{name}", (), now_ns),
            ts_received_ns=now_ns,
            service=self._service.name,
            name=name,
            severity=severity,
            detail=detail,
        )
        self._context.bus.publish_nowait(alert)

    def _decode(self, subject: str, data: bytes) -> Event | None:
        try:
            event = decode(data)
        except DecodeError as error:
            kind = "oversize" if isinstance(error, OversizeError) else "malformed"
            self._metrics.count("seawall_bad_messages_total", kind=kind)
            if self._bad % LOG_EVERY_BAD == 0:
                self._context.log.error(f"message on {subject} is no event: {error}", count=self._bad + 1)
            self._bad += 1
            return None
        if type(event) not in self._service.on:
            self._metrics.count("seawall_bad_messages_total", kind="unexpected")
            return None
        return event

    def _was_seen(self, event: Event) -> bool:
        return event.id in self._seen

    def _remember(self, event: Event) -> None:
        if type(event) in TICKS or type(event) not in ROUTE_OF:
            return
        self._seen.add(event.id)
        self._seen_order.append(event.id)
        if len(self._seen_order) > REMEMBERED_IDS:
            self._seen.discard(self._seen_order.popleft())
