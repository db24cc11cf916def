"""The one place where the paper venue reads the machine's clock."""

from __future__ import annotations

import time


def wall_ns() -> int:
    """Return nanoseconds since 1970 UTC."""
    return time.time_ns()  # noqa: TID251 - an exchange has a clock of its own; everything here takes it from this file
