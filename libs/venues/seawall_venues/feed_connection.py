"""One market-data socket that is always there: reconnected, never frozen unseen, replaced before it is cut.

Nothing here knows what a frame says. Each socket gets a lane of its own, which does: it is told of
frames as they came, with the time they came at, and says what to send.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from .wire import SocketRules

MAX_FRAME_BYTES = 16 << 20  # a whole book of Coinbase is some MiB; more is a fault
MAX_QUEUED_FRAMES = 1_024  # half a second of a busy market; then the socket itself pushes back
MAX_UNSENT = 4_096  # messages; more than the subscriptions of every symbol of a venue is a runaway
FRAMES_PER_TURN = 64  # then the bus and the timers get theirs
OPEN_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 0.25  # a stopping service has a second for everything
PING_EVERY_S = 10.0  # a dead connection is noticed within two of these; the venue's own pings are answered
FIRST_BACKOFF_S = 0.1
LAST_BACKOFF_S = 15.0
BAN_S = 60.0  # a refused handshake means "too fast" or worse: a venue that bans does so for minutes
SETTLED_S = 30.0  # a connection that lived this long was no failed attempt
OVERLAP_S = 3.0  # both connections are read while one takes over, after the new one asked for everything
MAX_OVERLAP_S = 60.0  # a book that does not come by then may never come; the others move without it
LOOK_EVERY_S = 0.25
LIFETIME_JITTER = 1 / 46  # half an hour of 23 h, so that a venue's replicas do not all move at once
_BANS = frozenset({HTTPStatus.FORBIDDEN, 418, HTTPStatus.TOO_MANY_REQUESTS})


class Lane(Protocol):
    """What is said on one socket. Called in the event loop: hand over and return."""

    def opening(self) -> Sequence[str]:
        """Return what to send first."""

    def frame(self, payload: bytes, ts_received_ns: int) -> str:
        """Take a frame; return why this socket must be replaced, or an empty text."""

    def sent(self, message: str, ts_sent_ns: int) -> None:
        """A message left."""


class FeedSink(Protocol):
    """Where the fortunes of one connection go. Called in the event loop: hand over and return."""

    fault: str
    """Why the connection must be replaced; empty while it is good."""

    @property
    def has_moved(self) -> bool:
        """True once every book has come on the newest lane."""

    def new_lane(self, ts_ns: int) -> Lane:
        """Return the lane of a socket that was just opened."""

    def connected(self, ts_received_ns: int) -> None:
        """Frames come from now on."""

    def disconnected(self, reason: str, ts_received_ns: int) -> None:
        """Frames may be missing from now on."""

    def taken_over(self, ts_received_ns: int) -> None:
        """Only the newest lane is read from now on."""


class FeedConnection:
    """Keeps one address flowing into a sink, for ever."""

    def __init__(
        self, url: str, sink: FeedSink, rules: SocketRules, *, now_ns: Callable[[], int], jitter: random.Random
    ) -> None:
        self._url = url
        self._sink = sink
        self._rules = rules
        self._now_ns = now_ns
        self._jitter = jitter
        self._attempt = 0
        self._line: _Line | None = None

    def send(self, messages: Sequence[str]) -> None:
        """Send these on the newest socket, within the venue's pace; nothing where there is none."""
        if self._line is not None:
            self._line.send(messages)

    def is_waiting(self, message: str) -> bool:
        """True while this message has not left."""
        return self._line is not None and self._line.is_waiting(message)

    def replace(self, reason: str) -> None:
        """Give this socket up and open another: what it carries is not to be trusted."""
        if self._line is not None:
            self._line.give_up(reason)

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
                await self._read_both(old, new)
                self._sink.taken_over(self._now_ns())
        except asyncio.CancelledError:
            if not opening.cancel() and not opening.cancelled():
                await opening.result().close()
            raise
        finally:
            await old.close()
        return new

    async def _read_both(self, old: _Line, new: _Line) -> None:
        """Wait until the new connection carries everything; give it up where the old one ended before that."""
        clock = asyncio.get_running_loop().time
        begun_s, whole_s = clock(), 0.0
        while not new.reading.done():
            now_s = clock()
            if not whole_s and new.has_asked and self._sink.has_moved:
                whole_s = now_s
            if now_s - (whole_s or now_s) >= OVERLAP_S or now_s - begun_s >= MAX_OVERLAP_S:
                return
            if old.reading.done():
                if not whole_s:  # there is a hole, and nobody could tell where it ends
                    new.give_up(old.reading.result())
                return
            await asyncio.wait({old.reading, new.reading}, timeout=LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)

    def _disconnected(self, reason: str) -> None:
        self._sink.disconnected(reason, self._now_ns())

    async def _open(self, on_failure: Callable[[str], None]) -> _Line:
        while True:
            pause_s = self._pause_s() if self._attempt else 0.0
            self._attempt = min(self._attempt + 1, 16)
            await asyncio.sleep(pause_s)
            try:
                socket = await self._connect()
            except InvalidStatus as error:
                on_failure(f"cannot connect: HTTP {error.response.status_code}")
                await asyncio.sleep(_asked_wait_s(error))
            except (OSError, TimeoutError, WebSocketException) as error:
                on_failure(f"cannot connect: {error!r}"[:200])
            else:
                rules = self._rules
                life_s = rules.lifetime_s * (1 - self._jitter.random() * LIFETIME_JITTER)
                self._line = _Line(socket, self._sink, rules, life_s, self._now_ns, self._settled)
                return self._line

    async def _connect(self) -> ClientConnection:
        return await connect(
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

    def _settled(self) -> None:
        self._attempt = 0

    def _pause_s(self) -> float:
        """Return how long to wait before the next try: twice as long each time, give or take a half."""
        pause_s: float = min(FIRST_BACKOFF_S * 2 ** (self._attempt - 1), LAST_BACKOFF_S)
        return pause_s * (0.5 + self._jitter.random())


def _asked_wait_s(error: InvalidStatus) -> float:
    """Return how long the venue wants us to stay away after a refused handshake."""
    if error.response.status_code not in _BANS:
        return 0.0
    text = error.response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else BAN_S


class _Line:
    """One socket being read and written."""

    def __init__(
        self,
        socket: ClientConnection,
        sink: FeedSink,
        rules: SocketRules,
        life_s: float,
        now_ns: Callable[[], int],
        settled: Callable[[], None],
    ) -> None:
        self._socket = socket
        self._sink = sink
        self._lane = lane = sink.new_lane(now_ns())
        self._rules = rules
        self._now_ns = now_ns
        self._loop = asyncio.get_running_loop()
        self._born_s = self._heard_s = self._loop.time()
        self._life_s = life_s
        self._settled = settled
        self._is_leaving = False
        self._given_up = ""
        self._unsent: deque[str] = deque(lane.opening(), maxlen=MAX_UNSENT)
        self._something = asyncio.Event()
        self.reading = asyncio.create_task(self._read(), name="feed-read")
        self._writing = asyncio.create_task(self._write(), name="feed-write")

    @property
    def has_asked(self) -> bool:
        """True while nothing waits to be sent, so that what was subscribed to is under way."""
        return not self._unsent

    def send(self, messages: Sequence[str]) -> None:
        """Queue messages behind those that wait."""
        self._unsent.extend(messages)
        self._something.set()

    def is_waiting(self, message: str) -> bool:
        """True while this message waits behind others."""
        return message in self._unsent

    def give_up(self, reason: str) -> None:
        """Let ``ended`` return this reason at its next look."""
        self._given_up = reason

    async def ended(self) -> str:
        """Return why the socket is of no more use, or an empty text when another should take over."""
        while True:
            if fault := self._given_up or self._sink.fault:
                return fault
            await asyncio.wait({self.reading}, timeout=LOOK_EVERY_S)
            if self.reading.done():
                return self.reading.result()
            now_s = self._loop.time()
            if now_s - self._born_s > SETTLED_S:
                self._settled()
            if now_s - self._heard_s > self._rules.idle_s:
                return f"no frame for {self._rules.idle_s:g} s"
            if self._is_leaving or now_s - self._born_s > self._life_s:
                return ""

    async def close(self) -> None:
        """Stop reading, then close; a peer that does not answer is dropped."""
        self.reading.cancel()
        self._writing.cancel()
        await asyncio.wait({self.reading, self._writing})
        await self._socket.close()

    async def _read(self) -> str:
        lane, receive, now_ns, loop = self._lane, self._socket.recv, self._now_ns, self._loop
        count = 0
        try:
            while True:
                payload = await receive(decode=False)
                self._heard_s = loop.time()
                if lane.frame(payload, now_ns()):
                    self._is_leaving = True
                count += 1
                if count % FRAMES_PER_TURN == 0:
                    await asyncio.sleep(0)
        except ConnectionClosed as error:
            return f"connection closed: {error}"[:200]

    async def _write(self) -> None:
        """Send what waits at the venue's pace, and its keepalive when that is due."""
        keepalive = self._rules.keepalive
        pause_s = 1 / self._rules.messages_per_s
        try:
            while True:
                while self._unsent:
                    message = self._unsent.popleft()
                    await self._socket.send(message)
                    self._lane.sent(message, self._now_ns())
                    await asyncio.sleep(pause_s)
                self._something.clear()
                try:
                    await asyncio.wait_for(self._something.wait(), keepalive.every_s if keepalive else None)
                except TimeoutError:
                    if keepalive is not None:
                        self._unsent.append(keepalive.text)
        except ConnectionClosed:
            return  # the reader tells why
