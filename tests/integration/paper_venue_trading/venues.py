"""A paper venue whose market the test moves by hand, and clients that sign as the venue wants it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec
from aiohttp import web

from seawall_cli.embedded import free_port
from seawall_paper_venue.app import PaperVenue
from seawall_paper_venue.clock import wall_ns
from seawall_paper_venue.keys import ApiKey
from seawall_paper_venue.market_frames import BookSnapshot, DepthUpdate, MarkPriceUpdate, Trade
from seawall_paper_venue.options import Options, parse_options
from seawall_paper_venue.sources.base import Sink

BIDS = [("60000.00", "1.000"), ("59999.90", "2.000"), ("59000.00", "50.000")]
ASKS = [("60000.10", "0.500"), ("60000.20", "1.000"), ("61000.00", "50.000")]
TRADE_KEY = ApiKey(name="trade", key="a" * 64, secret="s" * 64)
GUARDIAN_KEY = ApiKey(name="guardian", key="b" * 64, secret="t" * 64)


class HandMarket:
    """A source that says only what the test tells it to."""

    def __init__(self) -> None:
        self._sink: Sink | None = None
        self._ids = iter(range(1_000, 1_000_000))
        self._book_ids: dict[str, int] = {}
        self._started = asyncio.Event()

    async def run(self, sink: Sink, speed: float) -> None:
        """Wait for the test's words."""
        self._sink = sink
        self._book_ids = {symbol: next(self._ids) for symbol in ("BTCUSDT", "ETHUSDT")}
        now_ms = wall_ns() // 1_000_000
        for symbol, number in self._book_ids.items():
            self._tell(
                BookSnapshot(
                    symbol=symbol,
                    last_update_id=number,
                    event_ms=now_ms,
                    transaction_ms=now_ms,
                    bids=BIDS,
                    asks=ASKS,
                )
            )
        self.trade("60000.00")
        self.mark("60000.00")
        self._started.set()
        await asyncio.Event().wait()

    async def started(self) -> None:
        """Wait until books are there."""
        await asyncio.wait_for(self._started.wait(), 5)

    def book(self, bids: list[tuple[str, str]], asks: list[tuple[str, str]], symbol: str = "BTCUSDT") -> None:
        """Change levels of a book; zero removes one."""
        now_ms, number = wall_ns() // 1_000_000, next(self._ids)
        update = DepthUpdate(
            event_ms=now_ms,
            transaction_ms=now_ms,
            symbol=symbol,
            first_update_id=number,
            last_update_id=number,
            previous_update_id=self._book_ids[symbol],
            bids=bids,
            asks=asks,
        )
        self._book_ids[symbol] = number
        self._tell(update)

    def trade(self, price: str, quantity: str = "0.001", *, buyer_is_maker: bool = True) -> None:
        """Print a trade in BTCUSDT."""
        now_ms = wall_ns() // 1_000_000
        self._tell(
            Trade(
                event_ms=now_ms,
                transaction_ms=now_ms,
                symbol="BTCUSDT",
                trade_id=next(self._ids),
                price=price,
                quantity=quantity,
                buyer_is_maker=buyer_is_maker,
            )
        )

    def mark(self, price: str) -> None:
        """Move the mark price of BTCUSDT."""
        now_ms = wall_ns() // 1_000_000
        self._tell(
            MarkPriceUpdate(
                event_ms=now_ms,
                symbol="BTCUSDT",
                mark_price=price,
                index_price=price,
                settle_price=price,
                funding_rate="0.00010000",
                next_funding_ms=now_ms + 3_600_000,
            )
        )

    def _tell(self, message: Any) -> None:
        assert self._sink is not None
        self._sink.accept(wall_ns(), message)


def now_ms() -> int:
    """Return the time in milliseconds."""
    return wall_ns() // 1_000_000


class Client:
    """Sends signed requests; answers are (status, body)."""

    def __init__(self, base_url: str, key: ApiKey = TRADE_KEY) -> None:
        self.base_url = base_url
        self.key = key
        self.headers: dict[str, str] = {}
        self.session = aiohttp.ClientSession()

    async def close(self) -> None:
        """Close the session."""
        await self.session.close()

    async def call(self, method: str, path: str, **parameters: Any) -> tuple[int, Any]:
        """Send one signed request with everything in the query string."""
        parameters.setdefault("timestamp", now_ms())
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        return await self.raw(method, path, f"{query}&signature={self.sign(query)}")

    async def raw(
        self, method: str, path: str, query: str, body: str | bytes = "", api_key: str | None = None
    ) -> tuple[int, Any]:
        """Send a request as it is."""
        headers = {"X-MBX-APIKEY": self.key.key if api_key is None else api_key}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        url = f"{self.base_url}{path}?{query}" if query else f"{self.base_url}{path}"
        async with self.session.request(
            method, aiohttp.client.URL(url, encoded=True), data=body or None, headers=headers
        ) as answer:
            self.headers = dict(answer.headers)
            return answer.status, await answer.json(content_type=None)

    def sign(self, text: str) -> str:
        """Return the HMAC-SHA256 of the text under the secret."""
        return hmac.new(self.key.secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    async def order(self, side: str, quantity: str, price: str | None = None, **more: Any) -> Any:
        """Place an order that must be accepted and return its answer."""
        kind = {"type": "LIMIT", "price": price, "timeInForce": "GTC"} if price else {"type": "MARKET"}
        status, answer = await self.call(
            "POST",
            "/fapi/v1/order",
            **{"symbol": "BTCUSDT", "side": side, "quantity": quantity, "newOrderRespType": "RESULT", **kind, **more},
        )
        assert status == 200, answer
        return answer

    async def stop(self, side: str, trigger: str, quantity: str | None = None, **more: Any) -> Any:
        """Rest a stop-market order that must be accepted and return its answer."""
        status, answer = await self.call(
            "POST",
            "/fapi/v1/algoOrder",
            **{
                "algoType": "CONDITIONAL",
                "symbol": "BTCUSDT",
                "side": side,
                "type": "STOP_MARKET",
                "triggerPrice": trigger,
                "quantity": quantity,
                **more,
            },
        )
        assert status == 200, answer
        return answer

    async def held(self) -> str:
        """Return the BTCUSDT position."""
        status, rows = await self.call("GET", "/fapi/v2/positionRisk", symbol="BTCUSDT")
        assert status == 200, rows
        return str(rows[0]["positionAmt"])


class RunningVenue:
    """A venue in this process, on a free port."""

    def __init__(self, state: Path, *arguments: str) -> None:
        self.port = free_port()
        self.options: Options = parse_options(
            ["--port", str(self.port), "--state", str(state), "--keys", str(write_keys(state.parent)), *arguments]
        )
        self.market = HandMarket()
        self.url = f"http://127.0.0.1:{self.port}"
        self.venue = PaperVenue(self.options, self.market)
        self._runner = web.AppRunner(self.venue.application(), access_log=None, shutdown_timeout=0.1)
        self._clients: list[Client] = []

    async def start(self) -> None:
        """Listen, and wait for the market."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        await self.market.started()

    async def stop(self) -> None:
        """Close everything."""
        for client in self._clients:
            await client.close()
        await self._runner.cleanup()

    def client(self, key: ApiKey = TRADE_KEY) -> Client:
        """Return a client that is closed with the venue."""
        client = Client(self.url, key)
        self._clients.append(client)
        return client


def write_keys(directory: Path) -> Path:
    """Write the test's keys as the venue reads them."""
    path = directory / "keys.json"
    path.write_bytes(msgspec.json.encode({"keys": [TRADE_KEY, GUARDIAN_KEY]}))
    return path
