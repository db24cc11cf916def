"""The guardian keeps to its share of the venue's weight, and to a clock that never jumps."""

from __future__ import annotations

import asyncio

from seawall_stop_guardian.session_account import steady_clock
from seawall_stop_guardian.session_pace import Pace


async def test_a_burst_is_free_and_then_the_long_run_counts() -> None:
    pace = Pace(burst=50, per_second=1_000)
    loop = asyncio.get_running_loop()
    started = loop.time()
    for _ in range(5):
        await pace.take(10)
    assert loop.time() - started < 0.02
    for _ in range(10):
        await pace.take(10)
    assert 0.08 <= loop.time() - started < 0.4


async def test_more_than_the_burst_waits_for_the_whole_burst_not_for_ever() -> None:
    pace = Pace(burst=10, per_second=1_000)
    async with asyncio.timeout(1):
        await pace.take(1_000)
        await pace.take(1_000)


def test_a_wall_clock_that_is_stepped_back_does_not_take_the_guardians_time_along() -> None:
    wall_ns = [1_000_000_000_000]
    now_ns = steady_clock(lambda: wall_ns[0])
    first = now_ns()
    wall_ns[0] -= 3_600_000_000_000
    assert 0 <= now_ns() - first < 1_000_000_000
    assert abs(first - 1_000_000_000_000) < 1_000_000_000
