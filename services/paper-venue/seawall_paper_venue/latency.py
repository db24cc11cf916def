"""How long messages take between the client and the venue, each way."""

from __future__ import annotations

import asyncio
from random import Random


class Latency:
    """Delays by ``one_way_ms`` plus or minus up to ``jitter_ms``, evenly spread and seeded."""

    def __init__(self, one_way_ms: float, jitter_ms: float, random: Random) -> None:
        self._one_way_ms = one_way_ms
        self._jitter_ms = jitter_ms
        self._random = random

    @property
    def is_zero(self) -> bool:
        """True where nothing is delayed."""
        return self._one_way_ms <= 0 and self._jitter_ms <= 0

    def draw_s(self) -> float:
        """Return the next delay in seconds, never below zero."""
        spread = self._random.uniform(-self._jitter_ms, self._jitter_ms) if self._jitter_ms else 0.0
        return max(0.0, self._one_way_ms + spread) / 1000

    async def pass_time(self) -> None:
        """Wait for one message to travel one way."""
        if not self.is_zero:
            await asyncio.sleep(self.draw_s())
