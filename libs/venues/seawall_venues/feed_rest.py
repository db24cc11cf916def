"""A venue's public reads: plain HTTP, one budget, bodies as they came."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp

from .budget import SECOND_NS
from .outcomes import RateLimited, TransportFailed, VenueDenied
from .wire import FeedSpec, RestRequest

TIMEOUT_S = 5.0
MAX_CONNECTIONS = 4
MAX_BODY_BYTES = 64 << 20  # a listing of every spot pair is about 20 MiB at the largest venue
MAX_PAGES = 64  # of lists; a venue that goes on for ever is not followed
AGENT = "seawall"  # one venue refuses clients that do not name themselves


class FeedRest:
    """Reads of public data. Every failure is a VenueError. ``on_body`` is told the URL and body of each success."""

    def __init__(
        self,
        spec: FeedSpec,
        rest_url: str,
        now_ns: Callable[[], int],
        on_body: Callable[[str, bytes], None] | None = None,
    ) -> None:
        self._spec = spec
        self._url = rest_url.rstrip("/")
        self._now_ns = now_ns
        self._on_body = on_body
        self._budget = spec.new_budget()
        self._asked_until_ns = 0  # what any answer asked for, also one that no budget takes for a refusal
        self._client: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def listing(self) -> tuple[bytes, ...]:
        """Read the lists of instruments, and learn the venue's limits from them."""
        bodies: list[bytes] = []
        for first in self._spec.listing:
            request: RestRequest | None = first
            while request is not None and len(bodies) < MAX_PAGES:
                bodies.append(await self.fetch(request))
                self._budget.learn(bodies[-1])
                request = self._spec.next_page(request, bodies[-1])
        return tuple(bodies)

    async def fetch(self, request: RestRequest) -> bytes:
        """Send one GET, once. Raises RateLimited (not sent), VenueDenied or TransportFailed."""
        path = request.path
        now_ns = self._now_ns()
        if now_ns < self._asked_until_ns:
            raise RateLimited(f"{path}: the venue asked us to wait {(self._asked_until_ns - now_ns) / 1e9:.1f} s more")
        refusal = self._budget.take(request.cost, now_ns)
        if refusal:
            raise RateLimited(f"{path}: {refusal}")
        try:
            async with self._session().get(self._url + path, params=request.params) as response:
                body = await self._body(path, response)
                url = str(response.url)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise TransportFailed("transport", f"{path}: {type(error).__name__}: {error}") from error
        self._budget.observe(response.headers, self._now_ns())
        code = self._spec.refusal(response.status, body)
        if response.status != 200 or code:
            retry_after = response.headers.get("Retry-After", "")
            retry_after_s = int(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0
            now_ns = self._now_ns()
            self._budget.deny(response.status, code, retry_after_s, now_ns)
            self._asked_until_ns = max(self._asked_until_ns, now_ns + retry_after_s * SECOND_NS)
            raise VenueDenied(response.status, code, f"{path}: {body[:200]!r}", retry_after_s)
        if self._on_body is not None:
            self._on_body(url, body)
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
                headers={"User-Agent": AGENT},
                auto_decompress=True,
            )
        return self._client
