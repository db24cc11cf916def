"""One account at Binance USD-M with one key: requests over REST, updates over the user stream."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Protocol, TypeVar

import msgspec

from seawall_proto import Balance, PositionSnapshot
from seawall_venues.binance import orders, rest
from seawall_venues.binance.errors import DUPLICATE_CLIENT_ID, NO_SUCH_ORDER, result_of
from seawall_venues.binance.rest import BinanceRest, Endpoint, decode
from seawall_venues.binance.symbols import parse_exchange_info
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
    Instrument,
    OrderRequest,
    Outcome,
    Result,
    StopRequest,
    UnknownInstrumentError,
    UserUpdate,
    VenueError,
    VenueFill,
    VenueOrder,
    VenueStop,
)

CLOCK_EVERY_S = 10.0  # keeps the offset true and the connection warm, for 6 of 2400 weight a minute
WINDOW_MS = 7 * 24 * 3_600 * 1_000 - 1  # the venue answers at most 7 days at once
PAGE_ROWS = 1_000  # the venue's limit
MAX_PAGES = 50  # 50 000 fills in one reading is no gap but a wrong question
MILLISECOND_NS = 1_000_000
Row = TypeVar("Row", orders.OrderReply, orders.TradeReply)


class VenueSettings(Protocol):
    """Where the venue is reached; the [[venues]] table of the configuration fits."""

    @property
    def rest_url(self) -> str:
        """Base of the REST addresses, e.g. ``https://fapi.binance.com``."""

    @property
    def websocket_url(self) -> str:
        """Base of the WebSocket addresses, e.g. ``wss://fstream.binance.com``."""


class _MarkPrice(msgspec.Struct, rename="camel"):
    mark_price: Decimal


class _CancelReply(msgspec.Struct, rename="camel"):
    algo_id: int


class _ListenKey(msgspec.Struct, rename="camel"):
    listen_key: str


class BinanceTradingSession:
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
        self._rest = BinanceRest(
            venue.rest_url,
            read_key(key),
            clock_ns=clock_ns,
            receive_window_ms=receive_window_ms,
            protective=protective,
        )
        self._instruments: dict[str, Instrument] = {}
        self._symbols: dict[str, str] = {}
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
        """Measure the clock, read the instruments' rules, check the position mode. Raises VenueError."""
        await self._rest.open()
        info = (await self._rest.call(rest.EXCHANGE_INFO)).encode()
        self._instruments = {instrument.symbol: instrument for instrument in parse_exchange_info(info)}
        self._symbols = {instrument.venue_symbol: instrument.symbol for instrument in self._instruments.values()}
        self._rest.budget.learn(info)
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

    @property
    def clock_offset_ns(self) -> int:
        """How far the venue's clock is ahead of ours."""
        return self._rest.clock_offset_ns

    def instrument(self, symbol: str) -> Instrument:
        """Return the rules of one instrument. Raises UnknownInstrumentError."""
        try:
            return self._instruments[symbol]
        except KeyError:
            raise UnknownInstrumentError(f"binance-usdm does not list {symbol!r}") from None

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

    async def find_order(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """Return the order with our id; None only where the venue says there is none."""
        params = {"symbol": self.instrument(symbol).venue_symbol, "origClientOrderId": client_order_id}
        try:
            body = await self._rest.call(rest.FIND_ORDER, params, reserved=True)
        except VenueDenied as denial:
            if denial.code == NO_SUCH_ORDER:
                return None
            raise
        return orders.venue_order(decode(body, orders.OrderReply), self._symbol)

    async def open_orders(self, symbol: str | None = None) -> tuple[VenueOrder, ...]:
        """Return every working order that is not conditional, or those of one symbol."""
        body = await self._read_open(symbol, rest.OPEN_ORDERS, rest.OPEN_ORDERS_OF_SYMBOL)
        return tuple(orders.venue_order(row, self._symbol) for row in decode(body, tuple[orders.OrderReply, ...]))

    async def order_history(self, symbol: str, since_ns: int) -> tuple[VenueOrder, ...]:
        """Return the account's orders of one symbol since a venue time, ended ones included, oldest first."""
        rows = await self._history(rest.ORDER_HISTORY, symbol, since_ns, orders.OrderReply)
        return tuple(orders.venue_order(row, self._symbol) for row in rows)

    async def fills(self, symbol: str, since_ns: int) -> tuple[VenueFill, ...]:
        """Return the account's fills of one symbol since a venue time, oldest first."""
        rows = await self._history(rest.USER_TRADES, symbol, since_ns, orders.TradeReply)
        return tuple(orders.venue_fill(row, self._symbol) for row in rows)

    async def positions(self) -> tuple[PositionSnapshot, ...]:
        """Return every position that is not zero."""
        rows = decode(await self._rest.call(rest.POSITIONS), tuple[orders.PositionReply, ...])
        return tuple(orders.position(row, self._symbol) for row in rows if row.position_amt)

    async def balances(self) -> tuple[Balance, ...]:
        """Return wallet balances."""
        rows = decode(await self._rest.call(rest.BALANCES), tuple[orders.BalanceReply, ...])
        return tuple(orders.balance(row) for row in rows if row.balance)

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

    async def open_stops(self, symbol: str | None = None) -> tuple[VenueStop, ...]:
        """Return every conditional order that rests, or those of one symbol."""
        body = await self._read_open(symbol, rest.OPEN_STOPS, rest.OPEN_STOPS_OF_SYMBOL)
        return tuple(orders.venue_stop(row, self._symbol) for row in decode(body, tuple[orders.StopReply, ...]))

    async def find_stop(self, symbol: str, client_stop_id: str) -> VenueStop | None:
        """Return the stop with our id, resting or not; None only where the venue says there is none."""
        params = {"symbol": self.instrument(symbol).venue_symbol, "clientAlgoId": client_stop_id}
        try:
            body = await self._rest.call(rest.FIND_STOP, params, reserved=True)
        except VenueDenied as denial:
            if denial.code == NO_SUCH_ORDER:
                return None
            raise
        return orders.venue_stop(decode(body, orders.StopReply), self._symbol)

    async def mark_price(self, symbol: str) -> Decimal:
        """Return the current mark price."""
        body = await self._rest.call(rest.MARK_PRICE, {"symbol": self.instrument(symbol).venue_symbol}, reserved=True)
        return orders.finite(decode(body, _MarkPrice).mark_price)

    def updates(self) -> AsyncIterator[UserUpdate]:
        """Yield user-stream updates for ever, reconnecting; starts with a StreamChanged."""
        return self.stream.updates()

    def _symbol(self, venue_symbol: str) -> str:
        """Return our name; what we have no rules for keeps the venue's, so nothing is dropped."""
        return self._symbols.get(venue_symbol, venue_symbol)

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

    async def _read_open(self, symbol: str | None, every: Endpoint, one: Endpoint) -> str:
        if symbol is None:
            return await self._rest.call(every)
        return await self._rest.call(one, {"symbol": self.instrument(symbol).venue_symbol})

    async def _history(self, endpoint: Endpoint, symbol: str, since_ns: int, kind: type[Row]) -> list[Row]:
        """Page through an endpoint by time. Rows that two pages share are kept once, by their id."""
        found: dict[int, Row] = {}
        start_ms, now_ms = since_ns // MILLISECOND_NS, self._rest.venue_now_ns() // MILLISECOND_NS
        for _ in range(MAX_PAGES):
            end_ms = start_ms + WINDOW_MS
            params = {
                "symbol": self.instrument(symbol).venue_symbol,
                "startTime": str(start_ms),
                "limit": str(PAGE_ROWS),
            }
            if end_ms <= now_ms:
                params["endTime"] = str(end_ms)
            body = await self._rest.call(endpoint, params)
            rows: tuple[Row, ...] = decode(body, tuple[kind, ...])  # type: ignore[valid-type]
            found.update((row.number, row) for row in rows)
            if len(rows) >= PAGE_ROWS:
                last_ms = max(row.time for row in rows)
                if last_ms <= start_ms:
                    raise VenueError(f"more than {PAGE_ROWS} rows of {symbol} in one millisecond")
                start_ms = last_ms  # the next page repeats this millisecond
            elif end_ms > now_ms:
                return [found[number] for number in sorted(found)]
            else:
                start_ms = end_ms
        raise VenueError(f"more than {MAX_PAGES} pages of {symbol} since {since_ns}")

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
