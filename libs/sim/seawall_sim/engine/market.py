"""One symbol's replayed market as the matching engine sees it, less what our own orders took out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Protocol

from .model import ZERO, Side

Number = Decimal | float | str
Levels = Iterable[tuple[Number, Number]]  # (price, quantity), best first, and able to be read more than once

# the touched part of the book lies near its top; deeper levels are looked at when a sweep reaches them
MAX_LEVELS_REFRESHED = 200


class BookView(Protocol):
    """A book that can be read in place, best level first."""

    def bids(self) -> Iterator[tuple[Number, Number]]:
        """Highest bid first."""

    def asks(self) -> Iterator[tuple[Number, Number]]:
        """Lowest ask first."""


def exact(number: Number) -> Decimal:
    """Turn a price or quantity into the Decimal that its shortest text names."""
    return number if isinstance(number, Decimal) else Decimal(str(number))


class _Taken:
    """How much we took from a level, and how much it displayed when last seen."""

    __slots__ = ("displayed", "quantity")

    def __init__(self, quantity: Decimal, displayed: Decimal) -> None:
        self.quantity = quantity
        self.displayed = displayed


class SymbolMarket:
    """Book, last trade, mark and index price of one symbol."""

    def __init__(self) -> None:
        self.bids: Levels = ()
        self.asks: Levels = ()
        self.last_price = ZERO
        self.mark_price = ZERO
        self.index_price = ZERO
        self.funding_rate = ZERO
        self._taken: dict[Side, dict[Decimal, _Taken]] = {"BUY": {}, "SELL": {}}

    def levels(self, side: Side) -> Levels:
        """Return the book side on which orders of this side rest."""
        return self.bids if side == "BUY" else self.asks

    def best(self, side: Side) -> Decimal:
        """Return the best displayed price of a book side; zero when it is empty."""
        for price, _quantity in self.levels(side):
            return exact(price)
        return ZERO

    def level_price(self, side: Side, level: int) -> Decimal:
        """Return the price of the n-th level of a book side, counted from one; zero where there are fewer."""
        for number, (price, _quantity) in enumerate(self.levels(side), start=1):
            if number == level:
                return exact(price)
        return ZERO

    def displayed(self, side: Side, price: Decimal, max_levels: int = MAX_LEVELS_REFRESHED) -> Decimal | None:
        """Return the displayed quantity at a price; None where the view ends before the price is reached."""
        for count, (level_price, quantity) in enumerate(self.levels(side)):
            level = exact(level_price)
            if level == price:
                return exact(quantity)
            if (level < price) if side == "BUY" else (level > price):
                return ZERO
            if count >= max_levels:
                return None
        return ZERO

    def fillable(self, taker: Side, limit: Decimal) -> Iterator[tuple[Decimal, Decimal]]:
        """Yield (price, quantity) that a taker can still have, best first, up to its limit (zero: none)."""
        maker: Side = "SELL" if taker == "BUY" else "BUY"
        taken = self._taken[maker]
        for raw_price, raw_quantity in self.levels(maker):
            price = exact(raw_price)
            if limit and ((price > limit) if taker == "BUY" else (price < limit)):
                return
            quantity = exact(raw_quantity)
            if price in taken:
                quantity -= taken[price].quantity
            if quantity > ZERO:
                yield price, quantity

    def take(self, taker: Side, price: Decimal, quantity: Decimal) -> None:
        """Remember that we took this much of the level, so that it cannot be taken again."""
        maker: Side = "SELL" if taker == "BUY" else "BUY"
        taken = self._taken[maker].get(price)
        if taken is None:
            shown = self.displayed(maker, price, max_levels=100_000)
            self._taken[maker][price] = _Taken(quantity, shown or quantity)
        else:
            taken.quantity += quantity

    def refresh(self, bids: Levels, asks: Levels) -> None:
        """Take the new book; levels that changed give back what the market itself has replaced.

        A level that grew offers its growth; one that shrank is thought to have lost first what we took,
        so the sum ever taken from a level never exceeds what it displayed; one that left is forgotten.
        """
        self.bids, self.asks = bids, asks
        for side, taken in self._taken.items():
            if taken:
                self._refresh_side(side, taken)

    def _refresh_side(self, side: Side, taken: dict[Decimal, _Taken]) -> None:
        for price in list(taken):
            shown = self.displayed(side, price)
            if shown is None:
                continue
            level = taken[price]
            if shown < level.displayed:
                level.quantity -= level.displayed - shown
            level.displayed = shown
            if level.quantity <= ZERO or shown == ZERO:
                del taken[price]

    def reference_price(self) -> Decimal:
        """Return the mark price, or the nearest thing to it that is known; zero before any data."""
        if self.mark_price:
            return self.mark_price
        if self.last_price:
            return self.last_price
        bid, ask = self.best("BUY"), self.best("SELL")
        return (bid + ask) / 2 if bid and ask else bid or ask
