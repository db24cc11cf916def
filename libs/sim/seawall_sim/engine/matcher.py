"""Matching: takers walk the replayed book, makers wait in its queues."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec.structs import replace

from seawall_sim.instruments import InstrumentRules

from .account import Account, opposite
from .events import EngineEvent, OrderChanged
from .market import SymbolMarket
from .model import ZERO, Fill, Order, OrderStatus, Side
from .store import Store

# a market order stops this far from the mark price and the rest expires (the venue's marketTakeBound)
MARKET_TAKE_BOUND = Decimal("0.05")


class Matcher:
    """Fills orders of the one account against the replayed market.

    Queue model: a resting order stands behind everything displayed at its price when it came. Trades at that price
    serve the queue from its front; cancellations are thought to come from behind us until the level shows less
    than stood ahead of us. Trades and quotes beyond the price fill it with their own quantity.
    """

    def __init__(
        self,
        store: Store,
        account: Account,
        markets: dict[str, SymbolMarket],
        rules: dict[str, InstrumentRules],
        out: list[EngineEvent],
    ) -> None:
        self._store = store
        self._account = account
        self._markets = markets
        self._rules = rules
        self._out = out
        self._ahead: dict[int, Decimal] = {}

    # --- taking --------------------------------------------------------------------------------------------------

    def take_limit(self, order_kind: str, symbol: str, side: Side, price: Decimal) -> Decimal:
        """Return the worst price a taker accepts: its own limit, or the market order's bound; zero for none."""
        if order_kind == "LIMIT":
            return price
        mark_price = self._markets[symbol].mark_price
        if not mark_price:
            return ZERO
        return mark_price * (1 + MARKET_TAKE_BOUND) if side == "BUY" else mark_price * (1 - MARKET_TAKE_BOUND)

    def fillable(self, symbol: str, side: Side, limit: Decimal, wanted: Decimal) -> Decimal:
        """Return how much of the wanted quantity could be filled at once."""
        found = ZERO
        for _price, quantity in self._markets[symbol].fillable(side, limit):
            found += quantity
            if found >= wanted:
                return wanted
        return found

    def would_take(self, symbol: str, side: Side, price: Decimal) -> bool:
        """True where a limit order at this price would meet the displayed other side."""
        best = self._markets[symbol].best(opposite(side))
        return bool(best) and (price >= best if side == "BUY" else price <= best)

    def sweep(self, ts_ns: int, order: Order) -> Order:
        """Fill what can be had at once, level by level, and return the order as it is then."""
        market = self._markets[order.symbol]
        limit = self.take_limit(order.kind, order.symbol, order.side, order.price)
        fills: list[tuple[Order, Fill]] = []
        reachable = self._reachable(order, limit)
        order = self._prevent_self_trade(ts_ns, order, reachable[-1][0] if reachable else limit)
        for price, quantity in reachable if order.is_open else ():
            order, fill = self._book(ts_ns, order, price, quantity, maker=False)
            market.take(order.side, price, quantity)
            fills.append((order, fill))
        self._say_fills(ts_ns, fills)
        return order

    def _prevent_self_trade(self, ts_ns: int, order: Order, worst_price: Decimal) -> Order:
        """Expire what would have traded with itself: the maker, the taker or both, as the taker wishes."""
        if not worst_price or order.self_trade_prevention == "NONE" or order.forced:
            return order
        met = [
            resting
            for resting in self._store.open_side(order.symbol, opposite(order.side))
            if (resting.price <= worst_price if order.side == "BUY" else resting.price >= worst_price)
        ]
        if not met:
            return order
        if order.self_trade_prevention in ("EXPIRE_MAKER", "EXPIRE_BOTH"):
            for resting in met:
                self.end(ts_ns, resting, "EXPIRED_IN_MATCH")
        if order.self_trade_prevention in ("EXPIRE_TAKER", "EXPIRE_BOTH"):
            order = self.end(ts_ns, order, "EXPIRED_IN_MATCH")
        return order

    def _reachable(self, order: Order, limit: Decimal) -> list[tuple[Decimal, Decimal]]:
        wanted, found = self.closable(order), []
        for price, quantity in self._markets[order.symbol].fillable(order.side, limit):
            part = min(wanted, self._rules[order.symbol].floor_quantity(quantity))
            if part > ZERO:
                found.append((price, part))
                wanted -= part
            if wanted <= ZERO:
                break
        return found

    # --- resting -------------------------------------------------------------------------------------------------

    def rest(self, order: Order) -> None:
        """Put the order at the end of its level's queue."""
        shown = self._markets[order.symbol].displayed(order.side, order.price)
        if shown is not None:
            self._ahead[order.order_id] = shown

    def leave(self, order: Order) -> None:
        """Forget the order's place in the queue."""
        self._ahead.pop(order.order_id, None)

    def on_trade(self, ts_ns: int, symbol: str, price: Decimal, quantity: Decimal, *, buyer_is_maker: bool) -> None:
        """Let a trade of the market serve the queues and fill what it went through."""
        side: Side = "BUY" if buyer_is_maker else "SELL"
        left, served, fills = quantity, ZERO, []
        for order in self._store.open_side(symbol, side):
            beyond = order.price > price if side == "BUY" else order.price < price
            if beyond:
                part = min(left, self.closable(order))
            elif order.price == price:
                ahead = self._queue_ahead(order)
                self._ahead[order.order_id] = max(ZERO, ahead - quantity)
                # orders of our own that stand before this one were served from the same trade
                part = min(left, self.closable(order), max(ZERO, quantity - ahead - served))
            else:
                break
            if part > ZERO:
                fills.append(self._book(ts_ns, order, order.price, part, maker=True))
                left -= part
                served += part
        self._say_fills(ts_ns, fills)

    def on_book(self, ts_ns: int, symbol: str) -> None:
        """Fill orders that the other side now crosses, and move the rest up where the queue got shorter."""
        if not self._store.open_orders(symbol):
            return
        fills: list[tuple[Order, Fill]] = []
        for side in ("BUY", "SELL"):
            for order in self._store.open_side(symbol, side):
                if self.would_take(symbol, side, order.price):
                    fills.extend(self._fill_crossed(ts_ns, order))
                else:
                    self._shorten_queue(order)
        self._say_fills(ts_ns, fills)

    def _fill_crossed(self, ts_ns: int, order: Order) -> list[tuple[Order, Fill]]:
        market, fills = self._markets[order.symbol], []
        wanted = self.closable(order)
        for price, quantity in list(market.fillable(order.side, order.price)):
            part = min(wanted, self._rules[order.symbol].floor_quantity(quantity))
            if part <= ZERO:
                continue
            market.take(order.side, price, part)
            order, fill = self._book(ts_ns, order, order.price, part, maker=True)
            fills.append((order, fill))
            wanted -= part
            if wanted <= ZERO:
                break
        return fills

    def _shorten_queue(self, order: Order) -> None:
        shown = self._markets[order.symbol].displayed(order.side, order.price)
        if shown is not None:
            self._ahead[order.order_id] = min(self._ahead.get(order.order_id, shown), shown)

    def _queue_ahead(self, order: Order) -> Decimal:
        if order.order_id not in self._ahead:
            self.rest(order)  # after a restart: at the end of the queue again
        return self._ahead.get(order.order_id, ZERO)

    def closable(self, order: Order) -> Decimal:
        """Return how much of the order may fill: a reduce-only order never more than the position holds."""
        if not order.reduce_only:
            return order.remaining
        held = self._store.position(order.symbol).quantity
        reducible = max(ZERO, -held if order.side == "BUY" else held)
        return min(order.remaining, reducible)

    # --- booking -------------------------------------------------------------------------------------------------

    def _book(self, ts_ns: int, order: Order, price: Decimal, quantity: Decimal, *, maker: bool) -> tuple[Order, Fill]:
        executed = order.executed + quantity
        status: OrderStatus = "FILLED" if executed >= order.quantity else "PARTIALLY_FILLED"
        order = replace(order, executed=executed, quote=order.quote + price * quantity, status=status, updated_ns=ts_ns)
        fill = self._account.book_fill(ts_ns, order, price, quantity, maker=maker)
        self._store.put_order(order)
        if status == "FILLED":
            self.leave(order)
        return order, fill

    def _say_fills(self, ts_ns: int, fills: list[tuple[Order, Fill]]) -> None:
        """Say the account first and the trades after, as the venue does."""
        if not fills:
            return
        symbols = tuple(dict.fromkeys(order.symbol for order, _fill in fills))
        self._out.append(self._account.changed(ts_ns, "ORDER", symbols))
        for order, fill in fills:
            kind: Literal["CALCULATED", "TRADE"] = "CALCULATED" if order.forced else "TRADE"
            self._out.append(OrderChanged(ts_ns=ts_ns, execution=kind, order=order, fill=fill))

    def take_over(self, ts_ns: int, order: Order, price: Decimal) -> Order:
        """Fill the rest of a liquidation order at a price off the book: the insurance fund is the other side."""
        if order.remaining > ZERO:
            order, fill = self._book(ts_ns, order, price, order.remaining, maker=False)
            self._say_fills(ts_ns, [(order, fill)])
        return order

    def end(self, ts_ns: int, order: Order, status: Literal["CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"]) -> Order:
        """Take an order out of the book for good and say so."""
        execution: Literal["CANCELED", "EXPIRED"] = "CANCELED" if status == "CANCELED" else "EXPIRED"
        order = replace(order, status=status, updated_ns=ts_ns)
        self._store.put_order(order)
        self.leave(order)
        self._out.append(OrderChanged(ts_ns=ts_ns, execution=execution, order=order))
        return order
