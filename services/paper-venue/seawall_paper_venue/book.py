"""The venue's own order book: every level it has been told of, as text, ordered by price."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from decimal import Decimal

from .market_frames import BookSnapshot, DepthUpdate, PriceLevel

# far above what a real book holds (about 10 000 a side); the levels farthest from the touch go first
MAX_LEVELS_A_SIDE = 20_000


class _Ladder:
    """One side. Keys grow towards the best price, so that the busy end of the list is its cheap end."""

    __slots__ = ("_sign", "keys", "levels")

    def __init__(self, sign: float) -> None:
        self._sign = sign
        self.keys: list[float] = []
        self.levels: dict[float, PriceLevel] = {}

    def apply(self, changes: Sequence[PriceLevel]) -> None:
        sign, keys, levels = self._sign, self.keys, self.levels
        for change in changes:
            key = sign * float(change[0])
            if float(change[1]) == 0.0:
                if levels.pop(key, None) is not None:
                    del keys[bisect_left(keys, key)]
            else:
                if key not in levels:
                    insort(keys, key)
                levels[key] = change
        if len(keys) > MAX_LEVELS_A_SIDE:
            self._trim()

    def _trim(self) -> None:
        excess = len(self.keys) - MAX_LEVELS_A_SIDE
        for key in self.keys[:excess]:
            del self.levels[key]
        del self.keys[:excess]

    def best_first(self) -> Iterator[PriceLevel]:
        levels = self.levels
        for key in reversed(self.keys):
            yield levels[key]

    def top(self, count: int) -> list[PriceLevel]:
        levels = self.levels
        return [levels[key] for key in self.keys[: -count - 1 : -1]]

    def changes_towards(self, target: Sequence[PriceLevel]) -> list[PriceLevel]:
        """Return the changes that turn this side into ``target``: quantities that differ, zero for what goes."""
        wanted = {self._sign * float(level[0]): level for level in target}
        gone = [(level[0], _zero_like(level[1])) for key, level in self.levels.items() if key not in wanted]
        changed = [level for key, level in wanted.items() if self.levels.get(key) != level]
        return gone + changed


def _zero_like(quantity: str) -> str:
    return "".join("0" if character.isdigit() and character != "0" else character for character in quantity)


class VenueBook:
    """Bids and asks of one symbol. Also the ``BookView`` that the matching engine reads."""

    __slots__ = ("_asks", "_bids", "last_update_id")

    def __init__(self) -> None:
        self._bids = _Ladder(1.0)
        self._asks = _Ladder(-1.0)
        self.last_update_id = 0

    def load(self, snapshot: BookSnapshot) -> None:
        """Forget everything and take the snapshot."""
        self._bids = _Ladder(1.0)
        self._asks = _Ladder(-1.0)
        self._bids.apply(snapshot.bids)
        self._asks.apply(snapshot.asks)
        self.last_update_id = snapshot.last_update_id

    def apply(self, update: DepthUpdate) -> None:
        """Take absolute quantities; the caller has checked that the update follows the book."""
        self._bids.apply(update.bids)
        self._asks.apply(update.asks)
        self.last_update_id = update.last_update_id

    def changes_towards(self, snapshot: BookSnapshot) -> tuple[list[PriceLevel], list[PriceLevel]]:
        """Return the (bid, ask) changes that would turn this book into the snapshot."""
        return self._bids.changes_towards(snapshot.bids), self._asks.changes_towards(snapshot.asks)

    def bids(self) -> Iterator[tuple[Decimal, Decimal]]:
        """Yield (price, quantity), highest price first."""
        for price, quantity in self._bids.best_first():
            yield Decimal(price), Decimal(quantity)

    def asks(self) -> Iterator[tuple[Decimal, Decimal]]:
        """Yield (price, quantity), lowest price first."""
        for price, quantity in self._asks.best_first():
            yield Decimal(price), Decimal(quantity)

    def top(self, count: int) -> tuple[list[PriceLevel], list[PriceLevel]]:
        """Return at most ``count`` levels a side as the venue writes them, best first."""
        return self._bids.top(count), self._asks.top(count)

    def best(self) -> tuple[PriceLevel, PriceLevel] | None:
        """Return the best bid and ask, or None while a side is empty."""
        bids, asks = self._bids, self._asks
        if not bids.keys or not asks.keys:
            return None
        return bids.levels[bids.keys[-1]], asks.levels[asks.keys[-1]]

    def middle(self) -> float | None:
        """Return the price halfway between best bid and ask, or None while a side is empty."""
        bids, asks = self._bids, self._asks
        if not bids.keys or not asks.keys:
            return None
        return (bids.keys[-1] - asks.keys[-1]) / 2

    def __len__(self) -> int:
        return len(self._bids.keys) + len(self._asks.keys)
