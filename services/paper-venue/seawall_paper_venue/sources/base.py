"""What a source of market data is, and how a recorded or generated one keeps time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Protocol

from seawall_paper_venue.clock import wall_ns
from seawall_paper_venue.market_frames import MarketMessage, MarkPriceUpdate

# shorter sleeps are not kept by the event loop; frames that fall due within one are sent together
_SHORTEST_SLEEP_NS = 1_000_000
# after a stall (a stopped process, a sleeping laptop) the market goes on from where it stood, it does not race
_LONGEST_LAG_NS = 1_000_000_000
# so that requests are answered while a backlog is worked off
_MESSAGES_A_TURN = 256


class Sink(Protocol):
    """Who takes the market: the hub."""

    def accept(self, ts_ns: int, message: MarketMessage) -> None:
        """Take one message that is due at this wall time."""

    def flush(self) -> None:
        """Write out what the messages so far have caused."""


class Source(Protocol):
    """A stream of market messages in the venue's dialect."""

    async def run(self, sink: Sink, speed: float) -> None:
        """Feed the sink until cancelled or the market ends. Raises SourceError."""


class Pacer:
    """Plays timed messages at a multiple of their own pace, with their times moved to now."""

    def __init__(self, speed: float, clock: Callable[[], int] = wall_ns) -> None:
        self._speed = speed
        self._clock = clock
        self._origin_ns = 0
        self._start_ns = 0

    async def play(self, timed: Iterator[tuple[int, MarketMessage]], sink: Sink) -> None:
        """Hand every message to the sink when it is due; returns when there are no more."""
        started = False
        sent = 0
        for due_ns, message in timed:
            if not started:
                started, self._origin_ns, self._start_ns = True, due_ns, self._clock()
            ahead_ns = self._ahead_of(due_ns)
            if ahead_ns > 0 or sent >= _MESSAGES_A_TURN:
                sink.flush()
                sent = 0
                await asyncio.sleep(max(ahead_ns, _SHORTEST_SLEEP_NS) / 1e9 if ahead_ns > 0 else 0)
                self._ahead_of(due_ns)
            wall = self._to_wall(due_ns)
            self._restamp(message, wall)
            sink.accept(wall, message)
            sent += 1
        sink.flush()

    def _to_wall(self, source_ns: int) -> int:
        return self._start_ns + int((source_ns - self._origin_ns) / self._speed)

    def _ahead_of(self, due_ns: int) -> int:
        """Return how far in the future a message is due; after a stall, let the market go on from here."""
        ahead_ns = self._to_wall(due_ns) - self._clock()
        if ahead_ns < -_LONGEST_LAG_NS:
            self._start_ns -= ahead_ns
            return 0
        return ahead_ns

    def _restamp(self, message: MarketMessage, wall_ns_due: int) -> None:
        """Move the message's own times to the wall clock; none is later than the moment it is sent."""
        latest_ms = wall_ns_due // 1_000_000
        event_ms = min(self._to_wall(message.event_ms * 1_000_000) // 1_000_000, latest_ms)
        if not isinstance(message, MarkPriceUpdate):
            transaction_ms = self._to_wall(message.transaction_ms * 1_000_000) // 1_000_000
            message.transaction_ms = min(transaction_ms, event_ms)
        message.event_ms = event_ms
