"""Liquidation: what the exchange does when maintenance margin is no longer covered."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from seawall_sim.instruments import InstrumentRules

from .account import Account
from .events import EngineEvent, MarginCalled, OrderChanged
from .margin import AccountMargin, MarginBook, PositionMargin
from .matcher import Matcher
from .model import ZERO, Order, Side, money
from .store import Store

# the venue warns when the maintenance margin has eaten this much of the margin balance
MARGIN_CALL_RATIO = Decimal("0.8")


class Liquidator:
    """Closes positions whose margin is gone, the largest loss first, and lets the insurance fund pay what lacks."""

    def __init__(
        self,
        store: Store,
        account: Account,
        margin: MarginBook,
        matcher: Matcher,
        rules: dict[str, InstrumentRules],
        out: list[EngineEvent],
    ) -> None:
        self._store = store
        self._account = account
        self._margin = margin
        self._matcher = matcher
        self._rules = rules
        self._out = out
        self._warned = False

    def check(self, ts_ns: int) -> None:
        """Look at isolated positions one by one and at the cross account as a whole."""
        if not any(position.quantity for position in self._store.positions.values()):
            self._warned = False
            return
        summary = self._margin.summary(liquidation_prices=False)
        for margin in summary.positions:
            if margin.margin_type != "isolated" or not margin.position.quantity:
                continue
            if margin.position.isolated_wallet + margin.unrealised <= margin.maintenance_margin:
                self._close(ts_ns, margin, margin.position.isolated_wallet)
        self._check_cross(ts_ns)

    def _check_cross(self, ts_ns: int) -> None:
        # each round closes one position, so there are at most as many rounds as symbols
        for _round in self._rules:
            summary = self._margin.summary(liquidation_prices=False)
            held = [m for m in summary.positions if m.margin_type == "cross" and m.position.quantity]
            if not held:
                return
            balance = summary.cross_wallet + summary.cross_unrealised
            if balance > summary.cross_maintenance_margin:
                self._warn(ts_ns, summary, held, balance)
                return
            worst = min(held, key=lambda m: (m.unrealised, m.symbol))
            others = summary.cross_unrealised - worst.unrealised
            self._close(ts_ns, worst, summary.cross_wallet + others)

    def _warn(self, ts_ns: int, summary: AccountMargin, held: list[PositionMargin], balance: Decimal) -> None:
        near = summary.cross_maintenance_margin >= MARGIN_CALL_RATIO * balance
        if near and not self._warned:
            views = tuple((self._account.position_view(m.symbol), m.mark_price, m.maintenance_margin) for m in held)
            self._out.append(MarginCalled(ts_ns=ts_ns, cross_wallet=summary.cross_wallet, positions=views))
        self._warned = near

    def _close(self, ts_ns: int, margin: PositionMargin, free: Decimal) -> None:
        """Cancel the symbol's orders and close its position: at the book, then by the insurance fund.

        The bankruptcy price is where the position's loss has used up ``free``; nothing is sold below it.
        """
        for order in self._store.open_orders(margin.symbol):
            self._matcher.end(ts_ns, order, "CANCELED")
        position, rules = margin.position, self._rules[margin.symbol]
        raw = (position.cost - max(ZERO, free)) / position.quantity
        bankruptcy = max(rules.tick_size, rules.floor_price(raw) + (rules.tick_size if position.quantity > 0 else ZERO))
        side: Side = "SELL" if position.quantity > 0 else "BUY"
        order_id = self._store.take_id("next_order_id")
        order = Order(
            order_id=order_id,
            client_order_id=f"autoclose-{ts_ns // 1_000_000}{order_id % 1_000_000:06d}",
            symbol=margin.symbol,
            side=side,
            kind="LIMIT",
            origin="LIMIT",
            time_in_force="IOC",
            quantity=abs(position.quantity),
            price=bankruptcy,
            reduce_only=False,
            status="NEW",
            created_ns=ts_ns,
            updated_ns=ts_ns,
            forced=True,
        )
        self._store.put_order(order)
        self._out.append(OrderChanged(ts_ns=ts_ns, execution="NEW", order=order))
        order = self._matcher.sweep(ts_ns, order)
        self._matcher.take_over(ts_ns, order, bankruptcy)
        self._cover_debt(ts_ns, margin.symbol)

    def _cover_debt(self, ts_ns: int, symbol: str) -> None:
        position = self._store.position(symbol)
        if position.isolated_wallet and not position.quantity:
            self._store.put_position(replace(position, isolated_wallet=ZERO))
        if self._account.wallet < ZERO and not any(p.quantity for p in self._store.positions.values()):
            debt = money(-self._account.wallet)
            self._account.book_income(ts_ns, "INSURANCE_CLEAR", debt, symbol=symbol, info="INSURANCE_CLEAR", fill=0)
            self._out.append(self._account.changed(ts_ns, "INSURANCE_CLEAR", (symbol,), debt))
