"""A venue on loopback that misbehaves on purpose, over markets whose truth the test knows.

What it says and how it is asked is a dialect's: ``rude_binance.py`` names its streams in the address,
``rude_bybit.py`` takes subscriptions by message and brings each book's snapshot on the stream.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Self

import msgspec
from aiohttp import WSMsgType, web

from .rude_market import Move, TrueMarket

Kind = Literal["depth", "quote", "trade", "other"]
MAX_SOCKETS = 64  # in one test; more is a client that runs wild
SHORT_PAYLOAD, LONG_PAYLOAD = 126, 1 << 16  # where the length of a WebSocket frame takes more bytes
TEXT, CONTINUATION, LAST = 0x1, 0x0, 0x80


class Answer(NamedTuple):
    """What a REST path answers instead of the truth; ``sent`` of it and then the connection is cut."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}
    sent: int | None = None


HANG = Answer(0)
"""Never an answer."""


class Asked(NamedTuple):
    """A REST request: when by the monotonic clock, and what for."""

    at_s: float
    path: str
    symbol: str


@dataclass(slots=True)
class Topic:
    """One subscription of one socket."""

    name: str
    kind: Kind
    symbol: str
    is_muted: bool = False
    base: int = 0  # what its own numbers are counted from


@dataclass(slots=True)
class RudeSocket:
    """One client's connection: what it asked for, and when it said what."""

    number: int
    response: web.WebSocketResponse
    transport: asyncio.Transport
    topics: dict[str, Topic] = field(default_factory=dict)
    heard: list[tuple[float, str]] = field(default_factory=list)
    lag: int = 0  # frames kept back: it is that far behind the market
    kept: deque[bytes] = field(default_factory=deque)

    def send(self, frame: bytes) -> None:
        """Send one frame, or what was kept back before it."""
        self.kept.append(frame)
        while len(self.kept) > self.lag:
            self.send_now(self.kept.popleft())

    def send_now(self, frame: bytes) -> None:
        """Send one frame at once, so that no other can come in between."""
        if not self.response.closed and not self.transport.is_closing():
            self.transport.write(_framed(frame, TEXT, is_last=True))

    def send_pieces(self, frame: bytes, count: int, *, sent: float = 1.0) -> None:
        """Send a frame as a fragmented message, or only a part of its bytes."""
        size = -(-len(frame) // count)
        pieces = [frame[start : start + size] for start in range(0, len(frame), size)]
        raw = b"".join(
            _framed(piece, TEXT if not at else CONTINUATION, is_last=at == len(pieces) - 1)
            for at, piece in enumerate(pieces)
        )
        self.transport.write(raw[: int(len(raw) * sent)])

    def cut(self) -> None:
        """End the TCP connection without a word, and lose what was not sent yet."""
        self.transport.abort()

    def end(self) -> None:
        """End the TCP connection without a word, behind the last byte that was written."""
        self.transport.close()


class RudeVenue(ABC):
    """Serves seeded markets, which move every ``every_s`` while ``async with`` lasts.

    ``answers`` replace what a REST path says. ``handshakes`` are statuses and headers with which the next
    attempts to open a socket are refused, ``attempts`` when they were made. ``twice`` sends every frame
    again. ``first`` are frames that a new socket is sent before all else. ``spoiled`` says what becomes of
    the first market's next frame of a kind. ``subscribing_s`` is how long a subscription takes to begin,
    ``answering_s`` how long REST takes to answer; ``snapshot_behind`` by how many moves a snapshot, over REST
    or on the stream, is older than the market, ``most_trades`` how many REST lists. While ``is_stuck`` what
    froze stays so, subscribed to anew or not; while ``is_deaf`` nothing that a client says is answered; while
    ``is_locked`` no socket is let in.
    """

    venue: str
    stream_path: str

    def __init__(self, *symbols: str, every_s: float = 0.02) -> None:
        self.markets = {symbol: TrueMarket(symbol, seed) for seed, symbol in enumerate(symbols, 1)}
        self.answers: dict[str, Answer] = {}
        self.asked: list[Asked] = []
        self.handshakes: deque[tuple[int, Mapping[str, str]]] = deque()
        self.attempts: list[float] = []
        self.sockets: list[RudeSocket] = []  # those that are open
        self.every_socket: list[RudeSocket] = []
        self.first: list[bytes] = []
        self.twice = False
        self.spoiled: tuple[Kind, Callable[[bytes], bytes]] | None = None
        self.is_locked = False
        self.is_stuck = False
        self.is_deaf = False
        self.answering_s = 0.0
        self.subscribing_s = 0.0
        self.snapshot_behind = 0
        self.most_trades = 1_000
        self.every_s = every_s
        self.port = 0
        self._lost: dict[tuple[str, Kind], int] = {}
        self._runner: web.AppRunner | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def newest(self) -> RudeSocket:
        """The socket that was opened last."""
        return self.sockets[-1]

    async def __aenter__(self) -> Self:
        await self.open()
        self.spawn(self._move())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.close()

    async def open(self) -> None:
        """Listen, on the same port as before."""
        app = web.Application(middlewares=[self._answering])
        app.add_routes([web.get(self.stream_path, self._stream), *self.routes()])
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Be gone; the markets move on."""
        for socket in list(self.sockets):
            socket.cut()
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = None

    def lose(self, symbol: str, kind: Kind, count: int = 1) -> None:
        """Lose the next frames of this symbol's kind on their way, on every socket."""
        self._lost[symbol, kind] = count

    def freeze(self, symbol: str, *kinds: Kind) -> None:
        """Say nothing more of a symbol on the sockets there are, until it is subscribed to anew."""
        for socket in self.sockets:
            for topic in socket.topics.values():
                if topic.symbol == symbol and topic.kind in (kinds or ("depth", "quote", "trade", "other")):
                    topic.is_muted = True

    def thaw(self) -> None:
        """Go on, by itself, with all that froze."""
        for socket in self.sockets:
            for topic in socket.topics.values():
                topic.is_muted = False

    def subscribed(self, socket: RudeSocket, topic: Topic) -> None:
        """Tell a socket of a topic from now on."""
        before = socket.topics.get(topic.name)
        topic.is_muted = self.is_stuck and before is not None and before.is_muted
        socket.topics[topic.name] = topic

    def unsubscribed(self, socket: RudeSocket, name: str) -> None:
        """Tell a socket of a topic no more."""
        if not self.is_stuck:
            socket.topics.pop(name, None)

    def said(self, symbol: str, start: int, end: int) -> list[bytes]:
        """Return what the newest socket was told of some moves, by their place in the market's history."""
        socket, market = self.newest, self.markets[symbol]
        topics = [topic for topic in socket.topics.values() if topic.symbol == symbol]
        return [
            frame for move in market.moves[start:end] for topic in topics for frame in self.frames(topic, market, move)
        ]

    def spawn(self, work: Any) -> asyncio.Task[None]:
        """Do something beside, until the venue ends."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @abstractmethod
    def routes(self) -> Sequence[web.RouteDef]:
        """Return the REST paths, and further streams."""

    @abstractmethod
    def frames(self, topic: Topic, market: TrueMarket, move: Move) -> list[bytes]:
        """Return what a topic tells of a move."""

    @abstractmethod
    async def opened(self, socket: RudeSocket, request: web.Request) -> None:
        """A client came."""

    @abstractmethod
    async def hear(self, socket: RudeSocket, text: str) -> None:
        """A client said something."""

    async def _move(self) -> None:
        while True:
            for market in self.markets.values():
                move = market.move()
                for socket in list(self.sockets):
                    for topic in list(socket.topics.values()):
                        if topic.symbol == market.symbol and not topic.is_muted:
                            self._tell(socket, topic, self.frames(topic, market, move))
                for kind in ("depth", "quote", "trade"):
                    self._lost[market.symbol, kind] = max(0, self._lost.get((market.symbol, kind), 0) - 1)
            await asyncio.sleep(self.every_s)

    def _tell(self, socket: RudeSocket, topic: Topic, frames: list[bytes]) -> None:
        if self._lost.get((topic.symbol, topic.kind)):
            return
        for frame in frames:
            if self.spoiled and self.spoiled[0] == topic.kind and topic.symbol == next(iter(self.markets)):
                frame, self.spoiled = self.spoiled[1](frame), None
            socket.send(frame)
            if self.twice:
                socket.send(frame)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        self.attempts.append(time.monotonic())
        if self.is_locked:
            return web.Response(status=503)
        if self.handshakes:
            status, headers = self.handshakes.popleft()
            return web.Response(status=status, headers=headers)
        response = web.WebSocketResponse(compress=False, autoping=True)
        await response.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        assert len(self.every_socket) < MAX_SOCKETS
        socket = RudeSocket(len(self.every_socket) + 1, response, request.transport)
        self.sockets.append(socket)
        self.every_socket.append(socket)
        try:
            for frame in self.first:
                socket.send_now(frame)
            await self.opened(socket, request)
            async for message in response:
                if message.type is not WSMsgType.TEXT:
                    break
                socket.heard.append((time.monotonic(), message.data))
                if not self.is_deaf:
                    self.spawn(self.hear(socket, message.data))
        finally:
            self.sockets.remove(socket)
        return response

    @web.middleware
    async def _answering(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path == self.stream_path or request.path.endswith("/stream"):
            return await handler(request)  # type: ignore[no-any-return]
        self.asked.append(Asked(time.monotonic(), request.path, request.query.get("symbol", "")))
        answer = self.answers.get(request.path)
        if answer is None:
            body = msgspec.json.encode(await handler(request))
            await asyncio.sleep(self.answering_s)
            return web.Response(body=body)
        if answer == HANG:
            await asyncio.sleep(60)
        body = answer.body or msgspec.json.encode(await handler(request))
        if answer.sent is None:
            return web.Response(status=answer.status, headers=answer.headers, body=body)
        response = web.StreamResponse(headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: answer.sent])
        assert isinstance(request.transport, asyncio.Transport)
        request.transport.abort()
        return response


def _framed(payload: bytes, opcode: int, *, is_last: bool) -> bytes:
    """Return a WebSocket frame as a server sends it (RFC 6455, 5.2)."""
    head = bytes([opcode | (LAST if is_last else 0)])
    if len(payload) < SHORT_PAYLOAD:
        return head + bytes([len(payload)]) + payload
    if len(payload) < LONG_PAYLOAD:
        return head + b"\x7e" + len(payload).to_bytes(2, "big") + payload
    return head + b"\x7f" + len(payload).to_bytes(8, "big") + payload
