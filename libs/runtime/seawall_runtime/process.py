"""One running service: brought up in order, kept alive, drained when asked."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import signal
from typing import TYPE_CHECKING, Any

from seawall_proto import ServiceBeat, derive_id

from . import clock
from .bus import Bus
from .catchup import read_stored
from .config import Config
from .context import Context
from .dead_letters import DeadLetters
from .effects import BaseEffects
from .errors import BusError, PublishError, StartError
from .http import HttpServer
from .inbox import Fact, Inbox
from .intake import Intake
from .metrics import Metrics
from .service import TimerElapsed
from .shell import Shell
from .spans import Spans
from .streams import ensure_streams, missing_streams

if TYPE_CHECKING:
    from .app import App

EXIT_OK = 0
EXIT_BUS_CLOSED = 1
EXIT_START = 4
EXIT_BUG = 70  # sysexits: internal software error
EXIT_UNAVAILABLE = 75  # sysexits: temporary failure, try again

BEAT_EVERY_S = 5
PULSE_S = 1.0
RETRY_S = 1.0
DRAIN_INBOX_S = 2.0  # together with the three below, less than the 5 s that a stop may take
DRAIN_COMMANDS_S = 1.0
DRAIN_EFFECTS_S = 1.0
DRAIN_BUS_S = 0.4
GAP_MARGIN_S = 30.0  # a dead connection is noticed within 15 s; the rest is for clocks that differ


class Process:
    """Everything that one instance of a service consists of."""

    def __init__(self, app: App, config: Config, instance: str, log: Any) -> None:
        name = app.service.name
        self.app = app
        self.config = config
        self.log = log
        self.metrics = Metrics(name)
        self.bus = Bus(config.nats.url, service=name, metrics=self.metrics, log=log)
        self.inbox = Inbox()
        self.context = Context(
            service=name,
            instance=instance,
            config=config,
            bus=self.bus,
            log=log,
            metrics=self.metrics,
            inbox=self.inbox,
        )
        durable = f"{name}-{instance}" if app.durable_per_instance else name
        self.intake = Intake(self.bus, app.service, self.inbox, durable, log)
        self.effects = app.effects(self.context) if app.effects else BaseEffects(self.context)
        self.spans = Spans(name, instance, config.telemetry.otlp_endpoint)
        self.shell = Shell(
            service=app.service,
            initial=app.initial(config),
            context=self.context,
            effects=self.effects,
            inbox=self.inbox,
            intake=self.intake,
            dead_letters=DeadLetters(config.data_dir / name / f"failures-{instance}.jsonl", log),
            spans=self.spans,
        )
        self.http = HttpServer(self.metrics, self.context.readiness)
        self._exit: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._tasks: list[asyncio.Task[None]] = []
        self._started = False
        self._gap_since_ns = 0

    async def run(self, http: tuple[str, int] | None) -> int:
        """Run until asked to stop or broken; return the exit code. Raises PortError."""
        if http is not None:
            port = await self.http.start(*http)
            self.log.info(f"listening on http://{http[0]}:{port}", port=port)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal)
        for part in ("bus", "started"):
            self.context.set_ready(part, False, "starting")
        self.bus.hooks.on_connected.append(self._on_connected)
        self.bus.hooks.on_lost.append(self._on_lost)
        self.bus.hooks.on_gap.append(self._on_gap)
        self.bus.hooks.on_closed.append(lambda reason: self._end(EXIT_BUS_CLOSED, f"NATS closed for good: {reason}"))
        self.shell.failure.add_done_callback(lambda _: self._end(EXIT_BUG, "a command broke"))
        for work in (self.shell.run(), self._start(), self._pulse()):
            self._spawn(work)
        code = await self._exit
        await self._shut_down(drain=code == EXIT_OK)
        return code

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._task_ended)
        self._tasks.append(task)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, StartError):
            self._end(EXIT_START, f"cannot start: {error}")
        elif isinstance(error, PublishError):
            self._end(EXIT_UNAVAILABLE, str(error))
        elif error is not None:
            self.log.error(f"{self.app.service.name} broke: {error!r}", exc_info=error)
            self._end(EXIT_BUG, repr(error))

    def _end(self, code: int, reason: str) -> None:
        if not self._exit.done():
            self.log.log(20 if code == EXIT_OK else 40, f"ends: {reason}", exit_code=code)
            self._exit.set_result(code)

    def _on_signal(self) -> None:
        if self._exit.done():
            os._exit(130)  # asked twice: now
        self._end(EXIT_OK, "asked to stop")

    async def _start(self) -> None:
        attached = asyncio.create_task(self._attach())
        if self.app.needs_bus:
            await attached
        await self.effects.start()
        await self.shell.settle()
        await attached
        if self.app.catch_up is not None:
            await self._catch_up(clock.now_ns() - int(self.app.catch_up.seconds * 1e9))
        self.inbox.open = True
        self.inbox.wake()
        self._started = True
        self.context.set_ready("started", True)
        self.log.info("ready to decide")

    async def _attach(self) -> None:
        self.context.set_ready("bus", False, "connecting")
        await self.bus.connect()
        while True:
            try:
                missing = await missing_streams(self.bus)
                if missing and self.config.mode == "paper":
                    for line in await ensure_streams(self.bus, self.config.nats.replicas):
                        self.log.info(f"stream {line}")
                    missing = ()
                if not missing:
                    return await self.intake.start()
                detail = f"no stream {', '.join(missing)}: run python -m seawall_runtime.streams"
            except BusError as error:
                detail = str(error)
            self.context.set_ready("bus", False, detail)
            self.log.warning(f"bus not usable yet: {detail}")
            await asyncio.sleep(RETRY_S)

    async def _catch_up(self, since_ns: int) -> None:
        assert self.app.catch_up is not None
        while True:
            try:
                stored = await read_stored(self.bus, self.app.catch_up.kinds, since_ns)
            except BusError as error:
                self.context.set_ready("caught_up", False, str(error))
                self.log.warning(f"catch-up waits: {error}")
                await asyncio.sleep(RETRY_S)
                continue
            fresh = await self.shell.replay(stored)
            self.context.set_ready("caught_up", True)
            self.log.info("caught up", read=len(stored), fresh=fresh)
            return

    async def _on_connected(self) -> None:
        self.context.set_ready("bus", True)
        if self._gap_since_ns:
            since_ns, self._gap_since_ns = self._gap_since_ns, 0
            self._spawn(self._mend(since_ns))

    async def _mend(self, since_ns: int) -> None:
        await self._catch_up(since_ns)
        self.inbox.open = True
        self.inbox.wake()

    def _on_lost(self) -> None:
        self.context.set_ready("bus", False, self.bus.link.problem)
        self._note_gap()

    def _on_gap(self, subject: str) -> None:
        self.log.warning(f"messages lost on {subject}")

    def _note_gap(self) -> None:
        if self.app.catch_up is not None and self._started:
            self.inbox.open = False  # what comes next is decided on after what was missed
            self._gap_since_ns = self._gap_since_ns or clock.now_ns() - int(GAP_MARGIN_S * 1e9)

    async def _pulse(self) -> None:
        beats = 0
        while True:
            await asyncio.sleep(PULSE_S)
            now_ns = clock.now_ns()
            if TimerElapsed in self.app.service.on and self._started:
                source = f"{self.app.service.name}/{self.context.instance}/timer"
                timer = TimerElapsed(id=derive_id(source, (), now_ns), ts_received_ns=now_ns)
                await self.inbox.put_fact(Fact(timer, None))
            self.inbox.wake()
            for lane in ("facts", "ledger", "flow"):
                self.metrics.set("seawall_inbox_depth", len(getattr(self.inbox, lane)), lane=lane)
            beats += 1
            if beats % BEAT_EVERY_S == 0:
                self._beat(now_ns)

    def _beat(self, now_ns: int) -> None:
        name = self.app.service.name
        self.bus.publish_nowait(
            ServiceBeat(
                id=derive_id(f"{name}/{self.context.instance}/beat", (), now_ns),
                ts_received_ns=now_ns,
                service=name,
                instance=self.context.instance,
                version=_version(),
                ready=self.context.readiness.ready,
                detail=self.context.readiness.detail,
            )
        )

    async def _shut_down(self, *, drain: bool) -> None:
        self.context.stopping.set()
        self.context.set_ready("started", False, "stopping")
        await _bounded(self.intake.stop(), 0.2)
        if drain:
            self.inbox.open = self._started
            self.inbox.wake()
            await _bounded(self.shell.settle(), DRAIN_INBOX_S)
            await self.shell.finish_commands(DRAIN_COMMANDS_S)
        if self.intake.puller is not None:
            await _bounded(self.intake.puller.give_back(), 0.2)
        await _bounded(self.effects.stop(), DRAIN_EFFECTS_S)
        for task in self._tasks:
            task.cancel()
        await self.bus.close(DRAIN_BUS_S)
        await self.http.stop()
        self.spans.close()


async def _bounded(work: Any, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        return


def _version() -> str:
    return importlib.metadata.version("seawall-runtime")
