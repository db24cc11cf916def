"""Order book structures that were not chosen, and ours, for ``bench_book`` to compare.

Each is one side, with the three readings that the feed makes. None guards against what a venue may send
beyond reason: that costs ours a little, and the others nothing.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from itertools import compress, islice
from typing import Protocol

from sortedcontainers import SortedDict  # comes with hypothesis

from seawall_proto import Level
from seawall_venues.book import Asks, Bids

try:
    import numpy
except ImportError:
    numpy = None


class Side(Protocol):
    """What is measured of each structure."""

    def load(self, levels: Sequence[Level], limit: int) -> None: ...
    def update(self, levels: Sequence[Level]) -> None: ...
    def best(self) -> float: ...
    def top(self, count: int) -> tuple[Level, ...]: ...
    def quantity(self, count: int) -> float: ...


class SortedPrices:
    """A dict of levels, and all their prices in a sorted list: what ours replaced."""

    def __init__(self, is_bids: bool) -> None:
        self.is_bids = is_bids

    def load(self, levels: Sequence[Level], limit: int) -> None:
        self.levels = {level[0]: level for level in levels if level[1]}
        self.prices = sorted(self.levels)

    def update(self, levels: Sequence[Level]) -> None:
        held, prices = self.levels, self.prices
        for level in levels:
            price, quantity = level
            if quantity:
                if price not in held:
                    insort(prices, price)
                held[price] = level
            elif price in held:
                del held[price]
                del prices[bisect_left(prices, price)]

    def best(self) -> float:
        return self.prices[-1 if self.is_bids else 0]

    def top(self, count: int) -> tuple[Level, ...]:
        prices = self.prices[: -count - 1 : -1] if self.is_bids else self.prices[:count]
        return tuple(map(self.levels.__getitem__, prices))

    def quantity(self, count: int) -> float:
        return sum([quantity for _, quantity in self.top(count)])


class SortedArrays:
    """All levels in order, in two lists side by side."""

    def __init__(self, is_bids: bool) -> None:
        self.is_bids = is_bids

    def load(self, levels: Sequence[Level], limit: int) -> None:
        held = sorted(dict(levels).items())
        self.prices, self.quantities = [price for price, _ in held], [quantity for _, quantity in held]

    def update(self, levels: Sequence[Level]) -> None:
        prices, quantities = self.prices, self.quantities
        for price, quantity in levels:
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

    def best(self) -> float:
        return self.prices[-1 if self.is_bids else 0]

    def top(self, count: int) -> tuple[Level, ...]:
        best_first = slice(None, -count - 1, -1) if self.is_bids else slice(count)
        return tuple(zip(self.prices[best_first], self.quantities[best_first]))  # noqa: B905

    def quantity(self, count: int) -> float:
        return sum(self.quantities[: -count - 1 : -1] if self.is_bids else self.quantities[:count])


class DictAndHeap:
    """A dict, and a heap of prices in which those of removed levels lie until they come up."""

    def __init__(self, is_bids: bool) -> None:
        self.sign = -1.0 if is_bids else 1.0

    def load(self, levels: Sequence[Level], limit: int) -> None:
        self.held = dict(levels)
        self._heap_up()

    def _heap_up(self) -> None:
        self.heap = [self.sign * price for price in self.held]
        heapify(self.heap)
        self.most = 2 * len(self.heap) + 1_000

    def update(self, levels: Sequence[Level]) -> None:
        held, heap, sign = self.held, self.heap, self.sign
        for price, quantity in levels:
            if quantity:
                if price not in held:
                    heappush(heap, sign * price)
                held[price] = quantity
            elif price in held:
                del held[price]
        if len(heap) > self.most:
            self._heap_up()

    def best(self) -> float:
        while self.sign * self.heap[0] not in self.held:
            heappop(self.heap)
        return self.sign * self.heap[0]

    def top(self, count: int) -> tuple[Level, ...]:
        found: list[float] = []
        while self.heap and len(found) < count:
            key = heappop(self.heap)
            if self.sign * key in self.held and (not found or key != found[-1]):
                found.append(key)
        for key in found:
            heappush(self.heap, key)
        return tuple((self.sign * key, self.held[self.sign * key]) for key in found)

    def quantity(self, count: int) -> float:
        return sum([quantity for _, quantity in self.top(count)])


class Tombstones:
    """A dict updated as a whole, where zeros stay until they are in the way; new prices are sorted in when read."""

    def __init__(self, is_bids: bool) -> None:
        self.is_bids = is_bids

    def load(self, levels: Sequence[Level], limit: int) -> None:
        self.held = dict(levels)
        self._sweep()

    def _sweep(self) -> None:
        self.held = {price: quantity for price, quantity in self.held.items() if quantity}
        self.prices = sorted(self.held)
        self.most = 2 * len(self.held) + 1_000

    def update(self, levels: Sequence[Level]) -> None:
        self.held.update(levels)
        if len(self.held) > self.most:
            self._sweep()

    def best(self) -> float:
        self._sort_in()
        price = self.prices[-1 if self.is_bids else 0]
        return price if self.held[price] else self.top(1)[0][0]

    def top(self, count: int) -> tuple[Level, ...]:
        self._sort_in()
        while True:
            prices = self._nearest(count)
            quantities = list(map(self.held.__getitem__, prices))
            found = tuple(islice(compress(zip(prices, quantities, strict=True), quantities), count))
            if len(found) == count or len(prices) == len(self.prices):
                return found
            self._bury(prices, quantities)

    def quantity(self, count: int) -> float:
        self._sort_in()
        while True:
            prices = self._nearest(count)
            quantities = list(map(self.held.__getitem__, prices))
            found = list(filter(None, quantities))
            if len(found) >= count or len(prices) == len(self.prices):
                return sum(found[:count])
            self._bury(prices, quantities)

    def _sort_in(self) -> None:
        for price in islice(reversed(self.held), len(self.held) - len(self.prices)):  # the newest keys come last
            insort(self.prices, price)

    def _nearest(self, count: int) -> list[float]:
        count += 8  # so many zeros may lie about
        return self.prices[: -count - 1 : -1] if self.is_bids else self.prices[:count]

    def _bury(self, prices: list[float], quantities: list[float]) -> None:
        for price in compress(prices, [not quantity for quantity in quantities]):
            del self.held[price]
        left = list(compress(prices, quantities))
        if self.is_bids:
            self.prices[-len(prices) :] = reversed(left)
        else:
            self.prices[: len(prices)] = left


class SortedContainer:
    """sortedcontainers' SortedDict."""

    def __init__(self, is_bids: bool) -> None:
        self.is_bids = is_bids

    def load(self, levels: Sequence[Level], limit: int) -> None:
        self.held = SortedDict(levels)

    def update(self, levels: Sequence[Level]) -> None:
        held = self.held
        for price, quantity in levels:
            if quantity:
                held[price] = quantity
            else:
                held.pop(price, None)

    def best(self) -> float:
        return float(self.held.keys()[-1 if self.is_bids else 0])

    def top(self, count: int) -> tuple[Level, ...]:
        items = self.held.items()
        return tuple(items[: -count - 1 : -1] if self.is_bids else items[:count])

    def quantity(self, count: int) -> float:
        values = self.held.values()
        return sum(values[: -count - 1 : -1] if self.is_bids else values[:count])


class NumpyArrays:
    """All levels in order, in two arrays; an update is merged as a whole."""

    def __init__(self, is_bids: bool) -> None:
        self.is_bids = is_bids

    def load(self, levels: Sequence[Level], limit: int) -> None:
        self.prices, self.quantities = numpy.array(sorted(levels)).T.copy()

    def update(self, levels: Sequence[Level]) -> None:
        if not levels:
            return
        changed = dict(levels)  # of two with one price the last counts
        prices, quantities = numpy.array(sorted(changed.items())).T
        places = numpy.searchsorted(self.prices, prices)
        is_held = self.prices[numpy.minimum(places, len(self.prices) - 1)] == prices
        self.quantities[places[is_held]] = quantities[is_held]
        is_new = ~is_held & (quantities > 0)
        if is_new.any():
            self.prices = numpy.insert(self.prices, places[is_new], prices[is_new])
            self.quantities = numpy.insert(self.quantities, places[is_new], quantities[is_new])
        if not quantities[is_held].all():
            is_left = self.quantities > 0
            self.prices, self.quantities = self.prices[is_left], self.quantities[is_left]

    def best(self) -> float:
        return float(self.prices[-1 if self.is_bids else 0])

    def top(self, count: int) -> tuple[Level, ...]:
        best_first = slice(None, -count - 1, -1) if self.is_bids else slice(count)
        return tuple(zip(self.prices[best_first].tolist(), self.quantities[best_first].tolist()))  # noqa: B905

    def quantity(self, count: int) -> float:
        return float((self.quantities[-count:] if self.is_bids else self.quantities[:count]).sum())


OURS = "near lists, far dict (ours)"
STRUCTURES: dict[str, Callable[[bool], Side]] = {
    OURS: lambda is_bids: Bids() if is_bids else Asks(),
    "dict, sorted list": SortedPrices,
    "sorted arrays": SortedArrays,
    "dict, heap": DictAndHeap,
    "dict with tombstones, sorted when read": Tombstones,
    "sortedcontainers": SortedContainer,
}
if numpy is not None:
    STRUCTURES["NumPy arrays"] = NumpyArrays
