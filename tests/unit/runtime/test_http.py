"""The little server: bounded in bytes, time and connections, and never in the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from seawall_runtime import http as http_module
from seawall_runtime.errors import PortError
from seawall_runtime.http import HttpServer
from seawall_runtime.metrics import Metrics
from seawall_runtime.readiness import Readiness


class Site:
    def __init__(self) -> None:
        self.metrics = Metrics("probe")
        self.readiness = Readiness(self.metrics)
        self.server = HttpServer(self.metrics, self.readiness)
        self.port = 0

    async def send(self, request: bytes) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        await writer.drain()
        try:
            answer = await asyncio.wait_for(reader.read(), 5)
        except ConnectionResetError:
            answer = b""
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return (int(head.split(b" ")[1]) if head else 0), body

    async def get(self, path: str) -> tuple[int, bytes]:
        return await self.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    site.port = await site.server.start("127.0.0.1", 0)
    yield site
    await site.server.stop()


async def test_health_needs_nothing_but_the_process(site: Site) -> None:
    site.readiness.set("bus", False, "NATS is away")
    assert await site.get("/healthz") == (200, b"ok\n")


async def test_ready_when_every_part_is(site: Site) -> None:
    assert (await site.get("/readyz"))[0] == 503
    site.readiness.set("bus", True)
    site.readiness.set("venue", False, "no route")
    status, body = await site.get("/readyz")
    assert status == 503
    assert json.loads(body)["parts"]["venue"] == {"ok": False, "detail": "no route"}
    assert site.readiness.detail == "venue: no route"
    site.readiness.set("venue", True)
    assert (await site.get("/readyz"))[0] == 200


async def test_metrics_are_shown(site: Site) -> None:
    site.metrics.count("seawall_errors_total", kind="bug")
    status, body = await site.get("/metrics")
    assert status == 200
    assert b'seawall_errors_total{kind="bug",service="probe"} 1.0' in body


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /nowhere HTTP/1.1\r\n\r\n", 404),
        (b"POST /healthz HTTP/1.1\r\n\r\n", 405),
        (b"HEAD /healthz HTTP/1.1\r\n\r\n", 200),
        (b"\x00\xff garbage\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 400),
    ],
)
async def test_odd_requests_get_an_answer(site: Site, request_bytes: bytes, status: int) -> None:
    assert (await site.send(request_bytes))[0] == status
    assert (await site.get("/healthz"))[0] == 200


async def test_a_client_that_dawdles_is_dropped(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "REQUEST_TIMEOUT_S", 0.1)
    assert (await site.send(b"GET /healthz HT"))[0] == 0


async def test_too_many_connections_are_refused_and_others_recover(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "MAX_CONNECTIONS", 2)
    held = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(2)]
    await asyncio.sleep(0.05)
    assert (await site.get("/healthz"))[0] == 0
    for _, writer in held:
        writer.close()
    await asyncio.sleep(0.05)
    assert (await site.get("/healthz"))[0] == 200


async def test_a_taken_port_is_named(site: Site) -> None:
    with pytest.raises(PortError, match=f"cannot listen on 127.0.0.1:{site.port}"):
        await Site().server.start("127.0.0.1", site.port)
