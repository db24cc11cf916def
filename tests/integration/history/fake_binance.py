"""A server on loopback that speaks Binance's public history, and misbehaves as it is told."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any

from aiohttp import web

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
LENGTH_MS = {"1m": MINUTE_MS, "5m": 5 * MINUTE_MS, "1h": HOUR_MS, "1d": 24 * HOUR_MS}
LISTED_MS = 1_746_144_000_000  # 2025-05-02
NOW_MS = 1_746_489_630_000  # 2025-05-06 00:00:30, in the middle of a minute
FUNDING_LATE_MS = 7  # after the hour, as the venue stamps its rates


def candle(open_ms: int, length_ms: int) -> list[Any]:
    """Return the candle of a time: a function of the time, so that every answer tells the same."""
    base = 95_000 + (open_ms // MINUTE_MS) % 997
    prices = [f"{base}.1", f"{base + 9}.5", f"{base - 7}.2", f"{base + 3}.7"]
    volume = (open_ms // MINUTE_MS) % 13 + 0.5
    tail = [f"{volume * base:.4f}", (open_ms // MINUTE_MS) % 50 + 1, f"{volume / 4}", f"{volume * base / 4:.4f}", "0"]
    return [open_ms, *prices, str(volume), open_ms + length_ms - 1, *tail]


def instrument(symbol: str, base: str) -> dict[str, Any]:
    """Return a contract of exchangeInfo, as ccxt needs it."""
    return {
        "symbol": symbol,
        "pair": symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4_133_404_800_000,
        "onboardDate": LISTED_MS,
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "isSpotTradingAllowed": True,
        "permissions": ["SPOT"],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.1", "maxPrice": "1000000", "tickSize": "0.1"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
        ],
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC"],
    }


class FakeBinance:
    """The server. ``faults`` are taken one by one by the requests for history; ``asked`` is what came."""

    def __init__(self) -> None:
        self.faults: deque[str] = deque()
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.absent: set[int] = set()  # opening times in ms of minutes that the venue does not have
        self.spoilt: dict[int, list[Any]] = {}  # candles that it tells otherwise
        self.most_rows = 1_000
        self.now_ms = NOW_MS
        self.pause_s = 0.0
        self.trades: list[dict[str, Any]] = []
        self.marks_in_rates = True
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        app = web.Application()
        for root in ("/fapi/v1", "/api/v3"):
            app.router.add_get(f"{root}/exchangeInfo", self._info)
            app.router.add_get(f"{root}/time", self._time)
            app.router.add_get(f"{root}/klines", self._klines)
            app.router.add_get(f"{root}/markPriceKlines", self._klines)
            app.router.add_get(f"{root}/fundingRate", self._rates)
            app.router.add_get(f"{root}/aggTrades", self._trades)
        self._runner = web.AppRunner(app, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]

    async def stop(self) -> None:
        """Close every connection."""
        assert self._runner is not None
        await self._runner.cleanup()

    def asked_for(self, what: str) -> list[dict[str, str]]:
        """Return the parameters of every request for one thing."""
        return [params for path, params in self.asked if path.endswith(f"/{what}")]

    async def _info(self, _request: web.Request) -> web.Response:
        instruments = [instrument("BTCUSDT", "BTC"), instrument("ETHUSDT", "ETH")]
        return web.json_response({"timezone": "UTC", "serverTime": self.now_ms, "symbols": instruments})

    async def _time(self, _request: web.Request) -> web.Response:
        return web.json_response({"serverTime": self.now_ms})

    async def _klines(self, request: web.Request) -> web.StreamResponse:
        params = request.query
        length_ms = LENGTH_MS[params["interval"]]
        begin_ms = max(-(-int(params["startTime"]) // length_ms) * length_ms, LISTED_MS)
        end_ms = min(int(params.get("endTime", self.now_ms)), self.now_ms)
        most = min(int(params["limit"]), self.most_rows)
        rows: list[list[Any]] = []
        for open_ms in range(begin_ms, end_ms + 1, length_ms):
            if (open_ms not in self.absent or length_ms > MINUTE_MS) and len(rows) < most:
                rows.append(self.spoilt.get(open_ms) or candle(open_ms, length_ms))
        return await self._answer(request, rows)

    async def _rates(self, request: web.Request) -> web.StreamResponse:
        begin_ms = max(int(request.query["startTime"]), LISTED_MS)
        end_ms, most = int(request.query["endTime"]), min(int(request.query["limit"]), self.most_rows)
        due = range(-(-begin_ms // (8 * HOUR_MS)) * 8 * HOUR_MS, min(end_ms, self.now_ms) + 1, 8 * HOUR_MS)
        rows = [
            {
                "symbol": request.query["symbol"],
                "fundingTime": due_ms + FUNDING_LATE_MS,
                "fundingRate": f"0.0000{due_ms // HOUR_MS % 90 + 10}",
                "markPrice": f"{95_000 + due_ms // HOUR_MS % 50}.25" if self.marks_in_rates else "",
            }
            for due_ms in due
        ]
        return await self._answer(request, rows[:most])

    async def _trades(self, request: web.Request) -> web.StreamResponse:
        params = request.query
        if "fromId" in params:
            rows = [trade for trade in self.trades if trade["a"] >= int(params["fromId"])]
        else:
            begin_ms, end_ms = int(params["startTime"]), int(params["endTime"])
            assert end_ms - begin_ms <= HOUR_MS, "the venue refuses more than an hour"
            rows = [trade for trade in self.trades if begin_ms <= trade["T"] <= end_ms]
        return await self._answer(request, rows[: min(int(params["limit"]), self.most_rows)])

    async def _answer(self, request: web.Request, rows: list[Any]) -> web.StreamResponse:
        self.asked.append((request.path, dict(request.query)))
        await asyncio.sleep(self.pause_s)
        fault, _, detail = (self.faults.popleft() if self.faults else "").partition(":")
        body = json.dumps(rows).encode()
        if fault in {"429", "418"}:
            told = {"code": -1003, "msg": "Too many requests"}
            return web.json_response(told, status=int(fault), headers={"Retry-After": detail})
        if fault in {"400", "451", "500", "503"}:
            return web.Response(status=int(fault), text="<html>no</html>", content_type="text/html")
        if fault == "hang":
            await asyncio.sleep(3_600)
        if fault == "truncated":  # whole by its length, and no JSON
            body = body[: len(body) // 2]
        if fault == "object":
            body = b'{"unexpected": true}'
        if fault == "cut":  # shorter than its length says
            response = web.StreamResponse(headers={"Content-Length": str(len(body) + 10)})
            await response.prepare(request)
            await response.write(body)
            assert request.transport is not None
            request.transport.close()
            return response
        return web.Response(body=body, content_type="application/json")
