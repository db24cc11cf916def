"""The only clock of the shells; decisions take the time from their events."""

from __future__ import annotations

import time


def now_ns() -> int:
    """Return the wall clock in integer nanoseconds UTC."""
    return time.time_ns()  # noqa: TID251  the one place that may


def elapsed_s() -> float:
    """Return a monotonic time in seconds, for measuring how long something took."""
    return time.monotonic()
