"""One account at Binance USD-M with one key: requests over REST, updates over the user stream."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import msgspec

from seawall_venues.binance import orders, rest
from seawall_venues.binance.errors import DUPLICATE_CLIENT_ID, result_of
from seawall_venues.binance.rest import BinanceRest, Endpoint, decode
from seawall_venues.binance.trading_reads import BinanceReads
from seawall_venues.binance.user_stream import UserStream
from seawall_venues.keys import KeyFiles, read_key
from seawall_venues.outcomes import (
    LOCAL_RATE_LIMIT,
    NOT_SENT,
    UNREADABLE,
    RateLimited,
    TransportFailed,
    VenueDenied,
    rejected,
    unknown,
)
from seawall_venues.port import (
    OrderRequest,
    Outcome,
    Result,
    StopRequest,
    UserUpdate,
    VenueError,
)

CLOCK_EVERY_S = 10.0  # keeps the offset true and the connection warm, for 6 of 2400 weight a minute


class VenueSettings(Protocol):
    """Where the venue is reached; the [[venues]] table of the configuration fits."""

    @property
    def rest_url(self) -> str:
        """Base of the REST addresses, e.g. ``https://fapi.binance.com``."""

    @property
    def websocket_url(self) -> str:
        """Base of the WebSocket addresses, e.g. ``wss://fstream.binance.com``."""


class _CancelReply(msgspec.Struct, rename="camel"):
    algo_id: int


class _ListenKey(msgspec.Struct, rename="camel"):
    listen_key: str


class BinanceTradingSession(BinanceReads):
    """A trading session as the port describes it.

    ``protective`` sessions (the stop-guardian's) may use the part of the rate limits that is kept
    back; others only for cancels and reduce-only orders.
    """

    def __init__(
        self,
        venue: VenueSettings,
        key: KeyFiles,
        *,
        clock_ns: Callable[[], int],
        receive_window_ms: int,
        protective: bool = False,
        jitter: random.Random | None = None,
    ) -> None:
        client = BinanceRest(
            venue.rest_url,
            read_key(key),
            clock_ns=clock_ns,
            receive_window_ms=receive_window_ms,
            protective=protective,
        )
        super().__init__(client)
        self._clock_keeper: asyncio.Task[None] | None = None
        self.stream = UserStream(
            venue.websocket_url,
            create_listen_key=self._create_listen_key,
            keep_listen_key=self._keep_listen_key,
            symbol=self._symbol,
            clock_ns=clock_ns,
            jitter=jitter or random.Random(),  # noqa: S311  spreads reconnects, guards nothing
        )

    async def open(self) -> None:
        """Measure the clock, read the instruments' rules, prove key and position mode. Raises VenueError."""
        await self._rest.open()
        await self._read_rules()
        if self._clock_keeper is None:
            self._clock_keeper = asyncio.create_task(self._keep_clock())

    async def close(self) -> None:
        """Close every socket; the listen key stays, for the account's other sessions share it."""
        keeper, self._clock_keeper = self._clock_keeper, None
        if keeper is not None:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
        await self._rest.close()

    async def place_order(self, request: OrderRequest, on_sent: Callable[[int], None] | None = None) -> Result:
        """Send one order, once; ``on_sent`` is called with the time, by our clock, at which it leaves."""
        try:
            params = orders.order_params(request, self.instrument(request.symbol).venue_symbol)
        except VenueError as error:
            return rejected(NOT_SENT, str(error))
        result = await self._write_order(rest.PLACE_ORDER, params, reserved=request.reduce_only, on_sent=on_sent)
        if result.code in DUPLICATE_CLIENT_ID:
            return await self._look_up_order(request.symbol, request.client_order_id, result)
        return result

    async def cancel_order(self, symbol: str, client_order_id: str) -> Result:
        """Cancel one order by our id."""
        params = {"symbol": self.instrument(symbol).venue_symbol, "origClientOrderId": client_order_id}
        return await self._write_order(rest.CANCEL_ORDER, params, reserved=True)

    async def place_stop(self, request: StopRequest) -> Result:
        """Rest one reduce-only stop, once."""
        try:
            params = orders.stop_params(request, self.instrument(request.symbol).venue_symbol)
        except VenueError as error:
            return rejected(NOT_SENT, str(error))
        result = await self._write_stop(rest.PLACE_STOP, params)
        if result.code in DUPLICATE_CLIENT_ID:
            return await self._look_up_stop(request.symbol, request.client_stop_id, result)
        return result

    async def cancel_stop(self, symbol: str, client_stop_id: str) -> Result:
        """Cancel one stop by our id."""
        params = {"symbol": self.instrument(symbol).venue_symbol, "clientAlgoId": client_stop_id}
        ts_sent_ns = 0
        try:
            body, ts_sent_ns = await self._rest.send(rest.CANCEL_STOP, params, reserved=True)
            decode(body, _CancelReply)
        except VenueError as error:
            return _failure(error, ts_sent_ns)
        return Result(outcome=Outcome.ACCEPTED, ts_sent_ns=ts_sent_ns)

    def updates(self) -> AsyncIterator[UserUpdate]:
        """Yield user-stream updates for ever, reconnecting; starts with a StreamChanged."""
        return self.stream.updates()

    async def _write_order(
        self,
        endpoint: Endpoint,
        params: dict[str, str],
        *,
        reserved: bool,
        on_sent: Callable[[int], None] | None = None,
    ) -> Result:
        ts_sent_ns = 0
        try:
            body, ts_sent_ns = await self._rest.send(endpoint, params, reserved=reserved, on_sent=on_sent)
            order = orders.venue_order(decode(body, orders.OrderReply), self._symbol)
        except VenueError as error:
            return _failure(error, ts_sent_ns)
        return Result(outcome=Outcome.ACCEPTED, order=order, ts_sent_ns=ts_sent_ns)

    async def _write_stop(self, endpoint: Endpoint, params: dict[str, str]) -> Result:
        ts_sent_ns = 0
        try:
            body, ts_sent_ns = await self._rest.send(endpoint, params, reserved=True)
            stop = orders.venue_stop(decode(body, orders.StopReply), self._symbol)
        except VenueError as error:
            return _failure(error, ts_sent_ns)
        return Result(outcome=Outcome.ACCEPTED, stop=stop, ts_sent_ns=ts_sent_ns)

    async def _look_up_order(self, symbol: str, client_order_id: str, result: Result) -> Result:
        try:
            order = await self.find_order(symbol, client_order_id)
        except VenueError:
            return result
        return result if order is None else Result(outcome=Outcome.ACCEPTED, code=result.code, order=order)

    async def _look_up_stop(self, symbol: str, client_stop_id: str, result: Result) -> Result:
        try:
            stop = await self.find_stop(symbol, client_stop_id)
        except VenueError:
            return result
        return result if stop is None else Result(outcome=Outcome.ACCEPTED, code=result.code, stop=stop)

    async def _create_listen_key(self) -> str:
        return decode(await self._rest.call(rest.CREATE_LISTEN_KEY, reserved=True), _ListenKey).listen_key

    async def _keep_listen_key(self) -> None:
        await self._rest.call(rest.KEEP_LISTEN_KEY, reserved=True)

    async def _keep_clock(self) -> None:
        while True:
            await asyncio.sleep(CLOCK_EVERY_S)
            with contextlib.suppress(VenueError):
                await self._rest.measure_clock(samples=1)


def _failure(error: VenueError, ts_sent_ns: int) -> Result:
    """Return what a failed write proves; one of which nothing left is known not to be accepted."""
    if isinstance(error, RateLimited):
        return rejected(LOCAL_RATE_LIMIT, str(error))
    if isinstance(error, VenueDenied):
        return result_of(error)
    if isinstance(error, TransportFailed):
        sent_ns = error.ts_sent_ns or ts_sent_ns
        return unknown(error.code, error.message, sent_ns) if sent_ns else rejected(NOT_SENT, error.message)
    return unknown(UNREADABLE, str(error), ts_sent_ns)
