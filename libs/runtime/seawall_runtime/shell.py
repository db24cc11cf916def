"""The loop of every service: take an event, decide, say, perform, acknowledge.

What breaks in a decision or an effect is a bug, and after it the state in memory cannot be trusted:
the event is logged with its traceback, counted, kept aside and handed back to the stream, and the
process ends. The supervisor starts it again; it builds its state afresh and gets the event once more.
A ledger event that broke it three times, and a flow event that broke it once, are given up: kept in
the failures file, told by an alert, and never handled again. So a bug is loud, costs a bounded number
of restarts, and never becomes a wrong state that goes on trading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from seawall_proto import ROUTE_OF, Event

from . import clock
from .bus import TICKS
from .catchup import Stored
from .context import Context
from .effects import Effects
from .errors import PoisonError, PublishError, ServiceError, TryAgainError
from .inbox import Fact, FlowMessage, Inbox, Item, Marker
from .intake import Intake
from .poison import Poison
from .pull import Pulled
from .reader import Reader
from .seen import Seen
from .service import Key, Service, State, step
from .spans import Spans
from .telemetry import TRACE_HEADER, Handling, handling_of

MAX_COMMANDS = 256  # commands under way; beyond, the loop waits rather than promise more
EVENTS_PER_TURN = 32  # then sockets, probes and timers get their turn
REMEMBERED_IDS = 65_536  # decision events seen; ten minutes at a hundred a second
PUBLISH_PATIENCE_S = 30.0  # a server's restart takes seconds; after this the state is built afresh
FIRST_PAUSE_S = 0.1
LAST_PAUSE_S = 2.0


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
        poison: Poison,
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
        self._poison = poison
        self._spans = spans
        self._metrics = context.metrics
        self._reader = Reader(service, context.metrics, context.log)
        self._decided = {
            kind: self._metrics.counter("seawall_decisions_total", on=kind.__name__) for kind in service.on
        }
        self._sends = frozenset(service.sends)
        self._traced = frozenset(kind for kind in service.on if kind in ROUTE_OF) - TICKS
        self._commands: set[asyncio.Task[None]] = set()
        self._seen: Seen[str] = Seen(REMEMBERED_IDS)
        self._one_at_a_time = asyncio.Lock()

    async def run(self) -> None:
        """Handle what comes, for ever. Ends only by an exception or by being cancelled."""
        handled = 0
        while True:
            item = self._inbox.take()
            if item is None:
                await self._inbox.wait()
                continue
            async with self._one_at_a_time:
                await self._handle(item)
            handled += 1
            if handled % EVENTS_PER_TURN == 0:
                await asyncio.sleep(0)

    async def settle(self) -> None:
        """Wait until every fact that was fed before now is decided on."""
        marker = Marker(asyncio.Event())
        self._inbox.put_marker(marker)
        await marker.reached.wait()

    async def drain(self) -> None:
        """Wait until nothing waits any more; the caller bounds it."""
        while not self._inbox.nothing_to_take:
            await self.settle()
        await self.settle()  # the last item may still be in hand

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
            async with self._one_at_a_time:
                fresh += await self._take(message)
            if number % EVENTS_PER_TURN == 0:
                await asyncio.sleep(0)
        self._metrics.count("seawall_caught_up_events_total", fresh)
        return fresh

    async def _handle(self, item: Item) -> None:
        if isinstance(item, Marker):
            item.reached.set()
            return
        if isinstance(item, Fact):
            await self._decide(item.event, Handling(self._service.name, item.event, None, item.inherited))
            return
        await self._take(item)
        if isinstance(item, Pulled):
            await self._intake.ack(item)

    async def _take(self, item: Pulled | Stored | FlowMessage) -> bool:
        """Decide on one message unless it was seen before; True where it was new."""
        event = self._reader.read(item.subject, item.data)
        if event is None:
            if isinstance(item, Pulled):
                await self._poison.unreadable(item)
            return False
        if event.id in self._seen or self._poison.is_given_up(event.id):
            self._metrics.count("seawall_duplicates_dropped_total")
            return False
        header = item.headers.get(TRACE_HEADER) if item.headers else None
        try:
            await self._decide(event, Handling(self._service.name, event, header), replayed=isinstance(item, Stored))
        except PoisonError as error:
            await self._poison.broke(item, event.id, str(error))
            raise
        if type(event) not in TICKS:
            self._seen.add(event.id)
        return True

    async def _decide(self, event: Event, handling: Handling, *, replayed: bool = False) -> None:
        start_ns = clock.now_ns()
        with handling_of(handling):
            try:
                said = step(self._service, self.states, self._initial, event)
                events = self._events_of(said)
                if replayed:
                    events = [one for one in events if not has_expired(one, start_ns)]
                if events:
                    await self._publish(events, event)
                if said and not replayed:
                    await self._command(said, event)
            except TryAgainError:
                raise  # no bug: the outside did not come back within the patience
            except Exception as error:  # the one place: a bug is told, counted and ends the process
                self._metrics.count("seawall_errors_total", kind="bug")
                what = f"{type(event).__name__} {event.id}: {error!r}"
                self._context.log.error(f"{self._service.name} broke on {what}", exc_info=error)
                raise PoisonError(what) from error
        self._decided[type(event)].inc()
        # ticks are handled by the thousand and leave no span, unless a decision came of one
        if type(event) in self._traced or any(type(one) not in TICKS for one in events):
            self._metrics.observe("seawall_decide_seconds", (clock.now_ns() - start_ns) / 1e9)
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
                await self._effects.publish(events, cause)
            except TryAgainError as error:
                self._context.set_ready("publish", False, str(error))
                if clock.elapsed_s() > give_up_s:
                    raise PublishError(f"gave up after {PUBLISH_PATIENCE_S:g} s: {error}") from error
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LAST_PAUSE_S)
            else:
                if pause_s > FIRST_PAUSE_S:
                    self._context.set_ready("publish", True)
                return

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
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._metrics.count("seawall_errors_total", kind="bug")
            self._context.log.error(f"command {task.get_name()} broke: {error!r}", exc_info=error)
            if not self.failure.done():
                self.failure.set_result(error)


def has_expired(event: Event, now_ns: int) -> bool:
    """True for an event after whose ``expires_at_ns`` acting would be wrong."""
    return bool(getattr(event, "expires_at_ns", now_ns) < now_ns)
