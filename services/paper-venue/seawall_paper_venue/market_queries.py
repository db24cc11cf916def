"""Parameters of market requests, checked as the venue checks them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from aiohttp import web

from .market_hub import MarketHub
from .symbol_market import SymbolMarket


class Refusal(Exception):
    """The venue answers ``{"code": …, "msg": …}`` with HTTP 400 (or another status)."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


KEY_MISSING = Refusal(-2014, "API-key format invalid.", 401)


def refuse(refusal: Refusal) -> web.Response:
    """Return the venue's error answer."""
    body = msgspec.json.encode({"code": refusal.code, "msg": refusal.message})
    return web.Response(status=refusal.status, body=body, content_type="application/json")


def mandatory(request: web.Request, name: str) -> str:
    """Return a parameter that must be there. Raises Refusal -1102."""
    value = request.query.get(name, "")
    if not value:
        raise Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return value


def integer(request: web.Request, name: str, default: int) -> int:
    """Return a whole number that may be left out. Raises Refusal -1130."""
    text = request.query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Refusal(-1130, f"Data sent for parameter '{name}' is not valid.")
    return int(text)


def limit_of(request: web.Request, *, default: int, most: int) -> int:
    """Return ``limit``. Raises Refusal -1130 outside 1 to ``most``."""
    limit = integer(request, "limit", default)
    if not 1 <= limit <= most:
        raise Refusal(-1130, "Data sent for parameter 'limit' is not valid.")
    return limit


def find_market(hub: MarketHub, request: web.Request, name: str = "symbol") -> SymbolMarket:
    """Return the market that a mandatory parameter names. Raises Refusal -1102 or -1121."""
    market = hub.markets.get(mandatory(request, name).upper())
    if market is None:
        raise Refusal(-1121, "Invalid symbol.")
    return market


def named_markets(hub: MarketHub, request: web.Request) -> Iterable[SymbolMarket]:
    """Return the named market, or all where no symbol is given. Raises Refusal -1121."""
    if "symbol" not in request.query:
        return hub.markets.values()
    return (find_market(hub, request),)
