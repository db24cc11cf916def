"""Half-open ranges of time, ``(from, to)``: joined, cut out of one another, made of rows."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

Range = tuple[int, int]


def join(ranges: Iterable[Range]) -> list[Range]:
    """Return the same times as few ranges, oldest first; ranges that touch become one."""
    joined: list[Range] = []
    for begin, end in sorted(each for each in ranges if each[0] < each[1]):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def missing(wanted: Range, held: Iterable[Range]) -> list[Range]:
    """Return what of ``wanted`` lies in none of the held ranges, oldest first."""
    left: list[Range] = []
    cursor, end = wanted
    for held_begin, held_end in join(held):
        if held_begin >= end:
            break
        if held_begin > cursor:
            left.append((cursor, held_begin))
        cursor = max(cursor, held_end)
    if cursor < end:
        left.append((cursor, end))
    return left


def runs(times: pl.Series, interval_ns: int) -> list[Range]:
    """Return the ranges that candles cover without a hole; ``times`` are their openings, ascending."""
    if times.is_empty():
        return []
    breaks = (times.diff() > interval_ns).fill_null(True).arg_true()
    begins = times.gather(breaks)
    ends = [*times.gather((breaks.cast(pl.Int64) - 1).slice(1)), times[-1]]
    return [(int(begin), int(end) + interval_ns) for begin, end in zip(begins, ends, strict=True)]
