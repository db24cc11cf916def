"""How often the venue may be read, in the venue's own request weight."""

from __future__ import annotations

import asyncio


class Pace:
    """A token bucket on the loop's clock: ``burst`` weight at once, ``per_second`` in the long run."""

    def __init__(self, *, burst: float, per_second: float) -> None:
        self._burst = burst
        self._per_second = per_second
        self._tokens = burst
        self._at_s = asyncio.get_running_loop().time()

    async def take(self, weight: float) -> None:
        """Wait until a request of this weight is due. More than the burst counts as the burst."""
        weight = min(weight, self._burst)
        self._refill()
        if self._tokens < weight:
            await asyncio.sleep((weight - self._tokens) / self._per_second)
            self._refill()
        self._tokens -= weight

    def _refill(self) -> None:
        now_s = asyncio.get_running_loop().time()
        self._tokens = min(self._burst, self._tokens + (now_s - self._at_s) * self._per_second)
        self._at_s = now_s
