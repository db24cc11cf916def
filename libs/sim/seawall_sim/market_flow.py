"""Trade arrivals that excite each other, in runs of one side, with log-normal sizes."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from random import Random

# each trade raises the arrival rate by _EXCITEMENT * _DECAY per second, fading with e^(-_DECAY t):
# 0.6 further trades per trade (Hawkes branching ratio), most of them within half a second
_EXCITEMENT = 0.6
_DECAY_PER_S = 4.0
_MOST_PER_S = 400.0
# probability that a trade repeats the side of the one before
_REPEAT = 0.72
_SIZE_SPREAD = 1.3


@dataclass(frozen=True, slots=True)
class Arrival:
    """A taker arrives: when (seconds), which side, and for how much notional."""

    at_s: float
    is_buy: bool
    notional: float


class TradeFlow:
    """A Hawkes process by thinning."""

    __slots__ = ("_base_per_s", "_excess", "_is_buy", "_median_notional", "_now_s", "_rng")

    def __init__(self, rng: Random, base_per_s: float, median_notional: float) -> None:
        self._rng = rng
        self._base_per_s = base_per_s
        self._median_notional = median_notional
        self._excess = 0.0
        self._is_buy = True
        self._now_s = 0.0

    def until(self, end_s: float, activity: float, lean: float) -> list[Arrival]:
        """Return the arrivals up to ``end_s``; ``lean`` in -1…1 is the pull towards buying."""
        rng = self._rng
        base = self._base_per_s * activity
        arrivals: list[Arrival] = []
        while True:
            ceiling = min(base + self._excess, _MOST_PER_S)
            wait = rng.expovariate(ceiling)
            if self._now_s + wait >= end_s:
                self._excess *= exp(-_DECAY_PER_S * (end_s - self._now_s))
                self._now_s = end_s
                return arrivals
            self._now_s += wait
            self._excess *= exp(-_DECAY_PER_S * wait)
            if rng.random() * ceiling > base + self._excess:
                continue
            self._excess += _EXCITEMENT * _DECAY_PER_S
            arrivals.append(Arrival(self._now_s, self._side(lean), self._size()))

    def _side(self, lean: float) -> bool:
        towards_buy = _REPEAT if self._is_buy else 1.0 - _REPEAT
        self._is_buy = self._rng.random() < min(0.97, max(0.03, towards_buy + 0.25 * lean))
        return self._is_buy

    def _size(self) -> float:
        return self._median_notional * self._rng.lognormvariate(0.0, _SIZE_SPREAD)
