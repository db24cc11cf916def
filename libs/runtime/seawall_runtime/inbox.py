"""What waits to be decided on: three bounded lanes, served in turn so that none starves."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from seawall_proto import Event

from .pull import Pulled
from .telemetry import Handling

FLOW_LIMIT = 16_384  # about 5 s of a busy market; older ticks are worthless
FACT_LIMIT = 8_192  # the feeder waits when its facts are not taken, so nothing is lost
LEDGER_LIMIT = 256  # never more than the pull requests asked for


@dataclass(slots=True)
class FlowMessage:
    """Bytes from a core subscription."""

    subject: str
    data: bytes
    headers: dict[str, str] | None


@dataclass(slots=True)
class Fact:
    """An event from the service's own effects, with the handling that it came from."""

    event: Event
    inherited: Handling | None


@dataclass(slots=True)
class Marker:
    """A place in the lane of facts: reached when all before it are handled."""

    reached: asyncio.Event


Item = FlowMessage | Fact | Pulled | Marker


class Inbox:
    """Facts, ledger messages and flow messages; until ``open`` is set only facts come out."""

    def __init__(self, flow_limit: int = FLOW_LIMIT, fact_limit: int = FACT_LIMIT) -> None:
        self.facts: deque[Fact | Marker] = deque()
        self.ledger: deque[Pulled] = deque()
        self.flow: deque[FlowMessage] = deque()
        self.open = False
        self._flow_limit = flow_limit
        self._fact_limit = fact_limit
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._turn = 0

    def offer_flow(self, message: FlowMessage) -> bool:
        """Add a message; False where the oldest had to go to make room."""
        full = len(self.flow) >= self._flow_limit
        if full:
            self.flow.popleft()
        self.flow.append(message)
        self._wake.set()
        return not full

    def offer_ledger(self, message: Pulled) -> None:
        """Add a pulled message; the pull requests keep the lane within its limit."""
        self.ledger.append(message)
        self._wake.set()

    async def put_fact(self, fact: Fact) -> None:
        """Add a fact, waiting while the lane is full."""
        while len(self.facts) >= self._fact_limit:
            self._room.clear()
            await self._room.wait()
        self.facts.append(fact)
        self._wake.set()

    def put_marker(self, marker: Marker) -> None:
        """Add a marker behind the facts that wait now."""
        self.facts.append(marker)
        self._wake.set()

    def wake(self) -> None:
        """Let ``next`` look again, after ``open`` changed or something else is to be done."""
        self._wake.set()

    def take(self) -> Item | None:
        """Return the next item, or None where nothing may be handled now."""
        lanes = (self.facts, self.ledger, self.flow) if self.open else (self.facts,)
        for offset in range(len(lanes)):
            lane = lanes[(self._turn + offset) % len(lanes)]
            if lane:
                self._turn = (self._turn + offset + 1) % 3
                item: Item = lane.popleft()
                if lane is self.facts:
                    self._room.set()
                return item
        return None

    async def wait(self) -> None:
        """Wait until something was added or woken; the shell's pulse wakes it every second."""
        self._wake.clear()
        await self._wake.wait()

    @property
    def nothing_to_take(self) -> bool:
        """True where ``take`` would return None."""
        return self.is_empty if self.open else not self.facts

    @property
    def is_empty(self) -> bool:
        """True where nothing waits in any lane."""
        return not (self.facts or self.ledger or self.flow)
