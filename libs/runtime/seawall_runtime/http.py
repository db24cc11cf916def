"""``/healthz``, ``/readyz`` and ``/metrics`` for one service: small, bounded, and alone on its loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from .errors import PortError
from .metrics import Metrics
from .readiness import Readiness

MAX_REQUEST_BYTES = 8_192
MAX_CONNECTIONS = 32  # probes and one scraper; more is a mistake
REQUEST_TIMEOUT_S = 5.0
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 503: "Service Unavailable"}
_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"
_METRICS = "text/plain; version=0.0.4; charset=utf-8"

Answer = tuple[int, str, bytes]


class HttpServer:
    """Says whether the process lives, whether it is ready, and what it counted.

    ``/healthz`` depends on nothing outside the process, so that losing NATS or the database never
    makes Kubernetes kill a guardian.
    """

    def __init__(self, metrics: Metrics, readiness: Readiness) -> None:
        self._metrics = metrics
        self._readiness = readiness
        self._server: asyncio.Server | None = None
        self._open = 0
        self._pages: dict[str, Callable[[], Answer]] = {
            "/healthz": lambda: (200, _TEXT, b"ok\n"),
            "/readyz": self._ready,
            "/metrics": lambda: (200, _METRICS, self._metrics.render()),
        }

    async def start(self, host: str, port: int) -> int:
        """Listen and return the port. Raises PortError where it is taken."""
        try:
            self._server = await asyncio.start_server(self._serve, host, port, limit=MAX_REQUEST_BYTES)
        except OSError as error:
            raise PortError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    def _ready(self) -> Answer:
        parts = {name: {"ok": ok, "detail": detail} for name, (ok, detail) in self._readiness.parts.items()}
        body = msgspec.json.encode({"ready": self._readiness.ready, "parts": parts})
        return (200 if self._readiness.ready else 503), _JSON, body + b"\n"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= MAX_CONNECTIONS:
                async with asyncio.timeout(REQUEST_TIMEOUT_S):
                    status, kind, body = self._answer(await reader.readuntil(b"\r\n\r\n"))
                    writer.write(_response(status, kind, body))
                    await writer.drain()
        except asyncio.LimitOverrunError:
            writer.write(_response(400, _TEXT, b"request too large\n"))
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            pass  # the client left or dawdled: its loss
        finally:
            self._open -= 1
            writer.close()

    def _answer(self, request: bytes) -> Answer:
        words = request.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/"):
            return 400, _TEXT, b"not an HTTP request\n"
        if words[0] not in ("GET", "HEAD"):
            return 405, _TEXT, b"only GET\n"
        page = self._pages.get(words[1].split("?")[0])
        if page is None:
            return 404, _TEXT, ("known: " + " ".join(self._pages) + "\n").encode()
        status, kind, body = page()
        return status, kind, b"" if words[0] == "HEAD" else body


def _response(status: int, kind: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
