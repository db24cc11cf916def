"""The few spot requests with which client libraries begin, whatever they trade."""

from __future__ import annotations

import msgspec
from aiohttp import web

from .market_hub import MarketHub


def spot_routes(hub: MarketHub) -> list[web.RouteDef]:
    """Return ``/api/v3/ping`` and ``/api/v3/time``."""

    async def ping(_request: web.Request) -> web.Response:
        return web.Response(body=b"{}", content_type="application/json")

    async def time(_request: web.Request) -> web.Response:
        body = msgspec.json.encode({"serverTime": hub.now_ms()})
        return web.Response(body=body, content_type="application/json")

    return [web.get("/api/v3/ping", ping), web.get("/api/v3/time", time)]
