"""Binance USD-M over REST: one table of endpoints, one budget, one clock offset."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from seawall_venues.binance.ccxt_client import ON_SENT, make_client
from seawall_venues.binance.errors import TIMESTAMP_OUTSIDE_WINDOW
from seawall_venues.binance.limits import RateBudget
from seawall_venues.keys import ApiKey
from seawall_venues.outcomes import NOT_SENT, UNREADABLE, RateLimited, TransportFailed, VenueDenied
from seawall_venues.port import VenueError

TIMEOUT_MS = 5_000  # past recvWindow by far: a later answer could only be a refusal
CLOCK_SAMPLES = 3  # the quickest of three round trips bounds the offset best
MILLISECOND_NS = 1_000_000
Reply = TypeVar("Reply")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint by ccxt's implicit method, with its request weight and order count."""

    method: str
    weight: int = 1
    orders: int = 0


TIME = Endpoint("fapiPublicGetTime")
EXCHANGE_INFO = Endpoint("fapiPublicGetExchangeInfo")
MARK_PRICE = Endpoint("fapiPublicGetPremiumIndex")
PLACE_ORDER = Endpoint("fapiPrivatePostOrder", weight=0, orders=1)
CANCEL_ORDER = Endpoint("fapiPrivateDeleteOrder")
FIND_ORDER = Endpoint("fapiPrivateGetOrder")
OPEN_ORDERS = Endpoint("fapiPrivateGetOpenOrders", weight=40)
OPEN_ORDERS_OF_SYMBOL = Endpoint("fapiPrivateGetOpenOrders")
ORDER_HISTORY = Endpoint("fapiPrivateGetAllOrders", weight=5)
USER_TRADES = Endpoint("fapiPrivateGetUserTrades", weight=5)
POSITIONS = Endpoint("fapiPrivateV3GetPositionRisk", weight=5)
BALANCES = Endpoint("fapiPrivateV3GetBalance", weight=5)
POSITION_MODE = Endpoint("fapiPrivateGetPositionSideDual", weight=30)
PLACE_STOP = Endpoint("fapiPrivatePostAlgoOrder", weight=0, orders=1)
CANCEL_STOP = Endpoint("fapiPrivateDeleteAlgoOrder")
FIND_STOP = Endpoint("fapiPrivateGetAlgoOrder")
OPEN_STOPS = Endpoint("fapiPrivateGetOpenAlgoOrders", weight=40)
OPEN_STOPS_OF_SYMBOL = Endpoint("fapiPrivateGetOpenAlgoOrders")
CREATE_LISTEN_KEY = Endpoint("fapiPrivatePostListenKey")
KEEP_LISTEN_KEY = Endpoint("fapiPrivatePutListenKey")


class _Time(msgspec.Struct, rename="camel"):
    server_time: int


class BinanceRest:
    """Signed requests of one key. Every failure is a VenueError that says what it proves."""

    def __init__(
        self,
        rest_url: str,
        key: ApiKey | None,
        *,
        clock_ns: Callable[[], int],
        receive_window_ms: int,
        budget: RateBudget | None = None,
        protective: bool = False,
    ) -> None:
        self.budget = budget or RateBudget()
        self.clock_offset_ns = 0
        self._clock_ns = clock_ns
        self._protective = protective
        self._settings = (rest_url, key, receive_window_ms)
        self._client: Any = None
        self._transport_errors: tuple[type[Exception], ...] = ()

    def venue_now_ns(self) -> int:
        """Return the venue's clock as we know it."""
        return self._clock_ns() + self.clock_offset_ns

    async def open(self) -> None:
        """Load the client and measure the clock offset. Raises VenueError."""
        if self._client is None:
            rest_url, key, receive_window_ms = self._settings
            self._client = make_client(
                rest_url,
                key,
                clock_ns=self._clock_ns,
                nonce_ms=lambda: self.venue_now_ns() // MILLISECOND_NS,
                receive_window_ms=receive_window_ms,
                timeout_ms=TIMEOUT_MS,
                observe=lambda headers: self.budget.observe(headers, self.venue_now_ns()),
            )
            ccxt_error: type[Exception] = importlib.import_module("ccxt.base.errors").BaseError
            self._transport_errors = (ccxt_error, OSError, TimeoutError, asyncio.TimeoutError)
        await self.measure_clock()

    async def close(self) -> None:
        """Close every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.session.close()
            client.session = None

    async def measure_clock(self, samples: int = CLOCK_SAMPLES) -> None:
        """Measure how far the venue's clock is ahead of ours. Raises VenueError."""
        best_ns, offset_ns = -1, 0
        for _ in range(samples):
            sent_ns = self._clock_ns()
            reply = decode(await self.call(TIME), _Time)
            round_trip_ns = self._clock_ns() - sent_ns
            if best_ns < 0 or round_trip_ns < best_ns:
                best_ns = round_trip_ns
                offset_ns = reply.server_time * MILLISECOND_NS - sent_ns - round_trip_ns // 2
        self.clock_offset_ns = offset_ns

    async def call(self, endpoint: Endpoint, params: Mapping[str, str] | None = None, *, reserved: bool = False) -> str:
        """Send one request, once, and return the body of a success.

        Raises RateLimited (not sent), VenueDenied (the venue's answer) or TransportFailed.
        """
        return (await self.send(endpoint, params, reserved=reserved))[0]

    async def send(
        self,
        endpoint: Endpoint,
        params: Mapping[str, str] | None = None,
        *,
        reserved: bool = False,
        on_sent: Callable[[int], None] | None = None,
    ) -> tuple[str, int]:
        """As ``call``; returns also when the request left, and so do the errors."""
        if self._client is None:
            raise TransportFailed(NOT_SENT, "the session is not open")
        refusal = self.budget.take(
            weight=endpoint.weight,
            orders=endpoint.orders,
            reserved=reserved or self._protective,
            now_ns=self.venue_now_ns(),
        )
        if refusal:
            raise RateLimited(refusal)
        mark: list[int] = []

        def note(ts_sent_ns: int) -> None:
            mark.append(ts_sent_ns)
            if on_sent is not None:
                on_sent(ts_sent_ns)

        token = ON_SENT.set(note)
        try:
            body = await getattr(self._client, endpoint.method)(dict(params or {}))
        except VenueDenied as denial:
            denial.ts_sent_ns = _first(mark)
            await self._heed(denial, endpoint)
            raise
        except self._transport_errors as error:
            # never the error's own text: ccxt puts the signed address into it
            cause = type(error.__cause__ or error).__name__
            words = f"{endpoint.method}: {type(error).__name__} ({cause})"
            raise TransportFailed("transport", words, _first(mark)) from None
        finally:
            ON_SENT.reset(token)
        if not isinstance(body, str):
            raise TransportFailed(UNREADABLE, f"{endpoint.method}: no text", _first(mark))
        return body, _first(mark)

    async def _heed(self, denial: VenueDenied, endpoint: Endpoint) -> None:
        """Slow down where the venue says so, and read its clock again where ours is off."""
        self.budget.deny(denial.status, denial.retry_after_s, self.venue_now_ns())
        if denial.code == TIMESTAMP_OUTSIDE_WINDOW and endpoint is not TIME:
            await self._correct_clock()

    async def _correct_clock(self) -> None:
        try:
            await self.measure_clock(samples=1)
        except VenueError:
            return  # the refused request is reported either way; the next reading tries again


def _first(mark: list[int]) -> int:
    return mark[0] if mark else 0


def decode(body: str, kind: type[Reply]) -> Reply:
    """Return the body as ``kind``. Raises TransportFailed where it is something else."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TransportFailed(UNREADABLE, f"{error}; found {body[:80]!r}") from error
