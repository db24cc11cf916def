"""Conditional orders: ``/fapi/v1/algoOrder`` and its kin."""

from __future__ import annotations

from typing import Any

from seawall_sim.engine import AlgoOrder, Exchange, Refusal, Refused

from .endpoints import Call, Endpoint
from .faults import VenueFault
from .order_requests import client_id, new_algo, optional_symbol, symbol_of
from .trading_desk import TradingDesk
from .wire_orders import algo_answer, algo_row

CANCELLED_ALL = {"code": 200, "msg": "The operation of cancel all open order is done."}
_NEITHER_ID = VenueFault(-1102, "Param 'algoId' or 'clientAlgoId' must be sent, but both were empty/null!")


class AlgoEndpoints:
    """Answers requests about conditional orders."""

    def __init__(self, desk: TradingDesk) -> None:
        self._desk = desk
        self._exchange: Exchange = desk.exchange

    def endpoints(self) -> list[Endpoint]:
        """Return the table of endpoints with their weights."""
        return [
            Endpoint(method="POST", path="/fapi/v1/algoOrder", answer=self.place, weight=0, orders=(1, 1)),
            Endpoint(method="GET", path="/fapi/v1/algoOrder", answer=self.find),
            Endpoint(method="DELETE", path="/fapi/v1/algoOrder", answer=self.cancel),
            Endpoint(method="GET", path="/fapi/v1/openAlgoOrders", answer=self.list_open, weight_of_all=40),
            Endpoint(method="GET", path="/fapi/v1/allAlgoOrders", answer=self.list_all, weight=5),
            Endpoint(method="DELETE", path="/fapi/v1/algoOpenOrders", answer=self.cancel_all),
        ]

    def place(self, call: Call) -> dict[str, Any]:
        """``POST /fapi/v1/algoOrder``."""
        request = new_algo(call.parameters, self._exchange, call.now_ms)
        algo = self._desk.act(lambda exchange, ts_ns: exchange.place_algo(ts_ns, request))
        return algo_answer(self._exchange.rules[algo.symbol], algo)

    def find(self, call: Call) -> dict[str, Any]:
        """``GET /fapi/v1/algoOrder``."""
        return self._row(self._named(call))

    def cancel(self, call: Call) -> dict[str, Any]:
        """``DELETE /fapi/v1/algoOrder``."""
        try:
            algo = self._named(call)
        except Refused as refused:
            raise Refused(Refusal.UNKNOWN_ORDER) from refused
        ended = self._desk.act(lambda exchange, ts_ns: exchange.cancel_algo(ts_ns, algo))
        return {**algo_answer(self._exchange.rules[ended.symbol], ended), "code": "200", "msg": "success"}

    def list_open(self, call: Call) -> list[dict[str, Any]]:
        """``GET /fapi/v1/openAlgoOrders``."""
        symbol = optional_symbol(call.parameters, self._exchange)
        wanted = call.parameters.integer("algoId")
        algos = self._exchange.store.open_algos(symbol)
        return [self._row(algo) for algo in algos if wanted is None or algo.algo_id == wanted]

    def list_all(self, call: Call) -> list[dict[str, Any]]:
        """``GET /fapi/v1/allAlgoOrders``."""
        symbol = symbol_of(call.parameters, self._exchange)
        start_ns, end_ns = call.parameters.window_ns()
        algos = self._exchange.queries.algos(
            symbol,
            from_id=call.parameters.integer("algoId"),
            start_ns=start_ns,
            end_ns=end_ns,
            limit=call.parameters.limit(500, 1_000),
        )
        return [self._row(algo) for algo in algos]

    def cancel_all(self, call: Call) -> dict[str, Any]:
        """``DELETE /fapi/v1/algoOpenOrders``: conditional orders of one symbol."""
        symbol = symbol_of(call.parameters, self._exchange)
        self._desk.act(lambda exchange, ts_ns: exchange.cancel_all_algos(ts_ns, symbol))
        return CANCELLED_ALL

    def _row(self, algo: AlgoOrder) -> dict[str, Any]:
        actual = self._exchange.store.orders.get(algo.actual_order_id)
        return algo_row(self._exchange.rules[algo.symbol], algo, actual)

    def _named(self, call: Call) -> AlgoOrder:
        algo_id = call.parameters.integer("algoId")
        own_id = client_id(call.parameters, "clientAlgoId")
        if algo_id is None and not own_id:
            raise _NEITHER_ID
        return self._exchange.queries.algo(algo_id, own_id)
