"""The user-data stream: what happens to the account, pushed to whoever holds a listen key."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from seawall_sim.engine import EngineEvent, Exchange

from .broadcast import Broadcaster
from .endpoints import Call, Endpoint
from .faults import NOT_SERVED, VenueFault
from .journal import JournalError
from .latency import Latency
from .listen_keys import LISTEN_KEY, ListenKeys
from .market_hub import MarketHub
from .market_socket import MarketSockets, SocketLimits
from .wire_events import event_frame, expired_frame

# events under way at a latency of seconds; an account that makes more has other trouble
MAX_UNDER_WAY = 100_000
_encode = msgspec.json.Encoder().encode


class UserStream:
    """Turns events into frames and sends them, in order, to every valid listen key."""

    def __init__(
        self,
        exchange: Exchange,
        keys: ListenKeys,
        broadcaster: Broadcaster,
        latency: Latency,
        now_ms: Callable[[], int],
    ) -> None:
        self._exchange = exchange
        self.keys = keys
        self._broadcaster = broadcaster
        self._latency = latency
        self._now_ms = now_ms
        self._under_way: deque[tuple[float, str, bytes]] = deque(maxlen=MAX_UNDER_WAY)
        self._timer: asyncio.TimerHandle | None = None

    def announce(self, events: list[EngineEvent]) -> None:
        """Send what happened."""
        if not self.keys.active():
            return
        for event in events:
            frame = event_frame(event, self._exchange, self._now_ms())
            self._send(str(frame["e"]), _encode(frame))

    def on_second(self) -> None:
        """End listen keys that nobody prolonged."""
        for listen_key in self.keys.expire(self._now_ms()):
            self.tell_expired(listen_key)

    def tell_expired(self, listen_key: str) -> None:
        """Tell whoever listens that this key is no longer valid."""
        self._write(listen_key, "listenKeyExpired", _encode(expired_frame(listen_key, self._now_ms())))
        self._broadcaster.flush()

    def is_private_stream(self, name: str) -> bool:
        """True for a listen key, alone or with one kind of event behind it."""
        return bool(LISTEN_KEY.match(name.partition("@")[0])) and self.keys.is_active(name.partition("@")[0])

    def _send(self, kind: str, payload: bytes) -> None:
        if self._latency.is_zero:
            self._deliver(kind, payload)
            return
        loop = asyncio.get_running_loop()
        # events never overtake each other, however the delays fall
        earliest = self._under_way[-1][0] if self._under_way else 0.0
        due = max(earliest, loop.time() + self._latency.draw_s())
        self._under_way.append((due, kind, payload))
        if self._timer is None:
            self._timer = loop.call_at(due, self._deliver_due)

    def _deliver_due(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._under_way and self._under_way[0][0] <= loop.time():
            _due, kind, payload = self._under_way.popleft()
            self._deliver(kind, payload)
        if self._under_way:
            self._timer = loop.call_at(self._under_way[0][0], self._deliver_due)

    def _deliver(self, kind: str, payload: bytes) -> None:
        for listen_key in self.keys.active():
            self._write(listen_key, kind, payload)
        self._broadcaster.flush()

    def _write(self, listen_key: str, kind: str, payload: bytes) -> None:
        self._broadcaster.send(listen_key, payload)
        self._broadcaster.send(f"{listen_key}@{kind}", payload)

    # --- REST ----------------------------------------------------------------------------------------------------

    def endpoints(self) -> list[Endpoint]:
        """Return the table of listen key endpoints; they ask for an API key but no signature."""
        path = "/fapi/v1/listenKey"
        return [
            Endpoint(method="POST", path=path, answer=self._start, security="KEY"),
            Endpoint(method="PUT", path=path, answer=self._prolong, security="KEY"),
            Endpoint(method="DELETE", path=path, answer=self._end, security="KEY"),
        ]

    def _start(self, call: Call) -> dict[str, Any]:
        return {"listenKey": self._kept(lambda: self.keys.start(call.key.key, call.now_ms))}

    def _prolong(self, call: Call) -> dict[str, Any]:
        if self.keys.of(call.key.key) is None:
            raise VenueFault(-1125, "This listenKey does not exist.")
        return self._start(call)

    def _end(self, call: Call) -> dict[str, Any]:
        ended = self._kept(lambda: self.keys.end(call.key.key))
        if ended is not None:
            self.tell_expired(ended)
        return {}

    @staticmethod
    def _kept(change: Callable[[], str | None]) -> str | None:
        try:
            return change()
        except JournalError as error:
            raise VenueFault(-1000, NOT_SERVED, status=503) from error


class UserSockets(MarketSockets):
    """Private connections: ``/private/ws?listenKey=…``, ``/private/stream?…`` and the older forms."""

    def __init__(self, hub: MarketHub, limits: SocketLimits, stream: UserStream) -> None:
        super().__init__(hub, limits, stream.is_private_stream)
        self._stream = stream

    def routes(self) -> list[web.RouteDef]:
        """Return the private routes; they must come before the market's, which own ``/ws`` otherwise."""
        return [
            web.get("/private/ws", self._serve_private_plain),
            web.get("/private/ws/{streams:.+}", self._serve_private_plain),
            web.get("/private/stream", self._serve_private_combined),
            web.get("/ws", self._serve_old),
            web.get("/ws/", self._serve_old),
            web.get("/ws/{streams:[A-Za-z0-9]{64}}", self._serve_private_plain),
        ]

    async def _serve_old(self, request: web.Request) -> web.StreamResponse:
        if "listenKey" in request.query:
            return await self._serve_private_plain(request)
        return await self.serve_plain("", request)

    async def _serve_private_plain(self, request: web.Request) -> web.StreamResponse:
        return await self._serve_private(request, combined=False)

    async def _serve_private_combined(self, request: web.Request) -> web.StreamResponse:
        return await self._serve_private(request, combined=True)

    async def _serve_private(self, request: web.Request, *, combined: bool) -> web.StreamResponse:
        names = request.match_info.get("streams", "") or request.query.get("streams", "")
        listen_key = request.query.get("listenKey", "")
        if listen_key:
            kinds = [kind for kind in request.query.get("events", "").split("/") if kind]
            names = "/".join(f"{listen_key}@{kind}" for kind in kinds) or listen_key
        asked = [name for name in names.split("/") if name]
        if asked and not all(self._stream.is_private_stream(name) for name in asked):
            return await self._refuse(request, asked[0].partition("@")[0])
        return await self._serve(request, "", names, combined=combined)

    async def _refuse(self, request: web.Request, listen_key: str) -> web.StreamResponse:
        """Say that the key is not valid (any more) and hang up, so that nobody listens to silence."""
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        await socket.send_str(_encode(expired_frame(listen_key, self._hub.now_ms())).decode())
        await socket.close(code=1008, message=b"listenKey expired")
        return socket
