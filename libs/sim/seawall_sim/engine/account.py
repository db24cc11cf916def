"""Money: what a fill, a fee, funding and a loss do to positions and wallet, exactly.

wallet = deposits + realised profit - fees + funding + what the insurance fund paid in, to the last decimal.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from .events import AccountChanged, AccountReason, PositionView
from .market import SymbolMarket
from .model import ZERO, Fill, Income, IncomeKind, MarginType, Order, Position, Side, money
from .store import Store


class Account:
    """The single account of the exchange: one wallet in the quote asset, one-way positions."""

    def __init__(
        self,
        store: Store,
        markets: dict[str, SymbolMarket],
        *,
        maker_fee_rate: Decimal,
        taker_fee_rate: Decimal,
    ) -> None:
        self._store = store
        self._markets = markets
        self.maker_fee_rate = maker_fee_rate
        self.taker_fee_rate = taker_fee_rate

    @property
    def wallet(self) -> Decimal:
        """Everything paid in, earned and lost, without unrealised profit."""
        return self._store.counters.wallet

    @property
    def cross_wallet(self) -> Decimal:
        """The wallet less what isolated positions hold."""
        isolated = sum((p.isolated_wallet for p in self._store.positions.values()), ZERO)
        return self.wallet - isolated

    def book_income(self, ts_ns: int, kind: IncomeKind, amount: Decimal, *, symbol: str, info: str, fill: int) -> None:
        """Move money on the wallet and keep the reason; nothing is kept for nothing."""
        if not amount:
            return
        self._store.move_wallet(ts_ns, amount)
        self._store.put_income(
            Income(
                income_id=self._store.take_id("next_income_id"),
                symbol=symbol,
                kind=kind,
                amount=amount,
                info=info,
                ts_ns=ts_ns,
                fill_id=fill,
            )
        )

    def book_fill(self, ts_ns: int, order: Order, price: Decimal, quantity: Decimal, *, maker: bool) -> Fill:
        """Change position and wallet by one execution and return it."""
        signed = quantity if order.side == "BUY" else -quantity
        before = self._store.position(order.symbol)
        fee = money(price * quantity * (self.maker_fee_rate if maker else self.taker_fee_rate))
        position, realised = _after_fill(before, price, signed)
        position = replace(
            position,
            carried=(position.carried + fee) if position.quantity else ZERO,
            isolated_wallet=self._isolated_after(before, position, price),
            updated_ns=ts_ns,
        )
        self._store.put_position(position)
        fill = Fill(
            fill_id=self._store.take_id("next_fill_id"),
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            price=price,
            quantity=quantity,
            fee=fee,
            realised_pnl=realised,
            maker=maker,
            ts_ns=ts_ns,
        )
        self._store.put_fill(fill)
        trade = str(fill.fill_id)
        self.book_income(ts_ns, "REALIZED_PNL", realised, symbol=order.symbol, info=trade, fill=fill.fill_id)
        self.book_income(ts_ns, "COMMISSION", -fee, symbol=order.symbol, info=trade, fill=fill.fill_id)
        return fill

    def _isolated_after(self, before: Position, after: Position, price: Decimal) -> Decimal:
        """Return the margin set apart: it grows with what is opened and is given back with what is closed."""
        settings = self._store.settings_of(before.symbol)
        if settings.margin_type != "isolated" or not after.quantity:
            return ZERO
        kept = before.isolated_wallet
        same_side = before.quantity * after.quantity > 0
        if not same_side:
            opened, kept = abs(after.quantity), ZERO
        elif abs(after.quantity) > abs(before.quantity):
            opened = abs(after.quantity) - abs(before.quantity)
        else:
            return money(kept * abs(after.quantity) / abs(before.quantity))
        return kept + money(opened * price / settings.leverage)

    def book_funding(self, ts_ns: int, symbol: str, mark_price: Decimal, rate: Decimal) -> Decimal:
        """Pay or receive one funding slot; a positive rate is paid by longs. Returns what the wallet gained."""
        position = self._store.position(symbol)
        amount = -money(position.quantity * mark_price * rate)
        if not amount:
            return ZERO
        self.book_income(ts_ns, "FUNDING_FEE", amount, symbol=symbol, info="FUNDING_FEE", fill=0)
        if position.isolated_wallet:
            self._store.put_position(replace(position, isolated_wallet=position.isolated_wallet + amount))
        return amount

    def changed(
        self, ts_ns: int, reason: AccountReason, symbols: tuple[str, ...], balance_change: Decimal = ZERO
    ) -> AccountChanged:
        """Describe wallet and the named positions as they are now."""
        return AccountChanged(
            ts_ns=ts_ns,
            reason=reason,
            wallet=self.wallet,
            cross_wallet=self.cross_wallet,
            balance_change=balance_change,
            positions=tuple(self.position_view(symbol) for symbol in symbols),
        )

    def position_view(self, symbol: str) -> PositionView:
        """Describe one position."""
        position = self._store.position(symbol)
        margin_type: MarginType = self._store.settings_of(symbol).margin_type
        return PositionView(
            symbol=symbol,
            quantity=position.quantity,
            entry_price=position.entry_price,
            break_even_price=position.break_even_price,
            realised=position.realised,
            unrealised=position.unrealised(self._markets[symbol].reference_price()),
            margin_type=margin_type,
            isolated_wallet=position.isolated_wallet,
        )


def _after_fill(before: Position, price: Decimal, signed: Decimal) -> tuple[Position, Decimal]:
    """Return the position after a signed fill, and the profit realised by what it closed."""
    if before.quantity * signed >= 0:
        return replace(before, quantity=before.quantity + signed, cost=before.cost + price * signed), ZERO
    side = 1 if before.quantity > 0 else -1
    closed = min(abs(before.quantity), abs(signed))
    whole = closed == abs(before.quantity)
    released = before.cost if whole else before.cost * closed / abs(before.quantity)
    exit_value = price * closed * side
    realised = money(exit_value - released)
    # the wallet gets a rounded amount, so the cost that stays takes up the rest and nothing is lost
    cost = ZERO if whole else before.cost - (exit_value - realised)
    quantity = before.quantity - closed * side
    opened = abs(signed) - closed
    if opened:
        quantity, cost = -side * opened, -side * opened * price
    carried = ZERO if whole else before.carried - realised
    after = replace(before, quantity=quantity, cost=cost, carried=carried, realised=before.realised + realised)
    return after, realised


def opposite(side: Side) -> Side:
    """Return the other side."""
    return "SELL" if side == "BUY" else "BUY"
