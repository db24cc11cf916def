"""What a service's effects are given: configuration, bus, log, metrics, clock and the way back in."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from seawall_proto import Event, derive_id

from . import clock
from .bus import Bus
from .config import Config
from .inbox import Fact, Inbox
from .metrics import Metrics
from .readiness import Readiness
from .spans import Spans
from .telemetry import current_handling


class Context:
    """One running instance of a service, as its effects see it."""

    def __init__(
        self, *, service: str, instance: str, config: Config, bus: Bus, log: Any, metrics: Metrics, inbox: Inbox
    ) -> None:
        self.service = service
        self.instance = instance
        self.config = config
        self.bus = bus
        self.log = log
        self.metrics = metrics
        self.stopping = asyncio.Event()
        self.readiness = Readiness(metrics)
        self.spans: Spans | None = None  # for effects that decide on facts where they arrive
        self._inbox = inbox
        self.failure: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self._born_ns = clock.now_ns()
        self._fed = 0

    async def feed(self, fact: Event) -> None:
        """Hand an outside fact to the service's decisions; waits while its bounded lane is full.

        A fact without an id gets one that no other has; without a time, the time of now.
        """
        if not fact.id:
            self._fed += 1
            source = f"{self.service}/{self.instance}/{type(fact).__name__}/{self._born_ns}"
            msgspec.structs.force_setattr(fact, "id", derive_id(source, fact.causes, self._fed))
        if not fact.ts_received_ns:
            msgspec.structs.force_setattr(fact, "ts_received_ns", self.now_ns())
        await self._inbox.put_fact(Fact(fact, current_handling()))

    def fail(self, error: BaseException) -> None:
        """End the process as after a bug: a background task of the effects broke."""
        if not self.failure.done():
            self.failure.set_result(error)

    def now_ns(self) -> int:
        """Return the wall clock in integer nanoseconds UTC; the only clock of a service."""
        return clock.now_ns()

    def set_ready(self, name: str, ok: bool, detail: str = "") -> None:
        """Say whether one part of the service is ready; ``/readyz`` is ready when every part is."""
        self.readiness.set(name, ok, detail)
