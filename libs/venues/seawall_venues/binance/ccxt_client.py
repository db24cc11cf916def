"""ccxt's binanceusdm, loaded alone and stripped to what proves something.

``import ccxt`` loads over a hundred exchanges, synchronous ones too: about 1 s and 95 MB. Here the
two packages are opened as plain folders while the one exchange is imported, then forgotten, so a
later ``import ccxt`` still gets the whole library.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import ssl
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from seawall_venues.keys import ApiKey
from seawall_venues.outcomes import VenueDenied

KEEP_ALIVE_S = 75  # a warm connection saves a TLS handshake on the order path; the clock reading keeps it warm
MAX_CONNECTIONS = 32  # orders of different symbols leave in parallel; more would only queue at the venue
_PACKAGES = ("ccxt", "ccxt.async_support")

ON_SENT: ContextVar[Callable[[int], None] | None] = ContextVar("ON_SENT", default=None)
"""Set before a request: it is called with the time at which the request's first byte leaves."""

# ccxt logs whole requests, keys included, at DEBUG.
for _package in _PACKAGES:
    logging.getLogger(_package).setLevel(logging.INFO)


class _ErrorBody(msgspec.Struct, frozen=True):
    code: int | str = ""
    msg: str = ""


def load_exchange_class() -> type[Any]:
    """Return ccxt's asynchronous ``binanceusdm`` class without loading every other exchange."""
    if "ccxt" in sys.modules:
        return _import_exchange()
    spec = importlib.util.find_spec("ccxt")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("ccxt is not installed: this process cannot trade")
    folder = Path(spec.origin).parent
    for name in _PACKAGES:
        shell = ModuleType(name)
        shell.__path__ = [str(folder.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = shell
    try:
        errors = importlib.import_module("ccxt.base.errors")
        for name in errors.__all__:
            setattr(sys.modules["ccxt"], name, getattr(errors, name))
        base: Any = importlib.import_module("ccxt.base.exchange")
        sys.modules["ccxt"].Exchange = base.Exchange  # type: ignore[attr-defined]
        return _import_exchange()
    finally:
        for name in _PACKAGES:
            del sys.modules[name]


def _import_exchange() -> type[Any]:
    exchange: type[Any] = importlib.import_module("ccxt.async_support.binanceusdm").binanceusdm
    return exchange


def make_client(
    rest_url: str,
    key: ApiKey | None,
    *,
    clock_ns: Callable[[], int],
    nonce_ms: Callable[[], int],
    receive_window_ms: int,
    timeout_ms: int,
    observe: Callable[[Mapping[str, str]], None],
) -> Any:
    """Return a client whose implicit methods take text and return the raw body as text.

    It never retries, never waits, never parses a number, and raises VenueDenied with the raw
    status and code for every HTTP status of 400 and above.
    """
    exchange_class = load_exchange_class()

    class RawBinance(exchange_class):  # type: ignore[misc, valid-type]
        def parse_json(self, http_response: str) -> str:
            return http_response

        def nonce(self) -> int:
            return nonce_ms()

        def set_last_request(self, request: object) -> None:
            return  # the last request carries the key and the signature; nobody needs it afterwards

        def handle_errors(
            self, status: int, reason: str, _url: str, _method: str, headers: dict[str, str], body: str, *_rest: object
        ) -> None:
            observe(headers)
            if status >= 400:
                raise _denial(status, reason, headers, body)

    config: dict[str, Any] = {
        "session": _session(rest_url, clock_ns),
        "enableRateLimit": False,
        "timeout": timeout_ms,
        "options": {
            "recvWindow": receive_window_ms,
            "maxRetriesOnFailure": 0,
            "warnOnFetchOpenOrdersWithoutSymbol": False,
        },
    }
    if key is not None:
        config |= {"apiKey": key.key, "secret": key.secret}
    client = RawBinance(config)
    client.enableLastHttpResponse = client.enableLastJsonResponse = client.enableLastResponseHeaders = False
    base = rest_url.rstrip("/")
    for version, suffix in (("v1", ""), ("v2", "V2"), ("v3", "V3")):
        client.urls["api"][f"fapiPublic{suffix}"] = f"{base}/fapi/{version}"
        client.urls["api"][f"fapiPrivate{suffix}"] = f"{base}/fapi/{version}"
    return client


def _session(rest_url: str, clock_ns: Callable[[], int]) -> Any:
    # aiohttp comes with ccxt; imported here so that importing this module stays cheap
    aiohttp: Any = importlib.import_module("aiohttp")
    certifi: Any = importlib.import_module("certifi")
    context = ssl.create_default_context(cafile=certifi.where()) if rest_url.startswith("https") else False

    async def refuse_redirect(_session: Any, _context: Any, _params: Any) -> None:
        # a signed order must never be carried on to another address
        raise aiohttp.ClientPayloadError("the venue answered with a redirect")

    async def note_sending(_session: Any, _context: Any, _params: Any) -> None:
        # called when the connection stands and before anything is written to it
        note = ON_SENT.get()
        if note is not None:
            note(clock_ns())

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(note_sending)
    trace.on_request_redirect.append(refuse_redirect)
    connector = aiohttp.TCPConnector(ssl=context, keepalive_timeout=KEEP_ALIVE_S, limit=MAX_CONNECTIONS)
    return aiohttp.ClientSession(connector=connector, trace_configs=[trace])


def _denial(status: int, reason: str, headers: Mapping[str, str], body: str) -> VenueDenied:
    retry = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    retry_after_s = int(retry) if retry.isascii() and retry.isdigit() else 0
    try:
        error = msgspec.json.decode(body, type=_ErrorBody)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return VenueDenied(status, "", body.strip() or reason or "", retry_after_s)
    return VenueDenied(status, str(error.code), error.msg, retry_after_s)
