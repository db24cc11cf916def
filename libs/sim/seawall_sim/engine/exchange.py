"""The simulated exchange: one account, many symbols, driven only by what it is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from seawall_sim.instruments import InstrumentRules

from .account import Account
from .conditionals import ConditionalDesk
from .desk import OrderDesk
from .errors import Refusal, Refused
from .events import EngineEvent, LeverageChanged, OrderChanged
from .liquidation import Liquidator
from .margin import AccountMargin, MarginBook
from .market import BookView, Levels, Number, SymbolMarket, exact
from .matcher import Matcher
from .model import ZERO, AlgoOrder, MarginType, NewAlgo, NewOrder, Order, Side, SymbolSettings
from .queries import Queries
from .store import Delta, Store

FUNDING_INTERVAL_NS = 8 * 3600 * 1_000_000_000
# a fill can end other orders, whose end can end others; each round ends at least one order, few ever chain
MAX_SETTLE_ROUNDS = 1_000


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Fees as fractions of notional, and whether a countdown also cancels conditional orders."""

    maker_fee_rate: Decimal = Decimal("0.0002")
    taker_fee_rate: Decimal = Decimal("0.0005")
    countdown_cancels_conditionals: bool = False


class Exchange:
    """Matches one account's orders against a replayed market.

    Every call carries its time and returns what happened, in order. Requests that are refused raise ``Refused``
    and change nothing. There is no clock, no randomness and no I/O inside: the same calls give the same events.
    """

    def __init__(self, rules: Mapping[str, InstrumentRules], settings: Settings | None = None) -> None:
        self.rules = dict(rules)
        self.settings = settings or Settings()
        self.markets = {symbol: SymbolMarket() for symbol in self.rules}
        self.store = Store()
        self._out: list[EngineEvent] = []
        self._settled = 0
        self.account = Account(
            self.store,
            self.markets,
            maker_fee_rate=self.settings.maker_fee_rate,
            taker_fee_rate=self.settings.taker_fee_rate,
        )
        self.margin = MarginBook(self.store, self.markets, self.rules)
        self._matcher = Matcher(self.store, self.account, self.markets, self.rules, self._out)
        self._desk = OrderDesk(self.store, self._matcher, self.margin, self.markets, self.rules, self._out)
        self._conditionals = ConditionalDesk(self.store, self._desk, self.markets, self.rules, self._out)
        self._liquidator = Liquidator(self.store, self.account, self.margin, self._matcher, self.rules, self._out)
        self.queries = Queries(self.store)

    # --- the market ----------------------------------------------------------------------------------------------

    def on_book(self, symbol: str, ts_ns: int, bids: Levels, asks: Levels) -> list[EngineEvent]:
        """Take the book as it is now; levels are (price, quantity), best first, readable more than once."""
        self.markets[symbol].refresh(bids, asks)
        self._matcher.on_book(ts_ns, symbol)
        return self._settle(ts_ns)

    def on_book_view(self, symbol: str, ts_ns: int, view: BookView) -> list[EngineEvent]:
        """Take a live book that is read in place."""
        return self.on_book(symbol, ts_ns, _Side(view, "BUY"), _Side(view, "SELL"))

    def on_trade(
        self, symbol: str, ts_ns: int, price: Number, quantity: Number, buyer_is_maker: bool
    ) -> list[EngineEvent]:
        """Take one trade of the market: it serves queues and moves the last price."""
        traded = exact(price)
        self.markets[symbol].last_price = traded
        self._matcher.on_trade(ts_ns, symbol, traded, exact(quantity), buyer_is_maker=buyer_is_maker)
        self._conditionals.on_price(ts_ns, symbol, "CONTRACT_PRICE")
        return self._settle(ts_ns)

    def on_mark(
        self, symbol: str, ts_ns: int, mark_price: Number, index_price: Number, funding_rate: Number
    ) -> list[EngineEvent]:
        """Take mark and index price and the funding rate: funding is paid as its hour passes, then margin checked."""
        market = self.markets[symbol]
        market.mark_price, market.index_price = exact(mark_price), exact(index_price)
        self._pay_funding(ts_ns, symbol, market)
        market.funding_rate = exact(funding_rate)
        self._conditionals.on_price(ts_ns, symbol, "MARK_PRICE")
        events = self._settle(ts_ns)
        self._liquidator.check(ts_ns)
        return events + self._settle(ts_ns)

    def on_clock(self, ts_ns: int) -> list[EngineEvent]:
        """Let time pass: good-till dates and countdowns run out."""
        for order in self.store.open_orders():
            if order.good_till_ms and order.good_till_ms * 1_000_000 <= ts_ns:
                self._matcher.end(ts_ns, order, "EXPIRED")
        self._conditionals.expire_due(ts_ns)
        for settings in list(self.store.settings.values()):
            if 0 < settings.countdown_deadline_ns <= ts_ns:
                self._run_out(ts_ns, settings)
        return self._settle(ts_ns)

    # --- orders --------------------------------------------------------------------------------------------------

    def place(self, ts_ns: int, request: NewOrder) -> tuple[Order, list[EngineEvent]]:
        """Place one order; returns it as accepted (before fills) and what happened. Raises Refused."""
        order = self._desk.place(ts_ns, request)
        return order, self._settle(ts_ns)

    def cancel(self, ts_ns: int, order: Order) -> tuple[Order, list[EngineEvent]]:
        """Cancel an open order. Raises Refused."""
        ended = self._desk.cancel(ts_ns, order)
        return ended, self._settle(ts_ns)

    def cancel_all(self, ts_ns: int, symbol: str) -> tuple[list[Order], list[EngineEvent]]:
        """Cancel every open order of a symbol; conditional orders stay."""
        self._listed(symbol)
        ended = [self._desk.cancel(ts_ns, order) for order in self.store.open_orders(symbol)]
        return ended, self._settle(ts_ns)

    def amend(
        self, ts_ns: int, order: Order, side: Side, quantity: Decimal, price: Decimal
    ) -> tuple[Order, list[EngineEvent]]:
        """Change price and quantity of a resting limit order. Raises Refused."""
        amended = self._desk.amend(ts_ns, order, side, quantity, price)
        return amended, self._settle(ts_ns)

    def place_algo(self, ts_ns: int, request: NewAlgo) -> tuple[AlgoOrder, list[EngineEvent]]:
        """Rest one conditional order. Raises Refused."""
        algo = self._conditionals.place(ts_ns, request)
        return algo, self._settle(ts_ns)

    def cancel_algo(self, ts_ns: int, algo: AlgoOrder) -> tuple[AlgoOrder, list[EngineEvent]]:
        """Cancel a conditional order that rests. Raises Refused."""
        ended = self._conditionals.cancel(ts_ns, algo)
        return ended, self._settle(ts_ns)

    def cancel_all_algos(self, ts_ns: int, symbol: str) -> tuple[list[AlgoOrder], list[EngineEvent]]:
        """Cancel every conditional order of a symbol that rests."""
        self._listed(symbol)
        ended = [self._conditionals.cancel(ts_ns, algo) for algo in self.store.open_algos(symbol)]
        return ended, self._settle(ts_ns)

    def set_countdown(self, ts_ns: int, symbol: str, deadline_ns: int) -> tuple[None, list[EngineEvent]]:
        """Cancel the symbol's open orders at the deadline unless it is moved on before; zero disarms."""
        self._listed(symbol)
        self.store.put_settings(replace(self.store.settings_of(symbol), countdown_deadline_ns=deadline_ns))
        return None, self._settle(ts_ns)

    # --- account -------------------------------------------------------------------------------------------------

    def deposit(self, ts_ns: int, amount: Decimal) -> list[EngineEvent]:
        """Pay money in."""
        self.account.book_income(ts_ns, "TRANSFER", amount, symbol="", info="TRANSFER", fill=0)
        self._out.append(self.account.changed(ts_ns, "DEPOSIT", (), amount))
        return self._settle(ts_ns)

    def set_leverage(self, ts_ns: int, symbol: str, leverage: int) -> tuple[SymbolSettings, list[EngineEvent]]:
        """Choose another leverage. Raises Refused where what is held would not be allowed at it."""
        rules = self._listed(symbol)
        if not 1 <= leverage <= rules.max_leverage:
            raise Refused(Refusal.LEVERAGE_INVALID, str(leverage))
        before = self.store.settings_of(symbol)
        held = self.margin.of_symbol(symbol)
        exposure = max(abs(held.notional + held.bid_notional), abs(held.notional - held.ask_notional))
        if exposure > rules.max_notional(leverage):
            raise Refused(Refusal.POSITION_LIMIT)
        if leverage < before.leverage and before.margin_type == "isolated" and held.position.quantity:
            raise Refused(Refusal.LEVERAGE_ISOLATED)
        if leverage < before.leverage and exposure:
            added = exposure / leverage - exposure / before.leverage
            if added > self.margin.summary(liquidation_prices=False).available:
                raise Refused(Refusal.LEVERAGE_TOO_LOW)
        after = replace(before, leverage=leverage)
        self.store.put_settings(after)
        self._out.append(LeverageChanged(ts_ns=ts_ns, symbol=symbol, leverage=leverage))
        return after, self._settle(ts_ns)

    def set_margin_type(self, ts_ns: int, symbol: str, margin_type: MarginType) -> list[EngineEvent]:
        """Switch between cross and isolated margin while nothing is open. Raises Refused."""
        self._listed(symbol)
        before = self.store.settings_of(symbol)
        if before.margin_type == margin_type:
            raise Refused(Refusal.MARGIN_TYPE_SAME)
        if self.store.open_orders(symbol):
            raise Refused(Refusal.MARGIN_TYPE_ORDERS)
        if self.store.position(symbol).quantity:
            raise Refused(Refusal.MARGIN_TYPE_POSITION)
        self.store.put_settings(replace(before, margin_type=margin_type))
        self._out.append(self.account.changed(ts_ns, "MARGIN_TYPE_CHANGE", (symbol,)))
        return self._settle(ts_ns)

    def move_isolated_margin(self, ts_ns: int, symbol: str, amount: Decimal) -> list[EngineEvent]:
        """Add margin to an isolated position, or take some out when negative. Raises Refused."""
        self._listed(symbol)
        held = self.margin.of_symbol(symbol)
        if held.margin_type != "isolated" or not held.position.quantity:
            raise Refused(Refusal.NOT_ISOLATED)
        if amount > max(ZERO, self.margin.summary(liquidation_prices=False).available):
            raise Refused(Refusal.MARGIN_INSUFFICIENT)
        removable = held.position.isolated_wallet + min(ZERO, held.unrealised) - abs(held.notional) / held.leverage
        if -amount > max(ZERO, removable):
            raise Refused(Refusal.MARGIN_INSUFFICIENT)
        wallet = held.position.isolated_wallet + amount
        self.store.put_position(replace(held.position, isolated_wallet=wallet, updated_ns=ts_ns))
        self._out.append(self.account.changed(ts_ns, "MARGIN_TRANSFER", (symbol,)))
        return self._settle(ts_ns)

    def margin_summary(self) -> AccountMargin:
        """Return wallet, margin and positions as they are at the current mark prices."""
        return self.margin.summary()

    # --- memory --------------------------------------------------------------------------------------------------

    def take_changes(self) -> Delta | None:
        """Return what changed since the last call, for a journal."""
        return self.store.take_changes()

    def everything(self) -> Delta:
        """Return the whole memory, for a snapshot."""
        return self.store.everything()

    def restore(self, delta: Delta) -> None:
        """Take over what a journal or snapshot kept."""
        self.store.apply(delta)

    # --- inside --------------------------------------------------------------------------------------------------

    def _listed(self, symbol: str) -> InstrumentRules:
        if symbol not in self.rules:
            raise Refused(Refusal.UNKNOWN_SYMBOL)
        return self.rules[symbol]

    def _pay_funding(self, ts_ns: int, symbol: str, market: SymbolMarket) -> None:
        slot = ts_ns // FUNDING_INTERVAL_NS
        settings = self.store.settings_of(symbol)
        if settings.funding_slot == slot:
            return
        self.store.put_settings(replace(settings, funding_slot=slot))
        if not 0 < settings.funding_slot < slot:
            return
        # slots missed while nothing was running are not made up: the market did not run either
        paid = self.account.book_funding(ts_ns, symbol, market.mark_price, market.funding_rate)
        if paid:
            isolated = self.store.settings_of(symbol).margin_type == "isolated"
            self._out.append(self.account.changed(ts_ns, "FUNDING_FEE", (symbol,) if isolated else (), paid))

    def _run_out(self, ts_ns: int, settings: SymbolSettings) -> None:
        self.store.put_settings(replace(settings, countdown_deadline_ns=0))
        for order in self.store.open_orders(settings.symbol):
            self._matcher.end(ts_ns, order, "CANCELED")
        if self.settings.countdown_cancels_conditionals:
            for algo in self.store.open_algos(settings.symbol):
                self._conditionals.cancel(ts_ns, algo)

    def _settle(self, ts_ns: int) -> list[EngineEvent]:
        """Follow up on what happened until nothing more follows, and hand it over."""
        for _round in range(MAX_SETTLE_ROUNDS):
            fresh = self._out[self._settled :]
            self._settled = len(self._out)
            if not fresh:
                break
            for event in fresh:
                if isinstance(event, OrderChanged):
                    self._follow_up(ts_ns, event)
        events = list(self._out)
        self._out.clear()
        self._settled = 0
        return events

    def _follow_up(self, ts_ns: int, event: OrderChanged) -> None:
        order = event.order
        if order.algo_id and not order.is_open:
            self._conditionals.finish(ts_ns, order)
        if event.fill is not None:
            self._desk.expire_pointless(ts_ns, order.symbol)
            self._conditionals.expire_pointless(ts_ns, order.symbol)


class _Side:
    """One side of a live book as levels that can be read again and again."""

    __slots__ = ("_side", "_view")

    def __init__(self, view: BookView, side: Side) -> None:
        self._view = view
        self._side = side

    def __iter__(self) -> Iterator[tuple[Number, Number]]:
        return self._view.bids() if self._side == "BUY" else self._view.asks()
