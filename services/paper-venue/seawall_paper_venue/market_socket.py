"""WebSocket connections: ``/stream?streams=…``, ``/ws/<stream>`` and ``/ws``, with live subscriptions."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import cast

import msgspec
from aiohttp import WSMessage, WSMsgType, web

from .broadcast import MAX_UNSENT_BYTES, Subscriber, frame_text
from .market_hub import MarketHub
from .market_requests import MAX_STREAMS, answer_request

# a request is a list of stream names: 1 024 of them fit
_MAX_MESSAGE_BYTES = 64 * 1024


class SocketLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How long a connection lives and what a client may do, by default as on the real venue."""

    lifetime_s: float = 86_400.0
    ping_every_s: float = 180.0
    pong_within_s: float = 600.0
    max_messages_a_second: int = 10
    max_unsent_bytes: int = MAX_UNSENT_BYTES


def market_socket_routes(
    hub: MarketHub,
    limits: SocketLimits | None = None,
    is_private_stream: Callable[[str], bool] | None = None,
) -> list[web.RouteDef]:
    """Return the WebSocket routes, at the root for all streams and under ``/public`` and ``/market`` for theirs.

    ``is_private_stream`` tells which other names may be subscribed to, such as listen keys; what is
    sent to such a name through ``hub.broadcaster`` reaches its subscribers.
    """
    sockets = MarketSockets(hub, limits or SocketLimits(), is_private_stream or (lambda name: False))
    return [
        web.get(route + path, partial(serve, route))
        for route in ("", "/public", "/market")
        for path, serve in (
            ("/stream", sockets.serve_combined),
            ("/ws", sockets.serve_plain),
            ("/ws/", sockets.serve_plain),
            ("/ws/{streams:.+}", sockets.serve_plain),
        )
    ]


class MarketSockets:
    """Serves market connections over one hub."""

    def __init__(self, hub: MarketHub, limits: SocketLimits, is_private_stream: Callable[[str], bool]) -> None:
        self._hub = hub
        self._limits = limits
        self._is_private_stream = is_private_stream

    async def serve_combined(self, route: str, request: web.Request) -> web.StreamResponse:
        """Serve ``/stream?streams=a/b``: every frame in an envelope that names its stream."""
        return await self._serve(request, route, request.query.get("streams", ""), combined=True)

    async def serve_plain(self, route: str, request: web.Request) -> web.StreamResponse:
        """Serve ``/ws`` and ``/ws/a/b``: bare frames."""
        return await self._serve(request, route, request.match_info.get("streams", ""), combined=False)

    async def _serve(self, request: web.Request, route: str, names: str, *, combined: bool) -> web.StreamResponse:
        streams = [name for name in names.split("/") if name]
        if len(streams) > MAX_STREAMS:
            return web.Response(status=400, text="too many streams")
        # frames are written to the transport as they are, so nothing may compress or mask them
        socket = web.WebSocketResponse(compress=False, autoping=False, max_msg_size=_MAX_MESSAGE_BYTES)
        await socket.prepare(request)
        if request.transport is None:
            return socket  # gone already
        # a TCP transport in either event loop, though not by class in uvloop's
        transport = cast(asyncio.WriteTransport, request.transport)
        subscriber = Subscriber(
            transport, combined=combined, route=route, max_unsent_bytes=self._limits.max_unsent_bytes
        )
        self._hub.broadcaster.subscribe(subscriber, streams)
        alive = _Liveness(self._limits)
        pinger = asyncio.create_task(alive.keep(socket), name="market-socket-ping")
        try:
            async with asyncio.timeout(self._limits.lifetime_s):
                await self._listen(socket, subscriber, alive)
        except TimeoutError:
            await socket.close(code=1001, message=b"connection lifetime ended")
        finally:
            pinger.cancel()
            self._hub.broadcaster.forget(subscriber)
        return socket

    async def _listen(self, socket: web.WebSocketResponse, subscriber: Subscriber, alive: _Liveness) -> None:
        """Answer what the client sends until it leaves or breaks a limit."""
        recent: deque[float] = deque(maxlen=self._limits.max_messages_a_second + 1)
        async for message in socket:
            if message.type is WSMsgType.PONG:
                alive.pong()
                continue
            now = asyncio.get_running_loop().time()
            recent.append(now)
            if len(recent) == recent.maxlen and now - recent[0] < 1.0:
                await socket.close(code=1008, message=b"Too many requests")
                return
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
            else:
                self._answer(subscriber, message)

    def _answer(self, subscriber: Subscriber, message: WSMessage) -> None:
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            return
        answer = answer_request(message.data, subscriber, self._hub.broadcaster, self._is_private_stream)
        subscriber.write(frame_text(answer))


class _Liveness:
    """Pings a client and gives up on one that does not answer."""

    def __init__(self, limits: SocketLimits) -> None:
        self._limits = limits
        self._last_pong = asyncio.get_running_loop().time()

    def pong(self) -> None:
        self._last_pong = asyncio.get_running_loop().time()

    async def keep(self, socket: web.WebSocketResponse) -> None:
        loop = asyncio.get_running_loop()
        while not socket.closed:
            await asyncio.sleep(self._limits.ping_every_s)
            if loop.time() - self._last_pong > self._limits.pong_within_s:
                await socket.close(code=1008, message=b"Pong timeout")
                return
            await socket.ping(str(int(loop.time() * 1000)).encode())
