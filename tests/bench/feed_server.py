"""A venue of many symbols in a process of its own: frames at a steady pace over real sockets, each with its time.

``python -m tests.bench.feed_server <symbols> <frames a second> <core>`` prints its port, sends from when
every symbol is subscribed to, and ends with its standard input. A frame's last field is when it left.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from contextlib import suppress

from aiohttp import ClientError, WSMsgType, web

from seawall_runtime.clock import now_ns
from tests.worlds.fake_venue import FILTERS

from .feed_cycle import FeedCycle

NS_PER_MS = 1_000_000
TICK_S = 0.0005
SENT_DIGITS = 19  # of nanoseconds since 1970
MAX_BURST = 50  # frames; after a pause of ours the pace is taken up again, not made up for
MARKET_EVERY_S = 1.0
WEIGHT_PER_MINUTE = 1_000_000  # the venue's own would let 200 books in only after two minutes


class FeedServer:
    """Sends the frames of USD-M contracts that all trade alike, each on its own place in the cycle."""

    def __init__(self, symbols: int, frames_per_s: int) -> None:
        self._names = names_of(symbols)
        self._frames_per_s = frames_per_s
        self._cycle = FeedCycle()
        self._places = dict.fromkeys(self._names, 0)
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._others: list[tuple[str, web.WebSocketResponse]] = []

    async def serve(self) -> None:
        """Serve until standard input ends."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/fapi/v1/exchangeInfo", self._listing),
                web.get("/fapi/v1/depth", self._depth),
                web.get("/fapi/v1/{list:trades|klines}", self._nothing),
                web.get("/public/stream", self._public),
                web.get("/market/stream", self._market),
            ]
        )
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        this = asyncio.current_task()
        assert this is not None
        asyncio.get_running_loop().add_reader(sys.stdin, this.cancel)
        with suppress(asyncio.CancelledError, ClientError):  # the other side leaves before it ends our input
            await asyncio.gather(self._send(), self._send_marks())

    async def _send(self) -> None:
        while len(self._sockets) < len(self._names):
            await asyncio.sleep(0.01)
        loop, choose = asyncio.get_running_loop(), random.Random(1).choice
        due_s = loop.time()
        while True:
            now_s = loop.time()
            due_s = max(due_s, now_s - MAX_BURST / self._frames_per_s)
            while due_s <= now_s:
                due_s += 1 / self._frames_per_s
                await self._send_frame(choose(self._names))
            await asyncio.sleep(TICK_S)

    async def _send_frame(self, name: str) -> None:
        place = self._places[name]
        self._places[name] = place + 1
        sent_ns = now_ns()
        frame = self._cycle.frame(place, name.encode(), sent_ns // NS_PER_MS)
        await self._sockets[name].send_frame(b'%b,"sent":%d}' % (frame[:-1], sent_ns), WSMsgType.TEXT)

    async def _send_marks(self) -> None:
        """Keep the other connections from falling silent."""
        while True:
            now_ms = now_ns() // NS_PER_MS
            for name, socket in self._others:
                data = {"e": "markPriceUpdate", "E": now_ms, "s": name, "p": "60000", "i": "60000", "r": "0.0001"}
                whole = {"stream": f"{name.lower()}@markPrice@1s", "data": {**data, "T": now_ms}, "sent": now_ns()}
                await socket.send_str(json.dumps(whole, separators=(",", ":")))
            await asyncio.sleep(MARKET_EVERY_S)

    async def _public(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        self._sockets |= {stream.partition("@")[0].upper(): socket for stream in request.query["streams"].split("/")}
        return await self._hold(socket)

    async def _market(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        self._others.append((request.query["streams"].partition("@")[0].upper(), socket))
        return await self._hold(socket)

    async def _hold(self, socket: web.WebSocketResponse) -> web.WebSocketResponse:
        async for _ in socket:
            pass
        return socket

    async def _listing(self, request: web.Request) -> web.Response:
        limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": WEIGHT_PER_MINUTE}
        kind = {"contractType": "PERPETUAL", "status": "TRADING", "quoteAsset": "USDT", "marginAsset": "USDT"}
        listed = [
            {"symbol": name, "baseAsset": name.removesuffix("USDT"), **kind, "filters": FILTERS} for name in self._names
        ]
        return web.json_response({"symbols": listed, "rateLimits": [limit]})

    async def _depth(self, request: web.Request) -> web.Response:
        return web.Response(body=self._cycle.snapshot)

    async def _nothing(self, request: web.Request) -> web.Response:
        return web.Response(body=b"[]")


def names_of(symbols: int) -> list[str]:
    """Return as many names in the venue's words."""
    return [f"{number:03}USDT" for number in range(100, 100 + symbols)]


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[3])})
    asyncio.run(FeedServer(int(sys.argv[1]), int(sys.argv[2])).serve())  # its loop writes at once; uvloop's waits
