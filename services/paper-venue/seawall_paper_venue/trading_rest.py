"""Plain orders: ``/fapi/v1/order`` and its kin."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from seawall_sim.engine import Exchange, Fill, Order, Refusal, Refused
from seawall_sim.instruments import InstrumentRules

from .endpoints import Call, Endpoint
from .faults import VenueFault, fault_of, missing
from .order_requests import check_position_side, client_id, new_order, optional_symbol, side_of, symbol_of
from .parameters import Parameters
from .trading_desk import TradingDesk
from .wire_orders import fill_row, order_answer, order_row

MAX_BATCH = 5
MAX_BATCH_CANCEL = 10
MAX_COUNTDOWN_MS = 7 * 86_400_000  # longer is no dead man's switch
CANCELLED_ALL = {"code": 200, "msg": "The operation of cancel all open order is done."}
_NEITHER_ID = VenueFault(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")


class OrderEndpoints:
    """Answers requests about plain orders."""

    def __init__(self, desk: TradingDesk) -> None:
        self._desk = desk
        self._exchange: Exchange = desk.exchange

    def endpoints(self) -> list[Endpoint]:
        """Return the table of endpoints with their weights."""
        return [
            Endpoint(method="POST", path="/fapi/v1/order", answer=self.place, weight=0, orders=(1, 1)),
            Endpoint(method="POST", path="/fapi/v1/order/test", answer=self.test, weight=0),
            Endpoint(method="PUT", path="/fapi/v1/order", answer=self.amend, orders=(1, 1)),
            Endpoint(method="GET", path="/fapi/v1/order", answer=self.find),
            Endpoint(method="DELETE", path="/fapi/v1/order", answer=self.cancel),
            Endpoint(method="POST", path="/fapi/v1/batchOrders", answer=self.place_batch, weight=5, orders=(5, 1)),
            Endpoint(method="PUT", path="/fapi/v1/batchOrders", answer=self.amend_batch, weight=5, orders=(5, 1)),
            Endpoint(method="DELETE", path="/fapi/v1/batchOrders", answer=self.cancel_batch),
            Endpoint(method="GET", path="/fapi/v1/openOrder", answer=self.find_open),
            Endpoint(method="GET", path="/fapi/v1/openOrders", answer=self.list_open, weight_of_all=40),
            Endpoint(method="GET", path="/fapi/v1/allOrders", answer=self.list_all, weight=5),
            Endpoint(method="DELETE", path="/fapi/v1/allOpenOrders", answer=self.cancel_all),
            Endpoint(method="POST", path="/fapi/v1/countdownCancelAll", answer=self.countdown, weight=10),
            Endpoint(method="GET", path="/fapi/v1/userTrades", answer=self.list_fills, weight=5),
            Endpoint(method="GET", path="/fapi/v1/forceOrders", answer=self.list_forced, weight=20, weight_of_all=50),
        ]

    # --- placing -------------------------------------------------------------------------------------------------

    def place(self, call: Call) -> dict[str, Any]:
        """``POST /fapi/v1/order``."""
        return self._place(call.parameters, call.now_ms)

    def test(self, call: Call) -> dict[str, Any]:
        """``POST /fapi/v1/order/test``: only the parameters are checked."""
        new_order(call.parameters, self._exchange, call.now_ms)
        return {}

    def _place(self, parameters: Parameters, now_ms: int) -> dict[str, Any]:
        request = new_order(parameters, self._exchange, now_ms)
        answer = parameters.text("newOrderRespType", "ACK")
        if answer not in ("ACK", "RESULT", "FULL"):
            raise VenueFault(-1130, "Data sent for parameter 'newOrderRespType' is not valid.")
        order = self._desk.act(lambda exchange, ts_ns: exchange.place(ts_ns, request))
        if answer != "ACK":
            order = self._exchange.queries.order(order.symbol, order.order_id, None)
        return order_answer(self._rules(order.symbol), order)

    def place_batch(self, call: Call) -> list[dict[str, Any]]:
        """``POST /fapi/v1/batchOrders``: each order stands for itself."""
        rows = _batch(call.parameters, "batchOrders", MAX_BATCH)
        return [_each(partial(self._place, row, call.now_ms)) for row in rows]

    # --- amending ------------------------------------------------------------------------------------------------

    def amend(self, call: Call) -> dict[str, Any]:
        """``PUT /fapi/v1/order``."""
        return self._amend(call.parameters)

    def _amend(self, parameters: Parameters) -> dict[str, Any]:
        symbol = symbol_of(parameters, self._exchange)
        side = side_of(parameters)
        check_position_side(parameters)
        order = self._named(parameters, symbol)
        quantity, price = parameters.required_decimal("quantity"), parameters.required_decimal("price")
        amended = self._desk.act(lambda exchange, ts_ns: exchange.amend(ts_ns, order, side, quantity, price))
        return {**order_answer(self._rules(symbol), amended), "pair": symbol}

    def amend_batch(self, call: Call) -> list[dict[str, Any]]:
        """``PUT /fapi/v1/batchOrders``."""
        rows = _batch(call.parameters, "batchOrders", MAX_BATCH)
        return [_each(partial(self._amend, row)) for row in rows]

    # --- cancelling ----------------------------------------------------------------------------------------------

    def cancel(self, call: Call) -> dict[str, Any]:
        """``DELETE /fapi/v1/order``."""
        return self._cancel(call.parameters)

    def _cancel(self, parameters: Parameters) -> dict[str, Any]:
        symbol = symbol_of(parameters, self._exchange)
        try:
            order = self._named(parameters, symbol)
        except Refused as refused:
            raise Refused(Refusal.UNKNOWN_ORDER) from refused
        ended = self._desk.act(lambda exchange, ts_ns: exchange.cancel(ts_ns, order))
        return order_answer(self._rules(symbol), ended)

    def cancel_batch(self, call: Call) -> list[dict[str, Any]]:
        """``DELETE /fapi/v1/batchOrders``: by order ids or by client ids."""
        parameters = call.parameters
        symbol = symbol_of(parameters, self._exchange)
        ids = _id_list(parameters, "orderIdList") or _id_list(parameters, "orderidlist")
        names = _id_list(parameters, "origClientOrderIdList") or _id_list(parameters, "origclientorderidlist")
        if not ids and not names:
            raise missing("orderIdList")
        wanted = [{"orderId": each} for each in ids] or [{"origClientOrderId": each} for each in names]
        rows = [Parameters({"symbol": symbol, **each}) for each in wanted]
        return [_each(partial(self._cancel, row)) for row in rows]

    def cancel_all(self, call: Call) -> dict[str, Any]:
        """``DELETE /fapi/v1/allOpenOrders``: plain orders of one symbol; conditional ones stay."""
        symbol = symbol_of(call.parameters, self._exchange)
        self._desk.act(lambda exchange, ts_ns: exchange.cancel_all(ts_ns, symbol))
        return CANCELLED_ALL

    def countdown(self, call: Call) -> dict[str, Any]:
        """``POST /fapi/v1/countdownCancelAll``: zero disarms."""
        symbol = symbol_of(call.parameters, self._exchange)
        countdown_ms = call.parameters.integer("countdownTime")
        if countdown_ms is None or not 0 <= countdown_ms <= MAX_COUNTDOWN_MS:
            raise missing("countdownTime")
        self._desk.act(
            lambda exchange, ts_ns: exchange.set_countdown(
                ts_ns, symbol, ts_ns + countdown_ms * 1_000_000 if countdown_ms else 0
            )
        )
        return {"symbol": symbol, "countdownTime": str(countdown_ms)}

    # --- queries -------------------------------------------------------------------------------------------------

    def find(self, call: Call) -> dict[str, Any]:
        """``GET /fapi/v1/order``."""
        symbol = symbol_of(call.parameters, self._exchange)
        return order_row(self._rules(symbol), self._named(call.parameters, symbol))

    def find_open(self, call: Call) -> dict[str, Any]:
        """``GET /fapi/v1/openOrder``."""
        symbol = symbol_of(call.parameters, self._exchange)
        order = self._named(call.parameters, symbol)
        if not order.is_open:
            raise Refused(Refusal.NO_SUCH_ORDER)
        return order_row(self._rules(symbol), order)

    def list_open(self, call: Call) -> list[dict[str, Any]]:
        """``GET /fapi/v1/openOrders``."""
        orders = self._exchange.store.open_orders(optional_symbol(call.parameters, self._exchange))
        return [order_row(self._rules(order.symbol), order) for order in orders]

    def list_all(self, call: Call) -> list[dict[str, Any]]:
        """``GET /fapi/v1/allOrders``."""
        symbol = symbol_of(call.parameters, self._exchange)
        start_ns, end_ns = call.parameters.window_ns()
        orders = self._exchange.queries.orders(
            symbol,
            from_id=call.parameters.integer("orderId"),
            start_ns=start_ns,
            end_ns=end_ns,
            limit=call.parameters.limit(500, 1_000),
        )
        return [order_row(self._rules(symbol), order) for order in orders]

    def list_fills(self, call: Call) -> list[dict[str, Any]]:
        """``GET /fapi/v1/userTrades``."""
        symbol = symbol_of(call.parameters, self._exchange)
        start_ns, end_ns = call.parameters.window_ns()
        fills: list[Fill] = self._exchange.queries.fills(
            symbol,
            order_id=call.parameters.integer("orderId"),
            from_id=call.parameters.integer("fromId"),
            start_ns=start_ns,
            end_ns=end_ns,
            limit=call.parameters.limit(500, 1_000),
        )
        return [fill_row(self._rules(symbol), fill) for fill in fills]

    def list_forced(self, call: Call) -> list[dict[str, Any]]:
        """``GET /fapi/v1/forceOrders``: liquidations."""
        symbol = optional_symbol(call.parameters, self._exchange)
        orders = self._exchange.queries.forced_orders(symbol, call.parameters.limit(50, 100))
        # an earlier run may have listed other symbols
        return [order_row(self._rules(order.symbol), order) for order in orders if order.symbol in self._exchange.rules]

    # --- inside --------------------------------------------------------------------------------------------------

    def _rules(self, symbol: str) -> InstrumentRules:
        return self._exchange.rules[symbol]

    def _named(self, parameters: Parameters, symbol: str) -> Order:
        order_id = parameters.integer("orderId")
        own_id = client_id(parameters, "origClientOrderId")
        if order_id is None and not own_id:
            raise _NEITHER_ID
        return self._exchange.queries.order(symbol, order_id, own_id)


def _each(answer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Answer one row of a batch; its fault is the row's own."""
    try:
        return answer()
    except Refused as refused:
        return dict(fault_of(refused).body)
    except VenueFault as fault:
        return dict(fault.body)


def _batch(parameters: Parameters, name: str, largest: int) -> list[Parameters]:
    """Read a JSON list of orders out of one parameter."""
    try:
        rows = msgspec.json.decode(parameters.required(name), type=list[dict[str, Any]])
    except msgspec.MsgspecError as error:
        raise VenueFault(-1130, f"Data sent for parameter '{name}' is not valid.") from error
    if not 1 <= len(rows) <= largest:
        raise VenueFault(-4082, "Invalid number of batch place orders.")
    return [Parameters({key: _text(value) for key, value in row.items()}) for row in rows]


def _id_list(parameters: Parameters, name: str) -> list[str]:
    if not parameters.has(name):
        return []
    try:
        ids = msgspec.json.decode(parameters.text(name), type=list[int | str])
    except msgspec.MsgspecError as error:
        raise VenueFault(-1130, f"Data sent for parameter '{name}' is not valid.") from error
    if not 1 <= len(ids) <= MAX_BATCH_CANCEL:
        raise VenueFault(-4083, "Invalid number of batch cancel orders.")
    return [str(each) for each in ids]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
