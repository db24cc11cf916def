"""An order book by price level: fast to change, cheap to read at the top, honest about its depth.

A venue's snapshot goes only so deep. Beyond it a level is known only if it changed since, so each
side keeps the *edge* of what it knows in full and never shows a level beyond it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from math import inf
from typing import ClassVar

from seawall_proto import Level

MAX_LEVELS = 10_000  # a side; the venue's own snapshot holds 1 000, and nobody trades on level 10 001


class BookSide(ABC):
    """Levels by price, and the prices in ascending order.

    A level stays the very tuple that the parser made, so reading the top copies nothing.
    """

    __slots__ = ("_levels", "_prices", "edge")
    UNBOUNDED: ClassVar[float]  # the edge of a side that is known down to its last level

    def __init__(self) -> None:
        self._levels: dict[float, Level] = {}
        self._prices: list[float] = []
        self.edge = self.UNBOUNDED

    def __len__(self) -> int:
        return len(self._prices)

    def load(self, levels: Sequence[Level], limit: int) -> None:
        """Replace everything by a snapshot of at most ``limit`` levels; fewer means that there are no more."""
        self._levels = {level[0]: level for level in levels if level[1]}
        self._prices = sorted(self._levels)
        self.edge = self._deepest() if len(levels) >= limit and self._prices else self.UNBOUNDED

    def update(self, levels: Sequence[Level]) -> None:
        """Apply absolute quantities; zero removes a level, and one that is not there is no matter."""
        held, prices = self._levels, self._prices
        for level in levels:
            price, quantity = level
            if quantity:
                if price not in held:
                    insort(prices, price)
                held[price] = level
            elif price in held:
                del held[price]
                del prices[bisect_left(prices, price)]
        if len(prices) > MAX_LEVELS:
            self._forget_deep_half()

    def _forget(self, deep: slice) -> None:
        for price in self._prices[deep]:
            del self._levels[price]
        del self._prices[deep]

    @abstractmethod
    def _deepest(self) -> float:
        """Return the price farthest from the touch."""

    @abstractmethod
    def _forget_deep_half(self) -> None:
        """Drop the half farthest from the touch, and draw the edge in."""


class Bids(BookSide):
    """Buyers: the best is the highest price."""

    __slots__ = ()
    UNBOUNDED = 0.0

    def best(self) -> float:
        """Return the highest price, or -inf where nobody buys."""
        return self._prices[-1] if self._prices else -inf

    def top(self, count: int) -> tuple[Level, ...]:
        """Return at most ``count`` levels, best first, none beyond the edge."""
        prices = self._prices[-count:]
        if prices and prices[0] < self.edge:
            del prices[: bisect_left(prices, self.edge)]
        prices.reverse()
        return tuple(map(self._levels.__getitem__, prices))

    def reaches(self, count: int) -> bool:
        """True where ``count`` levels are known in full, or there are no more."""
        prices = self._prices
        return self.edge == self.UNBOUNDED or (len(prices) >= count and prices[-count] >= self.edge)

    def _deepest(self) -> float:
        return self._prices[0]

    def _forget_deep_half(self) -> None:
        self._forget(slice(0, len(self._prices) - MAX_LEVELS // 2))
        self.edge = max(self.edge, self._deepest())


class Asks(BookSide):
    """Sellers: the best is the lowest price."""

    __slots__ = ()
    UNBOUNDED = inf

    def best(self) -> float:
        """Return the lowest price, or inf where nobody sells."""
        return self._prices[0] if self._prices else inf

    def top(self, count: int) -> tuple[Level, ...]:
        """Return at most ``count`` levels, best first, none beyond the edge."""
        prices = self._prices[:count]
        if prices and prices[-1] > self.edge:
            del prices[bisect_right(prices, self.edge) :]
        return tuple(map(self._levels.__getitem__, prices))

    def reaches(self, count: int) -> bool:
        """True where ``count`` levels are known in full, or there are no more."""
        prices = self._prices
        return self.edge == self.UNBOUNDED or (len(prices) >= count and prices[count - 1] <= self.edge)

    def _deepest(self) -> float:
        return self._prices[-1]

    def _forget_deep_half(self) -> None:
        self._forget(slice(MAX_LEVELS // 2, None))
        self.edge = min(self.edge, self._deepest())


class OrderBook:
    """Both sides."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = Bids()
        self.asks = Asks()

    def load(self, bids: Sequence[Level], asks: Sequence[Level], limit: int) -> None:
        """Replace everything by a snapshot of at most ``limit`` levels a side."""
        self.bids.load(bids, limit)
        self.asks.load(asks, limit)

    def trouble(self) -> str:
        """Return why no market can look like this, or an empty text."""
        bid, ask = self.bids.best(), self.asks.best()
        if bid >= ask:
            return f"crossed book: bid {bid} at or above ask {ask}"
        if bid == -inf or ask == inf:
            return "a side of the book is empty"
        return ""

    def knows_top(self) -> bool:
        """True unless the market left the depth that the snapshot covered: then the best may be unknown."""
        return self.bids.best() >= self.bids.edge and self.asks.best() <= self.asks.edge

    def reaches(self, count: int) -> bool:
        """True where ``count`` levels on both sides are known in full."""
        return self.bids.reaches(count) and self.asks.reaches(count)
