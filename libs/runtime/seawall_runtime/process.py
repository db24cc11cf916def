"""One running service: brought up in order, kept alive, drained when asked."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from . import clock
from .bus import Bus
from .config import Config
from .context import Context
from .dead_letters import DeadLetters
from .effects import BaseEffects
from .errors import BusError, ConfigError, PoisonError, PublishError, StartError
from .gaps import Gaps
from .http import HttpServer
from .inbox import Inbox
from .intake import Intake
from .metrics import Metrics
from .poison import Poison
from .pulse import Pulse
from .shell import Shell
from .spans import Spans
from .streams import ensure_streams, missing_streams

if TYPE_CHECKING:
    from .app import App

EXIT_OK = 0
EXIT_BUS_CLOSED = 1
EXIT_CONFIG = 2
EXIT_START = 4
EXIT_BUG = 70  # sysexits.h: internal software error
EXIT_UNAVAILABLE = 75  # sysexits.h: temporary failure
EXIT_AT_ONCE = 130

RETRY_S = 1.0
# a stop takes at most the sum of these, 4.7 s
STOP_INTAKE_S = 0.2
DRAIN_INBOX_S = 1.5
DRAIN_COMMANDS_S = 0.8
GIVE_BACK_S = 0.2
STOP_EFFECTS_S = 1.0
DRAIN_BUS_S = 0.3  # and a second to close the socket, only where the server does not answer
CLOSE_SPANS_S = 0.3


class Process:
    """Everything that one instance of a service consists of. Raises ConfigError where the service refuses its part."""

    def __init__(self, app: App, config: Config, instance: str, log: Any) -> None:
        service, name = app.service, app.service.name
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
        self.intake = Intake(self.bus, service, self.inbox, durable, log)
        self.effects = app.effects(self.context) if app.effects else BaseEffects(self.context)
        self.context.spans = self.spans = Spans(name, instance, config.telemetry.otlp_endpoint)
        letters = DeadLetters(config.data_dir / name / f"failures-{instance}.jsonl", log)
        self.poison = Poison(self.context, self.intake, letters)
        self.shell = Shell(
            service=service,
            initial=app.initial(config),
            context=self.context,
            effects=self.effects,
            inbox=self.inbox,
            intake=self.intake,
            poison=self.poison,
            spans=self.spans,
        )
        self.gaps = Gaps(app.catch_up, self.context, self.shell, self.inbox, self._spawn)
        self.pulse = Pulse(service, self.context, self.inbox, self.intake)
        self.http = HttpServer(self.metrics, self.context.readiness)
        self._exit: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, http: tuple[str, int] | None) -> int:
        """Run until asked to stop or broken; return the exit code. Raises PortError."""
        if http is not None:
            port = await self.http.start(*http)
            self.log.info(f"listening on http://{http[0]}:{port}", port=port)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal)
        for part in ("bus", "started"):
            self.context.set_ready(part, False, "starting")
        self._watch_bus()
        self.shell.failure.add_done_callback(lambda _: self._end(EXIT_BUG, "a command broke"))
        self.context.failure.add_done_callback(
            lambda done: self._end(EXIT_BUG, f"a background task broke: {done.result()!r}")
        )
        for work in (self.shell.run(), self._start(), self.pulse.run()):
            self._spawn(work)
        code = await self._exit
        await self._shut_down(drain=code == EXIT_OK)
        return code

    def stop(self) -> None:
        """Drain and end, as on SIGTERM."""
        self._end(EXIT_OK, "asked to stop")

    def _watch_bus(self) -> None:
        hooks = self.bus.hooks
        hooks.on_connected += [self._on_connected, self.gaps.connected]
        hooks.on_lost += [self._on_lost, self.gaps.lost]
        hooks.on_gap.append(self.gaps.dropped)
        hooks.on_closed.append(lambda reason: self._end(EXIT_BUS_CLOSED, f"NATS closed for good: {reason}"))
        if self.intake.puller is not None:
            self.intake.puller.on_regressed = lambda text: self.poison.alert("stream_regressed", "critical", text)

    async def _on_connected(self) -> None:
        self.context.set_ready("bus", True)

    def _on_lost(self) -> None:
        self.context.set_ready("bus", False, self.bus.link.problem)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._task_ended)
        self._tasks.add(task)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, ConfigError):
            self._end(EXIT_CONFIG, str(error))
        elif isinstance(error, StartError):
            self._end(EXIT_START, f"cannot start: {error}")
        elif isinstance(error, PublishError):
            self._end(EXIT_UNAVAILABLE, str(error))
        elif isinstance(error, PoisonError):
            self._end(EXIT_BUG, str(error))  # told with its traceback where it happened
        elif error is not None:
            self.log.error(f"{self.app.service.name} broke: {error!r}", exc_info=error)
            self.metrics.count("seawall_errors_total", kind="bug")
            self._end(EXIT_BUG, repr(error))

    def _end(self, code: int, reason: str) -> None:
        if not self._exit.done():
            self.log.log(logging.INFO if code == EXIT_OK else logging.ERROR, f"ends: {reason}", exit_code=code)
            self._exit.set_result(code)

    def _on_signal(self) -> None:
        if self._exit.done():
            os._exit(EXIT_AT_ONCE)  # asked twice
        self.stop()

    async def _start(self) -> None:
        """Bus, then effects, then their facts, then what was missed, then live events."""
        began_s = clock.elapsed_s()
        attached = asyncio.create_task(self._attach())
        self._tasks.add(attached)
        if self.app.needs_bus:
            await attached
        await self.effects.start()
        await self.shell.settle()
        self.pulse.timers = True
        self.context.set_ready("started", True)
        await attached
        await self.gaps.start()
        self.pulse.beat()
        self.log.info("decides live events", seconds=round(clock.elapsed_s() - began_s, 3))

    async def _attach(self) -> None:
        self.context.set_ready("bus", False, f"connecting to {self.config.nats.url}")
        await self.bus.connect()
        while True:
            try:
                missing = await missing_streams(self.bus)
                if missing and self.config.mode == "paper":
                    for line in await ensure_streams(self.bus, self.config.nats.replicas):
                        self.log.info(f"stream {line}")
                    missing = ()
                if not missing:
                    await self.intake.start()
                    self.context.set_ready("bus", True)
                    return
                detail = f"no stream {', '.join(missing)}: run python -m seawall_runtime.streams"
            except BusError as error:
                detail = str(error)
            self.context.set_ready("bus", False, detail)
            self.log.warning(f"bus not usable yet: {detail}")
            await asyncio.sleep(RETRY_S)

    async def _shut_down(self, *, drain: bool) -> None:
        self.context.stopping.set()
        self.context.set_ready("started", False, "stopping")
        await self._bounded("intake", self.intake.stop(), STOP_INTAKE_S)
        if drain:
            await self._bounded("inbox", self.shell.drain(), DRAIN_INBOX_S)
            await self.shell.finish_commands(DRAIN_COMMANDS_S)
        for task in tuple(self._tasks):
            task.cancel()
        if self.intake.puller is not None:
            await self._bounded("give back", self.intake.puller.give_back(), GIVE_BACK_S)
        await self._bounded("effects", self.effects.stop(), STOP_EFFECTS_S)
        self.pulse.beat()
        await self.bus.close(DRAIN_BUS_S)
        await self.http.stop()
        self.spans.close(CLOSE_SPANS_S)

    async def _bounded(self, what: str, work: Coroutine[Any, Any, None], seconds: float) -> None:
        """Wait for one step of the way down, no longer than its share."""
        task = asyncio.create_task(work)
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            self.log.warning(f"stop: {what} cut off after {seconds:g} s")
            task.cancel()
        elif not task.cancelled() and task.exception() is not None:
            self.log.error(f"stop: {what} broke", exc_info=task.exception())
