"""Taking in, amending and ending plain orders."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal

from msgspec.structs import replace

from seawall_sim.instruments import InstrumentRules

from .checks import check_band, check_notional, check_price, check_quantity
from .errors import Refusal, Refused
from .events import EngineEvent, OrderChanged
from .margin import MarginBook
from .market import SymbolMarket
from .matcher import Matcher
from .model import ZERO, AlgoOrder, NewOrder, Order, Side
from .store import Store

# what the venue adds to the best price when it reserves margin for a market order
MARKET_ORDER_MARGIN_UP = Decimal("1.0005")
MAX_AMENDMENTS = 10_000


class OrderDesk:
    """Checks orders, places them with the matcher and keeps reduce-only orders honest."""

    def __init__(
        self,
        store: Store,
        matcher: Matcher,
        margin: MarginBook,
        markets: dict[str, SymbolMarket],
        rules: dict[str, InstrumentRules],
        out: list[EngineEvent],
    ) -> None:
        self._store = store
        self._matcher = matcher
        self._margin = margin
        self._markets = markets
        self._rules = rules
        self._out = out

    def place(self, ts_ns: int, request: NewOrder, algo: AlgoOrder | None = None) -> Order:
        """Check and place one order; returns it as it was accepted, before any fill. Raises Refused."""
        return self.place_when_accepted(ts_ns, request, algo, lambda _order: None)

    def place_when_accepted(
        self, ts_ns: int, request: NewOrder, algo: AlgoOrder | None, accepted: Callable[[Order], None]
    ) -> Order:
        """Place one order and call back between its acceptance and its first event. Raises Refused."""
        request = self._check(request, triggered=algo is not None)
        order = self._accept(ts_ns, request, algo)
        accepted(order)
        self._out.append(OrderChanged(ts_ns=ts_ns, execution="NEW", order=order))
        after = order
        if order.time_in_force != "GTX":
            after = self._matcher.sweep(ts_ns, order)
        if after.is_open:
            if order.kind == "MARKET" or order.time_in_force in ("IOC", "FOK"):
                self._matcher.end(ts_ns, after, "EXPIRED")
            else:
                self._matcher.rest(after)
        return order

    def _check(self, request: NewOrder, *, triggered: bool) -> NewOrder:
        rules = self._rules.get(request.symbol)
        if rules is None:
            raise Refused(Refusal.UNKNOWN_SYMBOL)
        if request.client_order_id:
            self._check_client_id(request)
        check_quantity(rules, request.quantity, market=request.kind == "MARKET")
        market = self._markets[request.symbol]
        if request.kind == "LIMIT":
            check_price(rules, request.price)
            check_band(rules, request.side, request.price, market.mark_price)
        price = self._margin_price(request)
        if request.reduce_only:
            request = replace(request, quantity=self._reducible(request))
        elif price and not triggered:
            check_notional(rules, request.price if request.kind == "LIMIT" else price, request.quantity)
        if len(self._store.open_orders(request.symbol)) >= rules.max_orders:
            raise Refused(Refusal.TOO_MANY_ORDERS, str(rules.max_orders))
        self._check_time_in_force(request)
        if not request.reduce_only:
            self._check_margin(rules, request, price)
        return request

    def _check_client_id(self, request: NewOrder) -> None:
        known = self._store.order_by_client(request.symbol, request.client_order_id)
        if known is not None and known.is_open:
            raise Refused(Refusal.DUPLICATE_CLIENT_ID)

    def _reducible(self, request: NewOrder) -> Decimal:
        """Return the quantity trimmed to the position. Raises Refused where there is nothing to reduce."""
        held = self._store.position(request.symbol).quantity
        reducible = -held if request.side == "BUY" else held
        if reducible <= ZERO:
            raise Refused(Refusal.REDUCE_ONLY)
        return min(request.quantity, reducible)

    def _check_time_in_force(self, request: NewOrder) -> None:
        if request.kind != "LIMIT":
            return
        takes = self._matcher.would_take(request.symbol, request.side, request.price)
        if request.time_in_force == "GTX" and takes:
            raise Refused(Refusal.POST_ONLY_WOULD_TAKE)
        if request.time_in_force == "FOK":
            found = self._matcher.fillable(request.symbol, request.side, request.price, request.quantity)
            if found < request.quantity:
                raise Refused(Refusal.FILL_OR_KILL)

    def _margin_price(self, request: NewOrder) -> Decimal:
        market = self._markets[request.symbol]
        if request.kind == "LIMIT":
            return request.price if request.side == "BUY" else max(request.price, market.best("BUY"))
        if request.side == "BUY":
            return market.best("SELL") * MARKET_ORDER_MARGIN_UP or market.reference_price()
        return market.best("BUY") or market.reference_price()

    def _check_margin(self, rules: InstrumentRules, request: NewOrder, price: Decimal) -> None:
        needed = self._margin.needed_for(request.symbol, request.side, price, request.quantity)
        if not needed:
            return
        leverage = self._store.settings_of(request.symbol).leverage
        held = self._margin.notional_after(request.symbol, request.side, price, request.quantity)
        if held > rules.max_notional(leverage):
            raise Refused(Refusal.POSITION_LIMIT)
        if needed > self._margin.summary(liquidation_prices=False).available:
            raise Refused(Refusal.MARGIN_INSUFFICIENT)

    def _accept(self, ts_ns: int, request: NewOrder, algo: AlgoOrder | None) -> Order:
        order_id = self._store.take_id("next_order_id")
        order = Order(
            order_id=order_id,
            client_order_id=request.client_order_id or own_client_id("order", order_id),
            symbol=request.symbol,
            side=request.side,
            kind=request.kind,
            origin=algo.kind if algo else request.kind,
            time_in_force=request.time_in_force,
            quantity=request.quantity,
            price=request.price,
            reduce_only=request.reduce_only,
            status="NEW",
            created_ns=ts_ns,
            updated_ns=ts_ns,
            good_till_ms=request.good_till_ms,
            self_trade_prevention=request.self_trade_prevention,
            price_match=request.price_match,
        )
        if algo is not None:
            order = replace(
                order,
                algo_id=algo.algo_id,
                stop_price=algo.trigger_price,
                close_position=algo.close_position,
                working_type=algo.working_type,
                price_protect=algo.price_protect,
            )
        self._store.put_order(order)
        return order

    def cancel(self, ts_ns: int, order: Order) -> Order:
        """Cancel an order that is still open. Raises Refused."""
        if not order.is_open:
            raise Refused(Refusal.UNKNOWN_ORDER)
        return self._matcher.end(ts_ns, order, "CANCELED")

    def amend(self, ts_ns: int, order: Order, side: Side, quantity: Decimal, price: Decimal) -> Order:
        """Change price and quantity of a resting limit order. Raises Refused.

        It keeps its place in the queue only where the price stays and the quantity shrinks. An order already
        filled beyond the new quantity is cancelled, and so is a post-only order that would now take.
        """
        if not order.is_open:
            raise Refused(Refusal.NO_SUCH_ORDER)
        if order.kind != "LIMIT" or side != order.side or order.amendments >= MAX_AMENDMENTS:
            raise Refused(Refusal.NOT_AMENDABLE)
        if (quantity, price) == (order.quantity, order.price):
            raise Refused(Refusal.NOTHING_TO_AMEND)
        rules = self._rules[order.symbol]
        check_quantity(rules, quantity, market=False)
        check_price(rules, price)
        check_band(rules, side, price, self._markets[order.symbol].mark_price)
        takes = self._matcher.would_take(order.symbol, side, price)
        if quantity <= order.executed or (takes and order.time_in_force == "GTX"):
            return self._matcher.end(ts_ns, order, "CANCELED")
        if order.reduce_only:
            quantity = min(quantity, order.executed + self._matcher.closable(replace(order, quantity=quantity)))
        else:
            check_notional(rules, price, quantity)
            self._check_amended_margin(rules, order, quantity, price)
        keeps_place = price == order.price and quantity < order.quantity
        order = replace(order, price=price, quantity=quantity, updated_ns=ts_ns, amendments=order.amendments + 1)
        self._store.put_order(order)
        self._out.append(OrderChanged(ts_ns=ts_ns, execution="AMENDMENT", order=order))
        after = self._matcher.sweep(ts_ns, order) if takes else order
        if after.is_open and not keeps_place:
            self._matcher.leave(after)
            self._matcher.rest(after)
        return order

    def _check_amended_margin(self, rules: InstrumentRules, order: Order, quantity: Decimal, price: Decimal) -> None:
        before, after = order.price * order.remaining, price * (quantity - order.executed)
        if after <= before:
            return
        grown = NewOrder(
            symbol=order.symbol, side=order.side, kind="LIMIT", price=price, quantity=(after - before) / price
        )
        self._check_margin(rules, grown, price)

    def expire_pointless(self, ts_ns: int, symbol: str) -> None:
        """Expire reduce-only orders that have nothing left to reduce, and trim the others to the position."""
        for order in self._store.open_orders(symbol):
            if not order.reduce_only:
                continue
            closable = self._matcher.closable(order)
            if closable <= ZERO:
                self._matcher.end(ts_ns, order, "EXPIRED")
            elif closable < order.remaining:
                order = replace(order, quantity=order.executed + closable, updated_ns=ts_ns)
                self._store.put_order(order)
                self._out.append(OrderChanged(ts_ns=ts_ns, execution="AMENDMENT", order=order))


def own_client_id(kind: str, number: int) -> str:
    """Return the client id that the venue itself gives to an order that came without one."""
    return hashlib.blake2b(f"{kind}:{number}".encode(), digest_size=11).hexdigest()
