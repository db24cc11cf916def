"""A venue that says whatever a test tells it to, over real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from seawall_runtime.clock import now_ns
from seawall_venues.binance.trading_session import BinanceTradingSession

CANARY_KEY = "CANARYKEY1234567890"
CANARY_SECRET = "CANARYSECRET0987654321"
EXCHANGE_INFO = {
    "rateLimits": [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
    ],
    "symbols": [
        {
            "symbol": "BTCUSDT",
            "contractType": "PERPETUAL",
            "status": "TRADING",
            "baseAsset": "BTC",
            "quoteAsset": "USDT",
            "marginAsset": "USDT",
            "filters": [
                {"filterType": "PRICE_FILTER", "tickSize": "0.10"},
                {"filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "100"},
            ],
        }
    ],
}

Answer = tuple[int, str] | None
"""Status and body; None closes the connection without an answer."""


@dataclass
class Request:
    """What arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class ScriptedVenue:
    """Answers ``script[(method, path)]``; time and exchangeInfo are answered by themselves."""

    script: dict[tuple[str, str], Answer | Callable[[Request], Answer]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    delay_s: float = 0.0
    port: int = 0

    def asked(self, method: str, path: str) -> list[Request]:
        """Return the requests of one endpoint."""
        return [request for request in self.requests if (request.method, request.path) == (method, path)]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
                body = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
                method, target, _ = head[0].split(" ")
                path, _, query = target.partition("?")
                fields = {name: values[0] for name, values in parse_qs(query or body).items()}
                request = Request(method, path, fields, headers)
                self.requests.append(request)
                answer = self._answer(request)
                if answer is None:
                    writer.close()
                    return
                await asyncio.sleep(self.delay_s if path.endswith("order") else 0)
                status, text = answer
                data = text.encode()
                lines = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(data)}"]
                lines += [f"{name}: {value}" for name, value in self.headers.items()]
                writer.write("\r\n".join([*lines, "", ""]).encode() + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, request: Request) -> Answer:
        scripted = self.script.get((request.method, request.path))
        if callable(scripted):
            return scripted(request)
        if (request.method, request.path) in self.script:
            return scripted  # type: ignore[return-value]
        if request.path == "/fapi/v1/time":
            return 200, json.dumps({"serverTime": now_ns() // 1_000_000})
        if request.path == "/fapi/v1/exchangeInfo":
            return 200, json.dumps(EXCHANGE_INFO)
        if request.path == "/fapi/v1/positionSide/dual":
            return 200, '{"dualSidePosition": false}'
        return 404, "{}"


@dataclass
class Settings:
    rest_url: str
    websocket_url: str = "ws://127.0.0.1:9"


@dataclass
class Keys:
    key_file: Path
    secret_file: Path


@pytest.fixture
async def venue() -> AsyncIterator[ScriptedVenue]:
    scripted = ScriptedVenue()
    server = await asyncio.start_server(scripted.handle, "127.0.0.1", 0)
    scripted.port = server.sockets[0].getsockname()[1]
    yield scripted
    server.close()


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    (tmp_path / "key").write_text(CANARY_KEY + "\n")
    (tmp_path / "secret").write_text(CANARY_SECRET + "\n")
    return Keys(tmp_path / "key", tmp_path / "secret")


@pytest.fixture
def make_session(venue: ScriptedVenue, keys: Keys) -> Callable[..., BinanceTradingSession]:
    def make(**options: Any) -> BinanceTradingSession:
        settings = Settings(f"http://127.0.0.1:{venue.port}")
        return BinanceTradingSession(settings, keys, clock_ns=now_ns, receive_window_ms=2_000, **options)

    return make


@pytest.fixture
async def session(make_session: Callable[..., BinanceTradingSession]) -> AsyncIterator[BinanceTradingSession]:
    opened = make_session()
    await opened.open()
    yield opened
    await opened.close()
