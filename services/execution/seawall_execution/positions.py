"""What a fill does to a position, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal

from seawall_proto import Side

ZERO = Decimal(0)
# 50 digits: sums and products of prices and quantities stay exact, a division loses nothing that is owed.
MONEY = Context(prec=50)
ENTRY_DIGITS = Context(prec=28)


@dataclass(frozen=True, slots=True)
class Holding:
    """A signed quantity, what it cost (signed alike), and the profit realised so far, without fees."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realised_pnl: Decimal = ZERO

    @property
    def entry_price(self) -> Decimal:
        """The average price paid for what is held, 0 when flat."""
        return ENTRY_DIGITS.divide(self.cost, self.quantity) if self.quantity else ZERO


def holding_of(quantity: Decimal, entry_price: Decimal, realised_pnl: Decimal) -> Holding:
    """Return the holding that a stored position describes."""
    return Holding(quantity, MONEY.multiply(quantity, entry_price), realised_pnl)


def book(holding: Holding, side: Side, price: Decimal, quantity: Decimal) -> Holding:
    """Return the holding after a fill: adding averages the entry, reducing realises profit.

    A fill larger than the opposite position closes it and opens the rest at the fill's price.
    """
    signed = quantity if side == "buy" else -quantity
    if holding.quantity * signed >= 0:
        cost = MONEY.add(holding.cost, MONEY.multiply(signed, price))
        return Holding(MONEY.add(holding.quantity, signed), cost, holding.realised_pnl)
    closed = min(abs(holding.quantity), quantity)
    closed_signed = closed if signed > 0 else -closed
    if closed == abs(holding.quantity):
        released = holding.cost
    else:
        released = MONEY.divide(MONEY.multiply(holding.cost, closed), abs(holding.quantity))
    gained = MONEY.subtract(-MONEY.multiply(closed_signed, price), released)
    realised = MONEY.add(holding.realised_pnl, gained)
    rest = MONEY.subtract(signed, closed_signed)
    if rest:
        return Holding(rest, MONEY.multiply(rest, price), realised)
    left = MONEY.add(holding.quantity, closed_signed)
    return Holding(left, MONEY.subtract(holding.cost, released) if left else ZERO, realised)
