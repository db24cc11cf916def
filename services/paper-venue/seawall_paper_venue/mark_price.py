"""Index, mark price and funding of one contract where the source has none of its own.

Formulas: the exchange's published mark price and funding rate rules for USD-M perpetual contracts.
The index, which the real venue takes from spot markets, is here a slow average of the contract's own middle price.
"""

from __future__ import annotations

from math import exp
from statistics import median

FUNDING_INTERVAL_MS = 8 * 3_600_000
INTEREST_RATE = 0.0001
# how far funding may lean away from the premium
_MAX_INTEREST_SHIFT = 0.0005
_INDEX_MEMORY_S = 2.0
_BASIS_MEMORY_S = 30.0
# as if a tenth of a funding interval of premiums were averaged: stable enough to show, quick enough to see
_PREMIUM_MEMORY_S = 2_880.0


class MarkPrice:
    """Running mark price; prices in quote units, rates as fractions per funding interval."""

    __slots__ = ("_at_ms", "_basis", "_premium", "funding_rate", "index", "mark")

    def __init__(self, middle: float, at_ms: int) -> None:
        self._at_ms = at_ms
        self._basis = 0.0
        self._premium = 0.0
        self.index = middle
        self.mark = middle
        self.funding_rate = INTEREST_RATE

    def update(self, middle: float, last_price: float, at_ms: int) -> None:
        """Take the book's middle and the last trade price at a later time."""
        elapsed_s = max(0, at_ms - self._at_ms) / 1000
        self._at_ms = at_ms
        self.index += (middle - self.index) * _weight(elapsed_s, _INDEX_MEMORY_S)
        self._basis += (middle - self.index - self._basis) * _weight(elapsed_s, _BASIS_MEMORY_S)
        premium = (middle - self.index) / self.index
        self._premium += (premium - self._premium) * _weight(elapsed_s, _PREMIUM_MEMORY_S)
        shift = min(_MAX_INTEREST_SHIFT, max(-_MAX_INTEREST_SHIFT, INTEREST_RATE - self._premium))
        self.funding_rate = self._premium + shift
        until_funding = (next_funding_ms(at_ms) - at_ms) / FUNDING_INTERVAL_MS
        by_funding = self.index * (1 + self.funding_rate * until_funding)
        self.mark = median((by_funding, self.index + self._basis, last_price))


def _weight(elapsed_s: float, memory_s: float) -> float:
    return 1 - exp(-elapsed_s / memory_s)


def next_funding_ms(at_ms: int) -> int:
    """Return the next funding time after ``at_ms``: 00:00, 08:00 and 16:00 UTC."""
    return at_ms - at_ms % FUNDING_INTERVAL_MS + FUNDING_INTERVAL_MS
