"""What can be asked about one account at Binance USD-M. A read that fails raises; it never says "nothing"."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

import msgspec

from seawall_proto import Balance, PositionSnapshot
from seawall_venues.binance import orders, rest
from seawall_venues.binance.errors import NO_SUCH_ORDER
from seawall_venues.binance.rest import BinanceRest, Endpoint, decode
from seawall_venues.binance.symbols import parse_exchange_info
from seawall_venues.outcomes import VenueDenied
from seawall_venues.port import Instrument, UnknownInstrumentError, VenueError, VenueFill, VenueOrder, VenueStop

WINDOW_MS = 7 * 24 * 3_600 * 1_000 - 1  # the venue answers at most 7 days at once
PAGE_ROWS = 1_000  # the venue's limit
MAX_PAGES = 50  # 50 000 fills in one reading is no gap but a wrong question
MILLISECOND_NS = 1_000_000
Row = TypeVar("Row", orders.OrderReply, orders.TradeReply)


class _MarkPrice(msgspec.Struct, rename="camel"):
    mark_price: Decimal


class _PositionMode(msgspec.Struct, rename="camel"):
    dual_side_position: bool


class BinanceReads:
    """Every question of the trading port, over one REST client."""

    def __init__(self, client: BinanceRest) -> None:
        self._rest = client
        self._instruments: dict[str, Instrument] = {}
        self._symbols: dict[str, str] = {}

    async def _read_rules(self) -> None:
        """Read the instruments' rules and limits, and prove the key and the position mode. Raises VenueError."""
        info = (await self._rest.call(rest.EXCHANGE_INFO)).encode()
        self._instruments = {instrument.symbol: instrument for instrument in parse_exchange_info(info)}
        self._symbols = {instrument.venue_symbol: instrument.symbol for instrument in self._instruments.values()}
        self._rest.budget.learn(info)
        if decode(await self._rest.call(rest.POSITION_MODE), _PositionMode).dual_side_position:
            raise VenueError("the account is in hedge mode: reduce-only orders need one-way mode")

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

    def _symbol(self, venue_symbol: str) -> str:
        """Return our name; what we have no rules for keeps the venue's, so nothing is dropped."""
        return self._symbols.get(venue_symbol, venue_symbol)

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
