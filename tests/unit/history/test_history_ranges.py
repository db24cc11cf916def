"""Ranges of time: what is missing and what is held are together what is wanted, and nothing twice."""

from __future__ import annotations

from itertools import pairwise

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from seawall_history.ranges import join, missing, runs

ranges = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


def times(parts: list[tuple[int, int]]) -> set[int]:
    return {each for begin, end in parts for each in range(begin, end)}


@given(ranges)
def test_joined_ranges_hold_the_same_times_apart_and_in_order(parts: list[tuple[int, int]]) -> None:
    joined = join(parts)
    assert times(joined) == times(parts)
    assert all(before[1] < after[0] for before, after in pairwise(joined))


@given(ranges, st.integers(0, 60), st.integers(0, 60))
def test_what_is_missing_is_exactly_what_is_wanted_and_not_held(
    held: list[tuple[int, int]], begin: int, end: int
) -> None:
    left = missing((begin, end), held)
    assert times(left) == times([(begin, end)]) - times(held)
    assert sum(stop - start for start, stop in left) == len(times(left))


@given(st.sets(st.integers(0, 60)))
def test_runs_cover_each_candle_and_nothing_else(opens: set[int]) -> None:
    found = runs(pl.Series(sorted(opens), dtype=pl.Int64) * 5, 5)
    assert times(found) == {each * 5 + tick for each in opens for tick in range(5)}
    assert join(found) == found
