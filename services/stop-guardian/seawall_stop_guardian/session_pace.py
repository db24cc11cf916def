"""How often the venue may be read."""

from __future__ import annotations

import asyncio


class Pace:
    """A token bucket on the loop's clock: ``burst`` readings at once, ``per_second`` in the long run."""

    def __init__(self, *, burst: int, per_second: float) -> None:
        self._burst = float(burst)
        self._per_second = per_second
        self._tokens = float(burst)
        self._at_s = asyncio.get_running_loop().time()

    async def take(self) -> None:
        """Wait until one more reading is due."""
        self._refill()
        if self._tokens < 1:
            await asyncio.sleep((1 - self._tokens) / self._per_second)
            self._refill()
        self._tokens -= 1

    def _refill(self) -> None:
        now_s = asyncio.get_running_loop().time()
        self._tokens = min(self._burst, self._tokens + (now_s - self._at_s) * self._per_second)
        self._at_s = now_s
