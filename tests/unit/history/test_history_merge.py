"""Merging: identical rows once, differing rows told with both values, nothing lost."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall_history.errors import BadRowsError
from seawall_history.intervals import MINUTE_NS
from seawall_history.merge import merge
from seawall_history.schema import CANDLES, FUNDING
from tests.unit.history.history_rows import BEGIN_NS, candles

minute_sets = st.sets(st.integers(0, 40), max_size=20)


@given(minute_sets, minute_sets)
def test_two_sources_that_agree_join_to_each_minute_once(first: set[int], second: set[int]) -> None:
    held, _ = merge(CANDLES.empty(), candles(sorted(first)), CANDLES)
    frame, merged = merge(held, candles(sorted(second, reverse=True), source="two"), CANDLES)
    assert frame["ts_open_ns"].to_list() == [BEGIN_NS + each * MINUTE_NS for each in sorted(first | second)]
    assert (merged.added, merged.same, merged.differing) == (len(second - first), len(first & second), 0)
    again, nothing = merge(frame, candles(sorted(second)), CANDLES)
    assert again.equals(frame)
    assert not nothing.changed


@given(minute_sets, minute_sets, st.booleans())
def test_where_sources_differ_one_is_kept_and_both_are_told(first: set[int], second: set[int], replace: bool) -> None:
    held, _ = merge(CANDLES.empty(), candles(sorted(first)), CANDLES)
    frame, merged = merge(
        held, candles(sorted(second), source="two", close=[100.25] * len(second)), CANDLES, replace=replace
    )
    both = {BEGIN_NS + each * MINUTE_NS for each in first & second}
    assert merged.differing == len(both)
    assert {each.ts_ns for each in merged.differences} == both
    kept, other = (100.25, 100.5) if replace else (100.5, 100.25)
    assert all((each.column, each.kept, each.other) == ("close", kept, other) for each in merged.differences)
    assert all(each.kept_source == ("two" if replace else "one") for each in merged.differences)
    of_both = frame.filter(pl.col("ts_open_ns").is_in(sorted(both)))
    assert of_both["close"].to_list() == [kept] * len(both)
    assert frame.height == len(first | second)


def test_a_replaced_row_is_replaced_whole() -> None:
    held = candles([0], quote_volume=[300.0], trade_count=[7])
    frame, merged = merge(held, candles([0], source="two", close=[100.25]), CANDLES, replace=True)
    assert frame.select("close", "quote_volume", "trade_count", "source").row(0) == (100.25, None, None, "two")
    assert merged.replaced == 1


def test_what_one_source_does_not_know_is_taken_from_the_other() -> None:
    knows = candles([0, 1], source="two", quote_volume=[300.0, 301.0], trade_count=[7, 8])
    for first, second in ((candles([0, 1]), knows), (knows, candles([0, 1]))):
        frame, merged = merge(first, second, CANDLES)
        assert frame["quote_volume"].to_list() == [300.0, 301.0]
        assert frame["trade_count"].to_list() == [7, 8]
        assert merged.differing == 0
        assert frame["source"].to_list() == first["source"].to_list()


def test_a_file_that_contradicts_itself_is_told() -> None:
    rows = pl.concat([candles([0, 1]), candles([1]), candles([1], close=[100.25]), candles([1], close=[100.75])])
    frame, merged = merge(CANDLES.empty(), rows, CANDLES)
    assert frame["close"].to_list() == [100.5, 100.5]
    assert (merged.added, merged.same, merged.differing) == (2, 1, 2)
    assert [each.other for each in merged.differences] == [100.25, 100.75]


def test_a_file_with_one_time_for_everything_is_no_history() -> None:
    rows = candles([0] * 40, close=[100.0 + each / 100 for each in range(40)])
    with pytest.raises(BadRowsError, match="more than 16 different rows for one ts_open_ns"):
        merge(CANDLES.empty(), rows, CANDLES)


def test_mark_prices_fill_rates_that_lack_them() -> None:
    rates = pl.DataFrame({"ts_funding_ns": [BEGIN_NS], "funding_rate": [0.0001], "source": ["rates"]})
    marks = rates.with_columns(mark_price=pl.lit(95_000.5), source=pl.lit("marks"))
    frame, merged = merge(FUNDING.shaped(rates), FUNDING.shaped(marks), FUNDING)
    assert frame.row(0) == (BEGIN_NS, 0.0001, 95_000.5, "rates")
    assert (merged.filled, merged.changed) == (1, True)
