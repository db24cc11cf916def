"""The command line's only look at the wall clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now_ns() -> int:
    """Return the wall clock in integer nanoseconds UTC."""
    return time.time_ns()  # noqa: TID251  this is the shell's clock


def time_of_day(ts_ns: int) -> str:
    """Return ``HH:MM:SS.mmm`` UTC."""
    return datetime.fromtimestamp(ts_ns / 1e9, UTC).strftime("%H:%M:%S.%f")[:-3]
