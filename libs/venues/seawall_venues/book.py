"""An order book by price level: fast to change, cheap to read at the top, honest about its depth.

A venue's snapshot goes only so deep. Beyond it a level is known only if it changed since, so each
side keeps the *edge* of what it knows in full and never shows a level beyond it.

Levels near the touch stand in order, in two short lists side by side: the top is maintained, and
reading it is a slice. Those far from it, which most changes concern, lie in a dict in no order until
the near ones run out. Why so, and against what it was measured: docs/adr/0008.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from heapq import nlargest, nsmallest
from math import inf
from typing import ClassVar

from seawall_proto import Level

MAX_LEVELS = 10_000  # far from the touch, a side; a venue's own snapshot holds 1 000, and nobody trades so deep
SPARE_LEVELS = 48  # near the touch beyond those that are read: so many come or go before any are moved


class BookSide(ABC):
    """Absolute quantities by price. ``edge`` may be set by whoever knows better how far the truth goes."""

    __slots__ = ("_far", "_high", "_kept", "_low", "_most", "_prices", "_quantities", "edge")
    UNBOUNDED: ClassVar[float]  # the edge of a side that is known down to its last level

    def __init__(self) -> None:
        self._prices: list[float] = []  # of the near levels, ascending
        self._quantities: list[float] = []  # of the near levels, in the same places
        self._far: dict[float, float] = {}
        self._low, self._high = 0.0, inf  # a price from one to the other is a near level's, any other a far one's
        self._kept = SPARE_LEVELS  # how many are near after a move, where there are so many
        self._most = self._kept + SPARE_LEVELS
        self.edge = self.UNBOUNDED

    def __len__(self) -> int:
        return len(self._prices) + len(self._far)

    def load(self, levels: Sequence[Level], limit: int) -> None:
        """Replace everything by a snapshot of at most ``limit`` levels; fewer means that there are no more."""
        held = {price: quantity for price, quantity in levels if quantity}
        best_first = self._best_first(held)
        self.edge = best_first[-1] if len(levels) >= limit and held else self.UNBOUNDED
        self._prices.clear()
        self._quantities.clear()
        self._far = {price: held[price] for price in best_first}
        self._bring_near(self._kept)

    def update(self, levels: Sequence[Level]) -> None:
        """Apply absolute quantities in turn; zero removes a level, and one that is not there is no matter."""
        prices, quantities, far = self._prices, self._quantities, self._far
        low, high = self._low, self._high
        for price, quantity in levels:
            if price < low or price > high:
                if quantity:
                    far[price] = quantity
                elif price in far:
                    del far[price]
                continue
            place = bisect_left(prices, price)
            if place < len(prices) and prices[place] == price:
                if quantity:
                    quantities[place] = quantity
                else:
                    del prices[place]
                    del quantities[place]
            elif quantity:
                prices.insert(place, price)
                quantities.insert(place, quantity)
        if len(prices) > self._most:
            self._send_away()
        if len(far) > MAX_LEVELS:
            self._forget_deep_half()

    def truncate(self, depth: int) -> None:
        """Keep only the best ``depth`` levels: the venue tells of no others. The edge stays where it is."""
        if len(self) <= depth:
            return
        if self._far:
            self._fill(depth)
        self._cut_near(depth)
        self._far.clear()
        self._draw_line()

    @abstractmethod
    def best(self) -> float:
        """Return the price of the best level, or an infinity that no other side can cross."""

    @abstractmethod
    def touch(self) -> Level | None:
        """Return the best level also where it is beyond the edge, so that a better one may be unknown."""

    @abstractmethod
    def top(self, count: int) -> tuple[Level, ...]:
        """Return at most ``count`` levels, best first, none beyond the edge."""

    @abstractmethod
    def quantity(self, count: int) -> float:
        """Return what the levels of ``top(count)`` hold together."""

    @abstractmethod
    def reaches(self, count: int) -> bool:
        """True where ``count`` levels are known in full, or there are no more."""

    def is_thin(self, count: int) -> bool:
        """True where fewer than ``count`` levels are known in full though there are more; brings none near.

        Looks at every level: for a glance now and then.
        """
        if self.edge == self.UNBOUNDED:
            return False
        known = self._shown(len(self._prices)) + sum(map(self._is_known(), self._far))
        return known < count

    @abstractmethod
    def _shown(self, count: int) -> int:
        """Return how many of the best ``count`` levels are there, and not beyond the edge."""

    @abstractmethod
    def _is_known(self) -> Callable[[float], bool]:
        """Return what tells of a price whether it is not beyond the edge."""

    def _fill(self, count: int) -> None:
        """Bring levels near until ``count`` are, with some to spare: who reads so many will do so again."""
        self._kept = max(self._kept, count + SPARE_LEVELS)
        self._most = self._kept + SPARE_LEVELS
        self._bring_near(self._kept - len(self._prices))

    def _send_away(self) -> None:
        """Move the deepest near levels to the far ones."""
        self._far.update(self._cut_near(self._kept))
        self._draw_line()

    def _forget_deep_half(self) -> None:
        """Drop the farther half of the far levels, and draw the edge in: what was there is no longer known."""
        kept = self._best_first(self._far)[: MAX_LEVELS // 2]
        self._far = {price: self._far[price] for price in kept}
        self.edge = self._best_first((self.edge, kept[-1]))[0]

    @staticmethod
    @abstractmethod
    def _best_first(prices: Iterable[float]) -> list[float]:
        """Return prices from the best to the worst."""

    @abstractmethod
    def _bring_near(self, count: int) -> None:
        """Move the best ``count`` far levels to the near ones."""

    @abstractmethod
    def _cut_near(self, count: int) -> list[Level]:
        """Take the near levels behind the best ``count`` out, and return them."""

    @abstractmethod
    def _draw_line(self) -> None:
        """Let the deepest near level divide near from far; where nothing is far, all is near."""


class Bids(BookSide):
    """Buyers: the best is the highest price."""

    __slots__ = ()
    UNBOUNDED = 0.0

    def best(self) -> float:
        """Return the highest price, or -inf where nobody buys."""
        if not self._prices and self._far:
            self._fill(1)
        return self._prices[-1] if self._prices else -inf

    def touch(self) -> Level | None:
        """Return the best level also where it is beyond the edge, so that a better one may be unknown."""
        return (self.best(), self._quantities[-1]) if len(self) else None

    def top(self, count: int) -> tuple[Level, ...]:
        """Return at most ``count`` levels, best first, none beyond the edge."""
        prices = self._prices
        if len(prices) <= count or prices[-count] < self.edge:
            count = self._shown(count)
        best_first = slice(None, -count - 1, -1)
        return tuple(zip(prices[best_first], self._quantities[best_first]))  # noqa: B905  the check takes an eighth

    def quantity(self, count: int) -> float:
        """Return what the levels of ``top(count)`` hold together."""
        if len(self._prices) <= count or self._prices[-count] < self.edge:
            count = self._shown(count)
        return sum(self._quantities[: -count - 1 : -1])

    def reaches(self, count: int) -> bool:
        """True where ``count`` levels are known in full, or there are no more."""
        if self.edge == self.UNBOUNDED:
            return True
        if len(self._prices) < count and self._far:
            self._fill(count)
        return len(self._prices) >= count and self._prices[-count] >= self.edge

    def _shown(self, count: int) -> int:
        """Return how many of the best ``count`` levels are there, and not beyond the edge."""
        if len(self._prices) < count and self._far:
            self._fill(count)
        return min(count, len(self._prices) - bisect_left(self._prices, self.edge))

    def _is_known(self) -> Callable[[float], bool]:
        return self.edge.__le__

    @staticmethod
    def _best_first(prices: Iterable[float]) -> list[float]:
        return sorted(prices, reverse=True)

    def _bring_near(self, count: int) -> None:
        found = nlargest(count, self._far)
        found.reverse()
        self._prices[:0] = found
        self._quantities[:0] = map(self._far.pop, found)
        self._draw_line()

    def _cut_near(self, count: int) -> list[Level]:
        deep = slice(max(len(self._prices) - count, 0))
        cut = list(zip(self._prices[deep], self._quantities[deep], strict=True))
        del self._prices[deep], self._quantities[deep]
        return cut

    def _draw_line(self) -> None:
        self._low = self._prices[0] if self._far else 0.0


class Asks(BookSide):
    """Sellers: the best is the lowest price."""

    __slots__ = ()
    UNBOUNDED = inf

    def best(self) -> float:
        """Return the lowest price, or inf where nobody sells."""
        if not self._prices and self._far:
            self._fill(1)
        return self._prices[0] if self._prices else inf

    def touch(self) -> Level | None:
        """Return the best level also where it is beyond the edge, so that a better one may be unknown."""
        return (self.best(), self._quantities[0]) if len(self) else None

    def top(self, count: int) -> tuple[Level, ...]:
        """Return at most ``count`` levels, best first, none beyond the edge."""
        prices = self._prices
        if len(prices) <= count or prices[count - 1] > self.edge:
            count = self._shown(count)
        return tuple(zip(prices[:count], self._quantities[:count]))  # noqa: B905  as above

    def quantity(self, count: int) -> float:
        """Return what the levels of ``top(count)`` hold together."""
        if len(self._prices) <= count or self._prices[count - 1] > self.edge:
            count = self._shown(count)
        return sum(self._quantities[:count])

    def reaches(self, count: int) -> bool:
        """True where ``count`` levels are known in full, or there are no more."""
        if self.edge == self.UNBOUNDED:
            return True
        if len(self._prices) < count and self._far:
            self._fill(count)
        return len(self._prices) >= count and self._prices[count - 1] <= self.edge

    def _shown(self, count: int) -> int:
        """Return how many of the best ``count`` levels are there, and not beyond the edge."""
        if len(self._prices) < count and self._far:
            self._fill(count)
        return min(count, bisect_right(self._prices, self.edge))

    def _is_known(self) -> Callable[[float], bool]:
        return self.edge.__ge__

    @staticmethod
    def _best_first(prices: Iterable[float]) -> list[float]:
        return sorted(prices)

    def _bring_near(self, count: int) -> None:
        found = nsmallest(count, self._far)
        self._prices += found
        self._quantities += map(self._far.pop, found)
        self._draw_line()

    def _cut_near(self, count: int) -> list[Level]:
        deep = slice(count, None)
        cut = list(zip(self._prices[deep], self._quantities[deep], strict=True))
        del self._prices[deep], self._quantities[deep]
        return cut

    def _draw_line(self) -> None:
        self._high = self._prices[-1] if self._far else inf


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

    def imbalance(self, count: int) -> float:
        """Return (bid - ask) / (bid + ask) of the best ``count`` quantities a side; 0 of an empty book."""
        bid, ask = self.bids.quantity(count), self.asks.quantity(count)
        return (bid - ask) / (bid + ask) if bid or ask else 0.0

    def truncate(self, depth: int) -> None:
        """Keep only the best ``depth`` levels of both sides: the venue tells of no others."""
        self.bids.truncate(depth)
        self.asks.truncate(depth)

    def is_thin(self, count: int) -> bool:
        """True where a side has fewer than ``count`` levels known in full though there are more."""
        return self.bids.is_thin(count) or self.asks.is_thin(count)

    def reaches(self, count: int) -> bool:
        """True where ``count`` levels on both sides are known in full."""
        return self.bids.reaches(count) and self.asks.reaches(count)
