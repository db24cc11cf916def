"""What every request goes through first: distance, request weight, and the venue's words for wrong paths."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Middleware

from .endpoints import Endpoint, fault_response
from .faults import VenueFault
from .latency import Latency
from .usage import Usage

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# weights of the market's endpoints, for a request with its default limit
MARKET_WEIGHTS = {
    "/fapi/v1/depth": 10,
    "/fapi/v1/klines": 5,
    "/fapi/v1/trades": 5,
    "/fapi/v1/aggTrades": 20,
    "/fapi/v1/historicalTrades": 20,
    "/fapi/v1/ticker/24hr": 1,
    "/fapi/v1/ticker/bookTicker": 2,
}


def make_gate(endpoints: list[Endpoint], usage: Usage, latency: Latency, now_ms: Callable[[], int]) -> Middleware:
    """Return the middleware for all REST requests; WebSocket upgrades pass it untouched."""
    weights = {("GET", path): weight for path, weight in MARKET_WEIGHTS.items()}
    weights.update({(each.method, each.path): each.weight for each in endpoints})

    @web.middleware
    async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
        if "upgrade" in request.headers.get("Connection", "").lower():
            return await handler(request)
        await latency.pass_time()
        try:
            weight = weights.get((request.method, request.path), 1)
            used = usage.add_weight(request.remote or "", now_ms(), weight)
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
