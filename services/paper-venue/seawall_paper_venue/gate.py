"""What every request goes through first: distance, request weight, and the venue's words for wrong paths."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Middleware

from .endpoints import Endpoint, fault_response
from .faults import VenueFault
from .latency import Latency
from .usage import Usage

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# what the market's endpoints weigh; those whose weight hangs on the request have a rule below
MARKET_WEIGHTS = {
    "/fapi/v1/trades": 5,
    "/fapi/v1/aggTrades": 20,
    "/fapi/v1/historicalTrades": 20,
}
# (largest limit, weight): the first row that the limit fits into
DEPTH_WEIGHTS = ((50, 2), (100, 5), (500, 10), (1000, 20))
KLINES_WEIGHTS = ((99, 1), (499, 2), (1000, 5), (1500, 10))
# path: (weight with a symbol, weight without one)
TICKER_WEIGHTS = {
    "/fapi/v1/ticker/24hr": (1, 40),
    "/fapi/v1/ticker/price": (1, 2),
    "/fapi/v1/ticker/bookTicker": (2, 5),
    "/fapi/v1/premiumIndex": (1, 10),
}


def market_weight(path: str, query: Mapping[str, str]) -> int:
    """Return what a public request weighs."""
    if path in TICKER_WEIGHTS:
        return TICKER_WEIGHTS[path]["symbol" not in query]
    if path == "/fapi/v1/depth":
        return _by_limit(DEPTH_WEIGHTS, query.get("limit", "500"))
    if path.endswith("lines"):
        return _by_limit(KLINES_WEIGHTS, query.get("limit", "500"))
    return MARKET_WEIGHTS.get(path, 1)


def _by_limit(table: tuple[tuple[int, int], ...], limit: str) -> int:
    wanted = int(limit) if limit.isdecimal() and len(limit) < 10 else 0
    return next((weight for largest, weight in table if wanted <= largest), table[-1][1])


def make_gate(endpoints: list[Endpoint], usage: Usage, latency: Latency, now_ms: Callable[[], int]) -> Middleware:
    """Return the middleware for all REST requests; WebSocket upgrades pass it untouched."""
    known = {(each.method, each.path): each for each in endpoints}

    def weight_of(request: web.Request) -> int:
        endpoint = known.get((request.method, request.path))
        if endpoint is None:
            return market_weight(request.path, request.query)
        if endpoint.weight_of_all and "symbol" not in request.query:
            return endpoint.weight_of_all
        return endpoint.weight

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        if "upgrade" in request.headers.get("Connection", "").lower():
            return await handler(request)
        await latency.pass_time()
        try:
            used = usage.add_weight(request.remote or "", now_ms(), weight_of(request))
        except VenueFault as fault:
            response = fault_response(fault)
        else:
            response = await _answer(request, handler)
            response.headers["X-MBX-USED-WEIGHT-1M"] = str(used)
        await latency.pass_time()
        return response

    return gate


async def _answer(request: web.Request, handler: Handler) -> web.Response:
    try:
        # only WebSocket handlers answer with anything but a plain response
        return cast("web.Response", await handler(request))
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        words = f"Path {request.path}, Method {request.method} is invalid"
        return fault_response(VenueFault(-5000, words, status=404))
    except web.HTTPRequestEntityTooLarge:
        return fault_response(VenueFault(-1101, "Too many parameters sent for this endpoint.", status=413))
