"""Margin: how much of the account is tied up, what is free, and where a position would be liquidated.

Formulas as in the venue's futures documentation: cross margin shares one wallet, isolated margin has its own.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from seawall_sim.instruments import InstrumentRules

from .market import SymbolMarket
from .model import ZERO, MarginType, Order, Position, Side
from .store import Store


class PositionMargin(msgspec.Struct, frozen=True, kw_only=True):
    """One symbol's margin figures, in quote units."""

    symbol: str
    position: Position
    mark_price: Decimal
    leverage: int
    margin_type: MarginType
    notional: Decimal
    unrealised: Decimal
    initial_margin: Decimal
    order_margin: Decimal
    maintenance_margin: Decimal
    bid_notional: Decimal
    ask_notional: Decimal
    max_notional: Decimal
    liquidation_price: Decimal = ZERO


class AccountMargin(msgspec.Struct, frozen=True, kw_only=True):
    """The whole account's margin figures, in quote units."""

    wallet: Decimal
    wallet_updated_ns: int
    cross_wallet: Decimal
    unrealised: Decimal
    cross_unrealised: Decimal
    position_margin: Decimal
    order_margin: Decimal
    maintenance_margin: Decimal
    cross_maintenance_margin: Decimal
    available: Decimal
    positions: tuple[PositionMargin, ...]

    @property
    def margin_balance(self) -> Decimal:
        """Wallet and unrealised profit together: the equity."""
        return self.wallet + self.unrealised


class MarginBook:
    """Computes margin from the store and the markets; it remembers nothing."""

    def __init__(self, store: Store, markets: dict[str, SymbolMarket], rules: dict[str, InstrumentRules]) -> None:
        self._store = store
        self._markets = markets
        self._rules = rules

    def summary(self, *, liquidation_prices: bool = True) -> AccountMargin:
        """Return the account's figures with one entry for every listed symbol."""
        margins = tuple(self.of_symbol(symbol) for symbol in self._rules)
        cross = [m for m in margins if m.margin_type == "cross"]
        isolated_wallet = sum((m.position.isolated_wallet for m in margins), ZERO)
        wallet = self._store.counters.wallet
        cross_wallet = wallet - isolated_wallet
        cross_unrealised = sum((m.unrealised for m in cross), ZERO)
        cross_position_margin = sum((m.initial_margin for m in cross), ZERO)
        order_margin = sum((m.order_margin for m in margins), ZERO)
        cross_maintenance = sum((m.maintenance_margin for m in cross), ZERO)
        if liquidation_prices:
            margins = tuple(
                msgspec.structs.replace(
                    m, liquidation_price=self._liquidation_price(m, cross_wallet, cross_maintenance, cross_unrealised)
                )
                for m in margins
            )
        return AccountMargin(
            wallet=wallet,
            wallet_updated_ns=self._store.counters.wallet_updated_ns,
            cross_wallet=cross_wallet,
            unrealised=sum((m.unrealised for m in margins), ZERO),
            cross_unrealised=cross_unrealised,
            position_margin=sum((m.initial_margin for m in margins), ZERO),
            order_margin=order_margin,
            maintenance_margin=sum((m.maintenance_margin for m in margins), ZERO),
            cross_maintenance_margin=cross_maintenance,
            available=cross_wallet + cross_unrealised - cross_position_margin - order_margin,
            positions=margins,
        )

    def of_symbol(self, symbol: str) -> PositionMargin:
        """Return one symbol's figures, without the liquidation price."""
        rules, settings = self._rules[symbol], self._store.settings_of(symbol)
        position = self._store.position(symbol)
        mark_price = self._markets[symbol].reference_price()
        bid, ask = self._order_notionals(symbol)
        notional = position.quantity * mark_price
        initial = abs(notional) / settings.leverage
        if settings.margin_type == "isolated":
            initial = position.isolated_wallet
        return PositionMargin(
            symbol=symbol,
            position=position,
            mark_price=mark_price,
            leverage=settings.leverage,
            margin_type=settings.margin_type,
            notional=notional,
            unrealised=position.unrealised(mark_price),
            initial_margin=initial,
            order_margin=_order_margin(notional, bid, ask, settings.leverage),
            maintenance_margin=rules.maintenance_margin(abs(notional)),
            bid_notional=bid,
            ask_notional=ask,
            max_notional=rules.max_notional(settings.leverage),
        )

    def needed_for(self, symbol: str, side: Side, price: Decimal, quantity: Decimal) -> Decimal:
        """Return the margin that one more order would tie up, its loss at the mark price included.

        Zero where it only reduces what is held.
        """
        settings = self._store.settings_of(symbol)
        mark_price = self._markets[symbol].reference_price() or price
        notional = self._store.position(symbol).quantity * mark_price
        bid, ask = self._order_notionals(symbol)
        before = _order_margin(notional, bid, ask, settings.leverage)
        added = price * quantity
        after = _order_margin(
            notional, bid + added if side == "BUY" else bid, ask + added if side == "SELL" else ask, settings.leverage
        )
        if after <= before:
            return ZERO
        loss_per_unit = price - mark_price if side == "BUY" else mark_price - price
        return after - before + max(ZERO, loss_per_unit) * quantity

    def notional_after(self, symbol: str, side: Side, price: Decimal, quantity: Decimal) -> Decimal:
        """Return the largest notional that could be held if this order and all others of its side filled."""
        mark_price = self._markets[symbol].reference_price() or price
        notional = self._store.position(symbol).quantity * mark_price
        bid, ask = self._order_notionals(symbol)
        added = price * quantity
        return notional + bid + added if side == "BUY" else -(notional - ask - added)

    def _order_notionals(self, symbol: str) -> tuple[Decimal, Decimal]:
        bid = ask = ZERO
        for order in self._store.open_orders(symbol):
            if not order.reduce_only:
                bid, ask = _add_order(order, bid, ask)
        return bid, ask

    def _liquidation_price(
        self, margin: PositionMargin, cross_wallet: Decimal, maintenance: Decimal, unrealised: Decimal
    ) -> Decimal:
        """Return the mark price at which the maintenance margin is no longer covered; zero where none is.

        (wallet - others' maintenance + others' profit + deduction - cost) / (|quantity| * ratio - quantity)
        """
        position = margin.position
        if not position.quantity:
            return ZERO
        bracket = self._rules[margin.symbol].bracket_for(abs(margin.notional))
        if margin.margin_type == "isolated":
            free = position.isolated_wallet
        else:
            free = cross_wallet - (maintenance - margin.maintenance_margin) + (unrealised - margin.unrealised)
        divisor = abs(position.quantity) * bracket.maintenance_ratio - position.quantity
        price = (free + bracket.deduction - position.cost) / divisor
        return max(ZERO, price)


def _add_order(order: Order, bid: Decimal, ask: Decimal) -> tuple[Decimal, Decimal]:
    notional = order.price * order.remaining
    return (bid + notional, ask) if order.side == "BUY" else (bid, ask + notional)


def _order_margin(notional: Decimal, bid: Decimal, ask: Decimal, leverage: int) -> Decimal:
    """Return what open orders tie up beyond the position: the worse of all bids or all asks filling."""
    worst = max(abs(notional + bid), abs(notional - ask))
    return max(ZERO, worst - abs(notional)) / leverage
