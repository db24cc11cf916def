"""Binance USD-M's public reads for a market feed: plain HTTP, one budget, bodies as they came."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import aiohttp

from seawall_venues.outcomes import RateLimited, TransportFailed, VenueDenied

from .book import SNAPSHOT_LEVELS
from .dialect import KLINE_INTERVALS
from .limits import RateBudget

TIMEOUT_S = 5.0
MAX_CONNECTIONS = 4
MAX_BODY_BYTES = 16 << 20  # exchangeInfo of 600 contracts is about 2 MiB
NS_PER_MS = 1_000_000
LISTED_TRADES = 1_000
MAX_KLINES = 1_500
_WEIGHT_OF_KLINES = ((100, 1), (500, 2), (1_000, 5), (MAX_KLINES, 10))


class FeedRest:
    """Reads of public data. Every failure is a VenueError."""

    def __init__(self, rest_url: str, now_ns: Callable[[], int], budget: RateBudget | None = None) -> None:
        self._url = rest_url.rstrip("/")
        self._now_ns = now_ns
        self.budget = budget or RateBudget()
        self._client: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def exchange_info(self) -> bytes:
        """Read the contracts and their rules, and learn the venue's limits from them."""
        body = await self._get("/fapi/v1/exchangeInfo", {}, weight=1)
        self.budget.learn(body)
        return body

    async def depth(self, venue_symbol: str) -> bytes:
        """Read the order book, as deep as it is given."""
        return await self._get("/fapi/v1/depth", {"symbol": venue_symbol, "limit": str(SNAPSHOT_LEVELS)}, weight=20)

    async def trades(self, venue_symbol: str) -> bytes:
        """Read the newest trades."""
        return await self._get("/fapi/v1/trades", {"symbol": venue_symbol, "limit": str(LISTED_TRADES)}, weight=5)

    async def bars(self, venue_symbol: str, interval_ms: int, ts_from_ns: int, ts_to_ns: int) -> bytes:
        """Read the candles that open in ``[from, to)``, the newest MAX_KLINES of them."""
        interval_ns = interval_ms * NS_PER_MS
        count = min(-(-(ts_to_ns - ts_from_ns) // interval_ns), MAX_KLINES)
        params = {
            "symbol": venue_symbol,
            "interval": KLINE_INTERVALS[interval_ms],
            "startTime": str((ts_to_ns - count * interval_ns) // NS_PER_MS),
            "endTime": str(ts_to_ns // NS_PER_MS - 1),
            "limit": str(count),
        }
        weight = next(weight for most, weight in _WEIGHT_OF_KLINES if count <= most)
        return await self._get("/fapi/v1/klines", params, weight=weight)

    async def _get(self, path: str, params: Mapping[str, str], *, weight: int) -> bytes:
        refusal = self.budget.take(weight=weight, orders=0, reserved=False, now_ns=self._now_ns())
        if refusal:
            raise RateLimited(f"{path}: {refusal}")
        try:
            async with self._session().get(self._url + path, params=params) as response:
                body = await self._body(path, response)
                self.budget.observe(response.headers, self._now_ns())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise TransportFailed("transport", f"{path}: {type(error).__name__}: {error}") from error
        if response.status != 200:
            retry_after = response.headers.get("Retry-After", "")
            retry_after_s = int(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0
            self.budget.deny(response.status, retry_after_s, self._now_ns())
            raise VenueDenied(response.status, "", f"{path}: {body[:200]!r}", retry_after_s)
        return body

    async def _body(self, path: str, response: aiohttp.ClientResponse) -> bytes:
        chunks = bytearray()
        async for chunk in response.content.iter_any():
            chunks += chunk
            if len(chunks) > MAX_BODY_BYTES:
                raise TransportFailed("oversize", f"{path}: a body over {MAX_BODY_BYTES} bytes")
        return bytes(chunks)

    def _session(self) -> aiohttp.ClientSession:
        if self._client is None:
            self._client = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS),
                auto_decompress=True,
            )
        return self._client
