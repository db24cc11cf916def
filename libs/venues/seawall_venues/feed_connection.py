"""One market-data socket that is always there: reconnected, never frozen unseen, replaced before it is cut.

Nothing here knows what a frame says. Frames go to the sink as they came, with the time they came at.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

MAX_FRAME_BYTES = 1 << 20  # the largest real frame is a depth update of some 100 KiB; more is a fault
MAX_QUEUED_FRAMES = 1_024  # half a second of a busy market; then the socket itself pushes back
FRAMES_PER_TURN = 64  # then the bus and the timers get theirs
OPEN_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 0.25  # a stopping service has a second for everything
PING_EVERY_S = 10.0  # a dead connection is noticed within two of these; the venue's own pings are answered
FIRST_BACKOFF_S = 0.1
LAST_BACKOFF_S = 15.0
SETTLED_S = 30.0  # a connection that lived this long was no failed attempt
OVERLAP_S = 3.0  # both connections are read while one takes over from the other
LOOK_EVERY_S = 0.25


class FeedSink(Protocol):
    """Where frames and fortunes of one connection go. Called in the event loop: hand over and return."""

    def frame(self, payload: bytes, ts_received_ns: int) -> None:
        """A frame came."""

    def connected(self, ts_received_ns: int) -> None:
        """Frames come from now on."""

    def disconnected(self, reason: str, ts_received_ns: int) -> None:
        """Frames may be missing from now on."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How long a connection may be silent, and how long it lives before another takes over."""

    idle_s: float = 10.0
    lifetime_s: float = 23 * 3_600.0  # the venue cuts at 24 h
    lifetime_jitter_s: float = 1_800.0  # so that a venue's replicas do not all move at once


class FeedConnection:
    """Keeps one address flowing into a sink, for ever."""

    def __init__(
        self,
        url: str,
        sink: FeedSink,
        limits: ConnectionLimits,
        *,
        now_ns: Callable[[], int],
        jitter: random.Random,
    ) -> None:
        self._url = url
        self._sink = sink
        self._limits = limits
        self._now_ns = now_ns
        self._jitter = jitter
        self._attempt = 0

    async def run(self) -> None:
        """Stay connected until cancelled."""
        line = await self._open(self._disconnected)
        try:
            self._sink.connected(self._now_ns())
            while True:
                reason = await line.ended()
                if not reason:
                    line = await self._take_over(line)
                    continue
                await line.close()
                self._disconnected(reason)
                line = await self._open(self._disconnected)
                self._sink.connected(self._now_ns())
        finally:
            await line.close()

    async def _take_over(self, old: _Line) -> _Line:
        """Open the next connection while the old one is still read; what comes twice is told by its number."""
        opening = asyncio.create_task(self._open(lambda reason: None))
        try:
            await asyncio.wait({opening, old.reading}, return_when=asyncio.FIRST_COMPLETED)
            if not opening.done():  # the old one ended early: there is a hole
                self._disconnected(old.reading.result())
                new = await opening
                self._sink.connected(self._now_ns())
            else:
                new = opening.result()
                await asyncio.sleep(OVERLAP_S)
        except asyncio.CancelledError:
            opening.cancel()
            raise
        finally:
            await old.close()
        return new

    def _disconnected(self, reason: str) -> None:
        self._sink.disconnected(reason, self._now_ns())

    async def _open(self, on_failure: Callable[[str], None]) -> _Line:
        while True:
            try:
                socket = await connect(
                    self._url,
                    open_timeout=OPEN_TIMEOUT_S,
                    close_timeout=CLOSE_TIMEOUT_S,
                    ping_interval=PING_EVERY_S,
                    ping_timeout=PING_EVERY_S,
                    max_size=MAX_FRAME_BYTES,
                    max_queue=MAX_QUEUED_FRAMES,
                    compression=None,  # inflating costs more than the bytes saved on a venue's own network
                    proxy=None,
                )
            except (OSError, TimeoutError, WebSocketException) as error:
                on_failure(f"cannot connect: {error!r}"[:200])
                await asyncio.sleep(self._pause_s())
                continue
            life_s = self._limits.lifetime_s - self._jitter.random() * self._limits.lifetime_jitter_s
            return _Line(socket, self._sink, self._now_ns, self._limits.idle_s, life_s, self._settled)

    def _settled(self) -> None:
        self._attempt = 0

    def _pause_s(self) -> float:
        """Return how long to wait before the next try: twice as long each time, give or take a half."""
        pause_s: float = min(FIRST_BACKOFF_S * 2**self._attempt, LAST_BACKOFF_S)
        self._attempt = min(self._attempt + 1, 16)
        return pause_s * (0.5 + self._jitter.random())


class _Line:
    """One socket being read."""

    def __init__(
        self,
        socket: ClientConnection,
        sink: FeedSink,
        now_ns: Callable[[], int],
        idle_s: float,
        life_s: float,
        settled: Callable[[], None],
    ) -> None:
        self._socket = socket
        self._sink = sink
        self._now_ns = now_ns
        self._idle_s = idle_s
        self._loop = asyncio.get_running_loop()
        self._born_s = self._heard_s = self._loop.time()
        self._life_s = life_s
        self._settled = settled
        self.reading = asyncio.create_task(self._read(), name="feed-read")

    async def ended(self) -> str:
        """Return why the socket is of no more use, or an empty text when it is old."""
        while True:
            await asyncio.wait({self.reading}, timeout=LOOK_EVERY_S)
            if self.reading.done():
                return self.reading.result()
            now_s = self._loop.time()
            if now_s - self._born_s > SETTLED_S:
                self._settled()
            if now_s - self._heard_s > self._idle_s:
                return f"no frame for {self._idle_s:g} s"
            if now_s - self._born_s > self._life_s:
                return ""

    async def close(self) -> None:
        """Stop reading, then close; a peer that does not answer is dropped."""
        self.reading.cancel()
        await asyncio.wait({self.reading})
        await self._socket.close()

    async def _read(self) -> str:
        sink, receive, now_ns, loop = self._sink, self._socket.recv, self._now_ns, self._loop
        count = 0
        try:
            while True:
                payload = await receive(decode=False)
                self._heard_s = loop.time()
                sink.frame(payload, now_ns())
                count += 1
                if count % FRAMES_PER_TURN == 0:
                    await asyncio.sleep(0)
        except ConnectionClosed as error:
            return f"connection closed: {error}"[:200]
