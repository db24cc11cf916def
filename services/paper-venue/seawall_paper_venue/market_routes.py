"""Everything public that the venue serves, as routes for one aiohttp application."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from .market_hub import MarketHub
from .market_rest import market_rest_routes
from .market_socket import SocketLimits, market_socket_routes


def market_routes(
    hub: MarketHub,
    limits: SocketLimits | None = None,
    is_private_stream: Callable[[str], bool] | None = None,
) -> list[web.RouteDef]:
    """Return the REST and WebSocket routes of the market half.

    Routes added before these win: a ``/ws/<listen key>`` of the trading half must be registered first.
    """
    return [*market_rest_routes(hub), *market_socket_routes(hub, limits, is_private_stream)]
