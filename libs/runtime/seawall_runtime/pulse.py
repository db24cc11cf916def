"""What happens every second: the timer event, the gauges; and every fifth: the beat."""

from __future__ import annotations

import asyncio
import importlib.metadata

from seawall_proto import ServiceBeat, derive_id

from . import clock
from .context import Context
from .inbox import Fact, Inbox
from .intake import Intake
from .service import Service, TimerElapsed

PULSE_S = 1.0
BEAT_EVERY = 5  # pulses
MAX_FACTS_AHEAD = 64  # a busy service gets its next timer when it has caught up with its facts
_VERSION = importlib.metadata.version("seawall-runtime")


class Pulse:
    """Feeds ``TimerElapsed`` to a service that lists it, and tells the world that the service lives."""

    def __init__(self, service: Service, context: Context, inbox: Inbox, intake: Intake) -> None:
        self._service = service
        self._context = context
        self._inbox = inbox
        self._intake = intake
        self.timers = False
        """Set when the effects have started: before, a timer would find an empty state."""

    async def run(self) -> None:
        """Pulse for ever."""
        beats = 0
        while True:
            await asyncio.sleep(PULSE_S)
            now_ns = clock.now_ns()
            if self.timers and TimerElapsed in self._service.on and len(self._inbox.facts) < MAX_FACTS_AHEAD:
                timer = TimerElapsed(id=self._id("timer", now_ns), ts_received_ns=now_ns)
                await self._inbox.put_fact(Fact(timer, None))
            self._inbox.wake()
            self._measure()
            beats += 1
            if beats % BEAT_EVERY == 0:
                self.beat()

    def beat(self) -> None:
        """Say once that the service lives, and whether it is ready."""
        now_ns = clock.now_ns()
        self._context.bus.publish_nowait(
            ServiceBeat(
                id=self._id("beat", now_ns),
                ts_received_ns=now_ns,
                service=self._service.name,
                instance=self._context.instance,
                version=_VERSION,
                ready=self._context.readiness.ready,
                detail=self._context.readiness.detail,
            )
        )

    def _measure(self) -> None:
        for lane, waiting in (("facts", self._inbox.facts), ("ledger", self._inbox.ledger), ("flow", self._inbox.flow)):
            self._context.metrics.set("seawall_inbox_depth", len(waiting), lane=lane)
        puller = self._intake.puller
        if puller is not None:
            self._context.set_ready("ledger", puller.bound, "" if puller.bound else "looking for the consumer")

    def _id(self, what: str, now_ns: int) -> str:
        return derive_id(f"{self._service.name}/{self._context.instance}/{what}", (), now_ns)
