"""What an endpoint is, and how a request becomes its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec
from aiohttp import web

from seawall_sim.engine import Refused

from .faults import VenueFault, fault_of
from .keys import ApiKey
from .parameters import Parameters
from .signature import check_signed, find_key
from .usage import Usage

Security = Literal["NONE", "KEY", "SIGNED"]
_encode = msgspec.json.Encoder().encode


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request that has passed the gate."""

    parameters: Parameters
    key: ApiKey
    now_ms: int


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table of endpoints. ``orders`` is how many orders it counts as in ten seconds and in a minute."""

    method: str
    path: str
    answer: Callable[[Call], Any]
    weight: int = 1
    weight_of_all: int = 0  # what it weighs without a symbol, where that differs
    orders: tuple[int, int] = (0, 0)
    security: Security = "SIGNED"


class Gate:
    """Checks who asks and how often before an endpoint answers."""

    def __init__(self, keys: dict[str, ApiKey], usage: Usage, now_ms: Callable[[], int]) -> None:
        self.keys = keys
        self.usage = usage
        self.now_ms = now_ms

    def routes(self, endpoints: list[Endpoint]) -> list[web.RouteDef]:
        """Return the routes of these endpoints."""
        return [web.route(e.method, e.path, self._handler(e)) for e in endpoints]

    def _handler(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            body = (await request.read()).decode("utf-8", "replace") if request.can_read_body else ""
            headers: dict[str, str] = {}
            try:
                answer = self._answer(endpoint, request, body, headers)
            except Refused as refused:
                return _faulty(fault_of(refused), headers)
            except VenueFault as fault:
                return _faulty(fault, headers)
            return web.Response(body=_encode(answer), content_type="application/json", headers=headers)

        return handle

    def _answer(self, endpoint: Endpoint, request: web.Request, body: str, headers: dict[str, str]) -> Any:
        raw_query = request.raw_path.partition("?")[2]
        parameters = Parameters.parse(raw_query, body)
        key = find_key(self.keys, request.headers.get("X-MBX-APIKEY"))
        now_ms = self.now_ms()
        if endpoint.security == "SIGNED":
            check_signed(key, raw_query, body, parameters, now_ms)
        if any(endpoint.orders):
            ten_seconds, minute = self.usage.add_orders(now_ms, *endpoint.orders)
            headers["X-MBX-ORDER-COUNT-10S"] = str(ten_seconds)
            headers["X-MBX-ORDER-COUNT-1M"] = str(minute)
        return endpoint.answer(Call(parameters=parameters, key=key, now_ms=now_ms))


def _faulty(fault: VenueFault, headers: dict[str, str]) -> web.Response:
    if fault.retry_after_s:
        headers["Retry-After"] = str(fault.retry_after_s)
    return web.Response(status=fault.status, body=_encode(fault.body), content_type="application/json", headers=headers)


def fault_response(fault: VenueFault) -> web.Response:
    """Answer with a fault outside any endpoint."""
    return _faulty(fault, {})
