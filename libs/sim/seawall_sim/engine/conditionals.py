"""Conditional orders: when they trigger, what they become, when they lapse."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec.structs import replace

from seawall_sim.instruments import InstrumentRules

from .checks import check_price, check_quantity
from .desk import OrderDesk, own_client_id
from .errors import Refusal, Refused
from .events import AlgoChanged, EngineEvent
from .market import SymbolMarket
from .model import ZERO, AlgoOrder, AlgoStatus, NewAlgo, NewOrder, Order, Side, WorkingType
from .store import Store

CALLBACK_MIN = Decimal("0.1")
CALLBACK_MAX = Decimal(10)
HUNDRED = Decimal(100)


class ConditionalDesk:
    """Keeps conditional orders beside the book; margin and position are looked at only when one triggers."""

    def __init__(
        self,
        store: Store,
        desk: OrderDesk,
        markets: dict[str, SymbolMarket],
        rules: dict[str, InstrumentRules],
        out: list[EngineEvent],
    ) -> None:
        self._store = store
        self._desk = desk
        self._markets = markets
        self._rules = rules
        self._out = out

    # --- placing and cancelling ----------------------------------------------------------------------------------

    def place(self, ts_ns: int, request: NewAlgo) -> AlgoOrder:
        """Check a conditional order and let it rest. Raises Refused."""
        self._check(request)
        # before the first trade the nearest known price stands in for the last one
        price_now = (
            self._watched_price(request.symbol, request.working_type) or self._markets[request.symbol].reference_price()
        )
        trailing = request.kind == "TRAILING_STOP_MARKET"
        if price_now and (_bad_activation(request, price_now) if trailing else _would_trigger(request, price_now)):
            raise Refused(Refusal.WOULD_TRIGGER)
        algo_id = self._store.take_id("next_algo_id")
        starts_active = trailing and not request.activation_price
        algo = AlgoOrder(
            algo_id=algo_id,
            client_algo_id=request.client_algo_id or own_client_id("algo", algo_id),
            symbol=request.symbol,
            side=request.side,
            kind=request.kind,
            quantity=request.quantity,
            trigger_price=request.trigger_price,
            price=request.price,
            time_in_force=request.time_in_force,
            working_type=request.working_type,
            reduce_only=request.reduce_only,
            close_position=request.close_position,
            price_protect=request.price_protect,
            activation_price=request.activation_price or (price_now if trailing else ZERO),
            callback_percent=request.callback_percent,
            status="NEW",
            created_ns=ts_ns,
            updated_ns=ts_ns,
            extreme=price_now if starts_active else ZERO,
            good_till_ms=request.good_till_ms,
            self_trade_prevention=request.self_trade_prevention,
            price_match=request.price_match,
        )
        self._put(algo)
        return algo

    def _check(self, request: NewAlgo) -> None:
        rules = self._rules.get(request.symbol)
        if rules is None:
            raise Refused(Refusal.UNKNOWN_SYMBOL)
        if request.client_algo_id:
            known = self._store.algo_by_client(request.client_algo_id)
            if known is not None and known.is_open:
                raise Refused(Refusal.DUPLICATE_CLIENT_ID)
        if not request.close_position:
            check_quantity(rules, request.quantity, market=request.kind not in ("STOP", "TAKE_PROFIT"))
        if request.kind == "TRAILING_STOP_MARKET":
            if not CALLBACK_MIN <= request.callback_percent <= CALLBACK_MAX:
                raise Refused(Refusal.CALLBACK_RATE)
            if request.activation_price:
                check_price(rules, request.activation_price)
        else:
            check_price(rules, request.trigger_price)
        if request.kind in ("STOP", "TAKE_PROFIT"):
            check_price(rules, request.price)
        if request.time_in_force == "GTE_GTC" and not self._closes_something(request.symbol, request.side):
            raise Refused(Refusal.POSITION_NEEDED)
        self._check_room(rules, request)

    def _check_room(self, rules: InstrumentRules, request: NewAlgo) -> None:
        resting = self._store.open_algos()
        if len(resting) >= rules.max_conditional_orders:
            raise Refused(Refusal.TOO_MANY_CONDITIONALS, str(rules.max_conditional_orders))
        if request.close_position and any(
            algo.close_position
            and (algo.symbol, algo.side) == (request.symbol, request.side)
            and algo.is_stop == request.kind.startswith("STOP")
            for algo in resting
        ):
            raise Refused(Refusal.CLOSE_POSITION_EXISTS)

    def cancel(self, ts_ns: int, algo: AlgoOrder) -> AlgoOrder:
        """Cancel a conditional order that still rests. Raises Refused."""
        if not algo.is_open:
            raise Refused(Refusal.UNKNOWN_ORDER)
        return self._move(algo, ts_ns, "CANCELED")

    # --- watching prices -----------------------------------------------------------------------------------------

    def on_price(self, ts_ns: int, symbol: str, working_type: WorkingType) -> None:
        """Trail and trigger what watches this price."""
        price = self._watched_price(symbol, working_type)
        if not price:
            return
        for algo in self._store.open_algos(symbol):
            if algo.working_type != working_type or not self._store.algos[algo.algo_id].is_open:
                continue
            if algo.kind == "TRAILING_STOP_MARKET":
                algo = self._trail(algo, price)
            if self._triggers(algo, price):
                self._trigger(ts_ns, algo)

    def _watched_price(self, symbol: str, working_type: WorkingType) -> Decimal:
        market = self._markets[symbol]
        return market.mark_price if working_type == "MARK_PRICE" else market.last_price

    def _trail(self, algo: AlgoOrder, price: Decimal) -> AlgoOrder:
        """Move an active trailing stop's best price, or activate it when its activation price is reached."""
        if algo.extreme:
            better = price > algo.extreme if algo.side == "SELL" else price < algo.extreme
        else:
            better = price >= algo.activation_price if algo.side == "SELL" else price <= algo.activation_price
        if not better:
            return algo
        algo = replace(algo, extreme=price)
        self._store.put_algo(algo)
        return algo

    def _triggers(self, algo: AlgoOrder, price: Decimal) -> bool:
        if algo.price_protect and not self._prices_agree(algo.symbol):
            return False
        if algo.kind == "TRAILING_STOP_MARKET":
            if not algo.extreme:
                return False
            distance = algo.callback_percent / HUNDRED
            if algo.side == "SELL":
                return price <= algo.extreme * (1 - distance)
            return price >= algo.extreme * (1 + distance)
        rises_to_it = (algo.side == "BUY") == algo.is_stop
        return price >= algo.trigger_price if rises_to_it else price <= algo.trigger_price

    def _prices_agree(self, symbol: str) -> bool:
        market = self._markets[symbol]
        if not market.mark_price or not market.last_price:
            return True
        gap = abs(market.mark_price - market.last_price) / market.mark_price
        return gap <= self._rules[symbol].trigger_protect

    # --- triggering ----------------------------------------------------------------------------------------------

    def _trigger(self, ts_ns: int, algo: AlgoOrder) -> None:
        algo = self._move(replace(algo, triggered_ns=ts_ns), ts_ns, "TRIGGERING")
        held = self._store.position(algo.symbol).quantity
        reduce_only = algo.reduce_only or algo.close_position
        if algo.close_position and not self._closes_something(algo.symbol, algo.side):
            self._move(replace(algo, reason="Position is closed"), ts_ns, "EXPIRED")
            return
        limit = algo.kind in ("STOP", "TAKE_PROFIT")
        request = NewOrder(
            symbol=algo.symbol,
            side=algo.side,
            kind="LIMIT" if limit else "MARKET",
            quantity=abs(held) if algo.close_position else algo.quantity,
            price=algo.price if limit else ZERO,
            time_in_force="GTC" if algo.time_in_force == "GTE_GTC" else algo.time_in_force,
            reduce_only=reduce_only,
            client_order_id=algo.client_algo_id,
            self_trade_prevention=algo.self_trade_prevention,
            price_match=algo.price_match,
        )

        def accepted(order: Order) -> None:
            self._move(replace(algo, actual_order_id=order.order_id), ts_ns, "TRIGGERED")

        try:
            self._desk.place_when_accepted(ts_ns, request, algo, accepted)
        except Refused as refused:
            self._move(replace(algo, reason=refused.refusal.value), ts_ns, "REJECTED")

    def finish(self, ts_ns: int, order: Order) -> None:
        """Finish the conditional order whose order in the book has ended."""
        algo = self._store.algos.get(order.algo_id)
        if algo is None or algo.status != "TRIGGERED" or order.is_open:
            return
        filled = replace(algo, actual_price=order.average_price, actual_quantity=order.executed)
        self._move(filled, ts_ns, "FINISHED")

    def expire_pointless(self, ts_ns: int, symbol: str) -> None:
        """Expire conditional orders whose time in force ties them to a position that is gone."""
        for algo in self._store.open_algos(symbol):
            if algo.time_in_force == "GTE_GTC" and not self._closes_something(symbol, algo.side):
                self._move(replace(algo, reason="Position is closed"), ts_ns, "EXPIRED")

    def expire_due(self, ts_ns: int) -> None:
        """Expire conditional orders whose good-till date has passed."""
        for algo in self._store.open_algos():
            if algo.good_till_ms and algo.good_till_ms * 1_000_000 <= ts_ns:
                self._move(algo, ts_ns, "EXPIRED")

    # --- inside --------------------------------------------------------------------------------------------------

    def _closes_something(self, symbol: str, side: Side) -> bool:
        held = self._store.position(symbol).quantity
        return held < 0 if side == "BUY" else held > 0

    def _move(self, algo: AlgoOrder, ts_ns: int, status: AlgoStatus) -> AlgoOrder:
        algo = replace(algo, status=status, updated_ns=ts_ns)
        self._put(algo)
        return algo

    def _put(self, algo: AlgoOrder) -> None:
        self._store.put_algo(algo)
        self._out.append(AlgoChanged(ts_ns=algo.updated_ns, algo=algo))


def _would_trigger(request: NewAlgo, price: Decimal) -> bool:
    is_stop = request.kind in ("STOP", "STOP_MARKET")
    rises_to_it = (request.side == "BUY") == is_stop
    return price >= request.trigger_price if rises_to_it else price <= request.trigger_price


def _bad_activation(request: NewAlgo, price: Decimal) -> bool:
    """True where a trailing stop would be active from the start although it names a price to wait for."""
    if not request.activation_price:
        return False
    wanted: Literal["above", "below"] = "above" if request.side == "SELL" else "below"
    return request.activation_price <= price if wanted == "above" else request.activation_price >= price
