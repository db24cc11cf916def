"""What holds for every venue's list of candles."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise


def overlap(opens: Iterable[int], interval: int) -> bool:
    """True where two candles begin closer to each other than the interval, in whichever unit: it is another one."""
    return any(later - earlier < interval for earlier, later in pairwise(sorted(opens)))
