"""A venue on loopback that speaks Binance USD-M's public dialect and misbehaves on request."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from .feed_frames import GeneratedMarket

FILTERS = [
    {"filterType": "PRICE_FILTER", "tickSize": "0.10", "minPrice": "0.1", "maxPrice": "1000000"},
    {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
    {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
    {"filterType": "MIN_NOTIONAL", "notional": "100"},
]


class FakeVenue:
    """Serves seeded markets; ``async with`` starts it on a free port.

    ``answers`` overrides a REST path with ``(status, headers, body)``; ``sockets`` are the open
    connections of ``/public``, ``market_sockets`` those of ``/market``.
    """

    def __init__(self, *symbols: str) -> None:
        self.markets = {symbol: GeneratedMarket(number + 1, symbol) for number, symbol in enumerate(symbols)}
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.requests: list[str] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.market_sockets: list[web.WebSocketResponse] = []
        self.connections = 0
        self.streams: list[str] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def __aenter__(self) -> FakeVenue:
        app = web.Application()
        app.add_routes(
            [
                web.get("/fapi/v1/exchangeInfo", self._exchange_info),
                web.get("/fapi/v1/depth", self._depth),
                web.get("/fapi/v1/trades", self._trades),
                web.get("/fapi/v1/klines", self._klines),
                web.get("/public/stream", self._public),
                web.get("/market/stream", self._market),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def send(self, frame: bytes) -> None:
        """Send one frame to every public connection."""
        for socket in list(self.sockets):
            if not socket.closed:
                await socket.send_str(frame.decode())

    async def drop(self) -> None:
        """Close every public connection."""
        for socket in list(self.sockets):
            await socket.close(code=1001)

    async def _serve(self, request: web.Request, sockets: list[web.WebSocketResponse]) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        self.streams += request.query["streams"].split("/")
        self.connections += 1
        sockets.append(socket)
        try:
            async for message in socket:
                if message.type is WSMsgType.ERROR:
                    break
        finally:
            sockets.remove(socket)
        return socket

    async def _public(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, self.sockets)

    async def _market(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, self.market_sockets)

    def _answer(self, request: web.Request, body: Any) -> web.Response:
        self.requests.append(request.path)
        if request.path in self.answers:
            status, headers, data = self.answers[request.path]
            return web.Response(status=status, headers=headers, body=data)
        return web.Response(body=body if isinstance(body, bytes) else msgspec.json.encode(body))

    async def _exchange_info(self, request: web.Request) -> web.Response:
        listed = [
            {
                "symbol": symbol,
                "contractType": "PERPETUAL",
                "status": "TRADING",
                "baseAsset": symbol.removesuffix("USDT"),
                "quoteAsset": "USDT",
                "marginAsset": "USDT",
                "filters": FILTERS,
            }
            for symbol in self.markets
        ]
        return self._answer(request, {"symbols": listed, "rateLimits": []})

    async def _depth(self, request: web.Request) -> web.Response:
        return self._answer(request, self.markets[request.query["symbol"]].snapshot())

    async def _trades(self, request: web.Request) -> web.Response:
        return self._answer(request, [])

    async def _klines(self, request: web.Request) -> web.Response:
        return self._answer(request, [])


async def until(condition: Any, timeout_s: float = 5.0) -> None:
    """Wait until the condition holds; an AssertionError where it does not in time."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "did not come about in time"
        await asyncio.sleep(0.01)
