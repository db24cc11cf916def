"""A generated order book in whole ticks and lots: quoted around a fair price, eaten by trades, ever shifting."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from math import exp, log
from random import Random


@dataclass(frozen=True, slots=True)
class Profile:
    """The shape of a book: how many levels, how deep they reach, how much rests at each."""

    levels: int
    deepest_ticks: int
    touch_lots: float
    bps_per_tick: float


class Side:
    """One side; ``sign`` is +1 for bids, -1 for asks, so that ``sign * ticks`` grows towards the touch."""

    __slots__ = ("_keys", "_profile", "_rng", "changed", "crowd", "lots", "sign")

    def __init__(self, sign: int, profile: Profile, rng: Random) -> None:
        self.sign = sign
        self.lots: dict[int, int] = {}
        self.changed: dict[int, int] = {}
        self.crowd = 1.0  # how much more than usual rests near the touch
        self._keys: list[int] = []
        self._profile = profile
        self._rng = rng

    @property
    def best(self) -> int:
        """The best price in ticks."""
        return self.sign * self._keys[-1]

    def __len__(self) -> int:
        return len(self._keys)

    def best_first(self) -> list[tuple[int, int]]:
        """Return (ticks, lots), best first."""
        return [(self.sign * key, self.lots[self.sign * key]) for key in reversed(self._keys)]

    def put(self, ticks: int, lots: int) -> None:
        """Set the quantity at a price; zero removes the level."""
        key = self.sign * ticks
        if lots <= 0:
            if self.lots.pop(ticks, 0):
                del self._keys[bisect_left(self._keys, key)]
                self.changed[ticks] = 0
            return
        if ticks not in self.lots:
            insort(self._keys, key)
        self.lots[ticks] = lots
        self.changed[ticks] = lots

    def requote(self, touch: int) -> None:
        """Move the best price to ``touch``: cancel what is beyond it, quote at it."""
        limit = self.sign * touch
        while self._keys and self._keys[-1] > limit:
            self.put(self.sign * self._keys[-1], 0)
        if touch not in self.lots:
            self.put(touch, self._quantity(0))

    def shift(self) -> None:
        """Let orders come, go and change: levels far above or below the usual number are thinned or filled up."""
        rng, touch = self._rng, self.best
        missing = self._profile.levels - len(self._keys)
        for _ in range(min(40, max(2, missing))):
            offset = self._offset()
            self.put(touch - self.sign * offset, self._quantity(offset))
        for _ in range(min(40, max(2, 2 - missing))):
            index = int(len(self._keys) * rng.random() ** 0.7)
            if len(self._keys) > 2 and index < len(self._keys) - 1:
                self.put(self.sign * self._keys[index], 0)
        for _ in range(6):
            index = len(self._keys) - 1 - int(len(self._keys) * rng.random() ** 3)
            ticks = self.sign * self._keys[index]
            self.put(ticks, max(1, int(self.lots[ticks] * rng.uniform(0.6, 1.5))))

    def fill_up(self) -> None:
        """Put all levels of a fresh book."""
        while len(self._keys) < self._profile.levels:
            offset = self._offset()
            self.put(self.best - self.sign * offset, self._quantity(offset))

    def _offset(self) -> int:
        """Draw a distance from the touch, log-uniform: dense near it, sparse far away."""
        return max(1, int(exp(self._rng.random() * log(self._profile.deepest_ticks))))

    def _quantity(self, offset: int) -> int:
        distance_bps = offset * self._profile.bps_per_tick
        usual = self._profile.touch_lots * (1.0 + distance_bps / 3.0) ** 0.6
        if distance_bps < 2.0:
            usual *= self.crowd
        return max(1, int(usual * self._rng.lognormvariate(-0.3, 0.8)))
