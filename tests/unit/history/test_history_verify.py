"""Verification: a planted defect is found in its row, and nothing is found where nothing was planted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall_history.intervals import DAY_NS, HOUR_NS, MINUTE_NS
from seawall_history.names import Dataset
from seawall_history.schema import FUNDING, SCHEMAS, TRADES
from seawall_history.store import Store
from seawall_history.verify import defects
from seawall_history.verify.candles import CandleCheck
from seawall_history.verify.check import check_file, check_store
from seawall_history.verify.common import in_frame
from seawall_history.verify.defects import DEFECTS, Report
from seawall_history.verify.others import TradeCheck, check_funding
from seawall_history.verify.storable import storable
from seawall_history.writer import writing
from tests.unit.history.history_rows import BEGIN_NS, MINUTES, NOW_NS, candles

COUNT = 60


def numbered(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.int_range(1, frame.height + 1).alias("row"))


def check(frame: pl.DataFrame, *, chunk: int = 10**9, now_ns: int = NOW_NS) -> Report:
    report = Report("test")
    checking = CandleCheck(MINUTE_NS, report, now_ns=now_ns)
    for part in numbered(frame).iter_slices(chunk):
        checking.take(part, in_frame(part))
    checking.finish()
    return report


def with_value(frame: pl.DataFrame, row: int, **values: Any) -> pl.DataFrame:
    here = pl.int_range(pl.len()) == row - 1
    return frame.with_columns(
        pl.when(here).then(pl.lit(value, dtype=frame.schema[name])).otherwise(pl.col(name)).alias(name)
        for name, value in values.items()
    )


def test_true_candles_are_clean_whole_and_in_chunks() -> None:
    for chunk in (1, 7, COUNT):
        report = check(candles(list(range(COUNT))), chunk=chunk)
        assert (report.clean, report.rows) == (True, COUNT)


PLANTED: list[tuple[dict[str, Any], str, str]] = [
    ({"close": float("nan")}, "number", "close is nan; expected a finite number above 0"),
    ({"high": float("inf")}, "number", "high is inf; expected a finite number above 0"),
    ({"low": -1.0}, "number", "low is -1.0; expected a finite number above 0"),
    ({"open": 0.0}, "number", "open is 0.0; expected a finite number above 0"),
    ({"volume": -1.0}, "number", "volume is -1.0; expected a finite number of 0 or more"),
    ({"volume": None}, "number", "volume is None; expected a finite number of 0 or more"),
    ({"buy_volume": float("nan")}, "number", "buy_volume is nan; expected a finite number of 0 or more"),
    ({"trade_count": -1}, "number", "trade_count is -1; expected a finite number of 0 or more"),
    ({"ts_open_ns": None}, "number", "time is None; expected a time"),
    ({"high": 98.0}, "shape", "high 98 is below low 99"),
    ({"close": 101.5}, "shape", "open 100 and close 101.5 are not both between low 99 and high 101"),
    ({"open": 98.5}, "shape", "open 98.5 and close 100.5 are not both between low 99 and high 101"),
    ({"high": 1_005.0}, "leap", "trades between 99 and 1005 after a close of 100.5"),
    ({"low": 10.0}, "leap", "trades between 10 and 101 after a close of 100.5"),
]


@pytest.mark.parametrize(("values", "kind", "reason"), PLANTED)
@pytest.mark.parametrize("chunk", [1, 13, COUNT])
def test_a_false_value_is_named_with_its_row(values: dict[str, Any], kind: str, reason: str, chunk: int) -> None:
    report = check(with_value(candles(list(range(COUNT))), 31, **values), chunk=chunk)
    [found] = [each for each in report.defects if each.kind == kind]
    assert (found.row, found.reason) == (31, reason)
    beside = {"missing"} if "ts_open_ns" in values else set()
    assert report.counts.keys() == {kind} | beside


@pytest.mark.parametrize("chunk", [1, 13, COUNT])
def test_missing_minutes_are_named_before_the_row_behind_them(chunk: int) -> None:
    report = check(candles([0, 1, 2, 5, 6, 8]), chunk=chunk)
    assert report.counts == {"missing": 3}
    assert [(each.row, each.reason) for each in report.defects] == [
        (4, "2 missing before this row: 2025-05-02 00:03:00Z to 2025-05-02 00:04:00Z"),
        (6, "1 missing before this row: 2025-05-02 00:07:00Z"),
    ]


def test_rows_out_of_order_and_twice_are_named() -> None:
    report = check(candles([0, 1, 3, 2, 4, 4, 5], close=[100.5, 100.5, 100.5, 100.5, 100.5, 100.75, 100.5]))
    assert report.counts == {"order": 1, "duplicate": 1}
    order, duplicate = report.defects
    assert (order.row, duplicate.row) == (4, 6)
    assert duplicate.reason == "same time as row 5, with other values"


def test_a_file_that_runs_backwards_is_one_defect_and_judged_forwards() -> None:
    report = check(candles(list(range(COUNT, 30, -1)) + list(range(28, 0, -1))))
    assert report.counts == {"order": 1, "missing": 2}
    assert report.defects[0].reason.startswith("rows run from the newest to the oldest")


def test_candles_off_the_grid_are_named_and_a_shifted_file_is_one_line() -> None:
    true = candles(list(range(COUNT)))
    off = check(with_value(true, 10, ts_open_ns=BEGIN_NS + 9 * MINUTE_NS + 13_000_000_000))
    assert [(each.row, each.reason) for each in off.defects if each.kind == "grid"] == [
        (10, "opens 13 s after a time of the 1m grid")
    ]
    shifted = check(true.with_columns(pl.col("ts_open_ns") + 30_000_000_000))
    assert shifted.counts == {"grid": COUNT}
    assert len(shifted.defects) == 1
    assert "every row opens 30 s after the 1m grid of UTC" in shifted.defects[0].reason


def test_times_that_cannot_be_and_candles_still_open_are_named() -> None:
    now_ns = BEGIN_NS + 10 * MINUTE_NS + 1
    report = check(candles([-20 * 365 * 1_440, *range(12)]), now_ns=now_ns)
    assert report.counts["time"] == 2
    assert [each.row for each in report.defects if each.kind == "time"] == [1, 13]
    [still_open] = [each for each in report.defects if each.kind == "open"]
    expected = "closes 2025-05-02 00:11:00Z, after 2025-05-02 00:10:00.000000001Z"
    assert (still_open.row, still_open.reason) == (12, expected)


@pytest.mark.parametrize("chunk", [1, 4, 7, COUNT])
@pytest.mark.parametrize(("length", "found"), [(9, False), (10, True), (23, True)])
def test_ten_candles_without_a_trade_are_a_defect_wherever_files_are_cut(chunk: int, length: int, found: bool) -> None:
    volumes = [0.0 if 20 <= each < 20 + length else 3.0 for each in range(COUNT)]
    report = check(candles(list(range(COUNT)), volume=volumes), chunk=chunk)
    assert report.counts == ({"zero_volume": length} if found else {})
    assert [each.row for each in report.defects] == ([21] if found else [])


def test_a_run_without_trades_at_the_very_end_is_found() -> None:
    assert check(candles(list(range(12)), volume=[3.0] * 2 + [0.0] * 10), chunk=5).counts == {"zero_volume": 10}


@given(st.sets(st.integers(1, COUNT - 2), max_size=12), st.integers(1, COUNT))
def test_the_count_of_missing_minutes_is_exact_however_the_rows_are_cut(gone: set[int], chunk: int) -> None:
    report = check(candles([each for each in range(COUNT) if each not in gone]), chunk=chunk)
    assert report.counts == ({"missing": len(gone)} if gone else {})


@given(st.permutations(range(12)))
def test_shuffled_rows_are_found_out_of_order_and_otherwise_clean(minutes: list[int]) -> None:
    report = check(candles(minutes))
    assert report.counts.keys() <= {"order"}
    assert report.clean == (minutes == sorted(minutes))


def test_only_a_thousand_defects_of_a_kind_are_named_and_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defects, "NAMED_PER_KIND", 5)
    report = check(candles(list(range(COUNT)), close=[float("nan")] * COUNT, low=[200.0] * COUNT))
    assert report.counts["number"] == COUNT
    assert len([each for each in report.defects if each.kind == "number"]) == 5


def test_what_is_overlooked_is_gone_from_counts_and_names() -> None:
    report = check(candles([0, 1, 4])).without(frozenset({"missing"}))
    assert (report.clean, report.defects) == (True, [])


@pytest.mark.parametrize(("values", "kind", "_reason"), [each for each in PLANTED if each[1] in {"number", "shape"}])
def test_what_cannot_be_true_is_what_may_not_be_stored(values: dict[str, Any], kind: str, _reason: str) -> None:
    frame = with_value(candles(list(range(COUNT))), 31, **values)
    kept = numbered(frame).filter(storable("candles", MINUTE_NS, NOW_NS))
    assert kept["row"].to_list() == [each for each in range(1, COUNT + 1) if each != 31]


def rates(*hours: int, **columns: Any) -> pl.DataFrame:
    frame = pl.DataFrame({"ts_funding_ns": [BEGIN_NS + hour * HOUR_NS for hour in hours]})
    frame = frame.with_columns(funding_rate=pl.lit(0.0001), source=pl.lit("one"))
    frame = frame.with_columns(pl.Series(name, values, strict=False) for name, values in columns.items())
    return numbered(FUNDING.shaped(frame))


@pytest.mark.parametrize(
    ("frame", "counts", "row"),
    [
        (rates(0, 8, 16, 24), {}, 0),
        (rates(0, 8, 16, 20, 24, 28), {}, 0),  # the venue went over to four hours
        (rates(0, 8, 24, 32), {"missing": 1}, 3),
        (rates(0, 1, 2, 3, 5, 6, 7), {"missing": 1}, 5),
        (rates(0, 8, 16, funding_rate=[0.0001, float("nan"), 0.0001]), {"number": 1}, 2),
        (rates(0, 8, 16, funding_rate=[0.0001, 0.75, 0.0001]), {"rate": 1}, 2),
        (rates(0, 8, 16, mark_price=[95_000.0, -1.0, None]), {"number": 1}, 2),
        (rates(0, 8, 8, 16), {"duplicate": 1}, 3),
        (rates(0, 16, 8, 24), {"order": 1}, 3),
    ],
)
def test_funding_is_checked(frame: pl.DataFrame, counts: dict[str, int], row: int) -> None:
    report = Report("test")
    check_funding(frame, report, in_frame(frame), now_ns=NOW_NS)
    assert report.counts == counts
    assert [each.row for each in report.defects] == ([row] if row else [])


def trades(**columns: Any) -> pl.DataFrame:
    frame = pl.DataFrame({"ts_trade_ns": [BEGIN_NS + each for each in range(9)], "price": [100.0] * 9})
    frame = frame.with_columns(quantity=pl.lit(1.0), aggressor=pl.lit("buy"), source=pl.lit("one"))
    frame = frame.with_columns(trade_id=pl.format("agg-{}", pl.int_range(9)))
    frame = frame.with_columns(pl.Series(name, values, strict=False) for name, values in columns.items())
    return numbered(TRADES.shaped(frame))


@pytest.mark.parametrize("chunk", [2, 9])
@pytest.mark.parametrize(
    ("frame", "counts", "row"),
    [
        (trades(), {}, 0),
        (trades(trade_id=["x", "b", "c", "a", "z", "d", "e", "f", "g"]), {}, 0),
        (trades(trade_id=[f"agg-{each + 3 * (each > 4)}" for each in range(9)]), {"missing": 3}, 6),
        (trades(trade_id=[f"agg-{min(each, 7)}" for each in range(9)]), {"duplicate": 1}, 9),
        (trades(price=[100.0] * 4 + [float("nan")] + [100.0] * 4), {"number": 1}, 5),
        (trades(quantity=[1.0] * 4 + [0.0] + [1.0] * 4), {"number": 1}, 5),
        (trades(aggressor=["buy"] * 4 + [None] + ["sell"] * 4), {"number": 1}, 5),
        (trades(price=[100.0] * 4 + [1_000.0] * 5), {"leap": 1}, 5),
    ],
)
def test_trades_are_checked(frame: pl.DataFrame, counts: dict[str, int], row: int, chunk: int) -> None:
    report = Report("test")
    checking = TradeCheck(report, now_ns=NOW_NS)
    for part in frame.iter_slices(chunk):
        checking.take(part, in_frame(part))
    assert report.counts == counts
    assert [each.row for each in report.defects] == ([row] if row else [])


def test_a_store_is_checked_across_its_files_and_against_its_manifest(tmp_path: Path) -> None:
    store = Store(tmp_path)
    june = 30 * 1_440
    minutes = [*range(june - 6, june - 2), *range(june + 1, june + 8)]
    volumes = [0.0] * len(minutes)
    with writing(store, MINUTES, lambda: NOW_NS) as writer:
        writer.add(candles(minutes, volume=volumes))
    [report] = check_store(store, [MINUTES], now_ns=NOW_NS)
    assert report.counts == {"missing": 3, "zero_volume": 11}
    assert [each.row for each in report.defects if each.kind == "missing"] == [5]
    (tmp_path / MINUTES.folder / "2025-07.parquet").write_bytes(b"")
    [report] = check_store(store, [MINUTES], now_ns=NOW_NS)
    assert "is not in the manifest" in report.defects[0].reason


def test_a_candle_that_was_open_when_its_file_was_written_is_found_later(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with writing(store, MINUTES, lambda: BEGIN_NS + 4 * MINUTE_NS + 1) as writer:
        writer.add(candles(list(range(5))))
    [report] = check_store(store, [MINUTES], now_ns=NOW_NS)
    assert report.counts == {"open": 1}
    assert report.defects[0].row == 5


def test_a_file_that_cannot_be_read_is_a_defect_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    path.write_bytes(b"no")
    report = check_file(path, now_ns=NOW_NS)
    assert report.counts == {"file": 1}
    assert str(path) in report.defects[0].reason


def test_times_in_another_zone_are_a_defect_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text(
        "date,open,high,low,close,volume\n"
        + "".join(f"2025-05-02T00:0{each}:00+02:00,1,1,1,1,1\n" for each in range(5))
    )
    report = check_file(path, now_ns=NOW_NS)
    assert report.counts == {"zone": 1}
    assert report.defects[0].row == 2


def test_every_defect_is_in_the_guide_with_its_meaning() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "history.md").read_text()
    for kind, meaning in DEFECTS.items():
        assert f"| `{kind}` | {meaning} |" in guide


def test_every_column_is_in_the_guide_with_its_type() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "history.md").read_text()
    for kind, schema in SCHEMAS.items():
        for name, dtype in schema.columns.items():
            nullable = " or null" if name in schema.optional else ""
            assert f"| {kind} | `{name}` | {dtype}{nullable} |" in guide


def test_a_week_opens_on_monday() -> None:
    weeks = Dataset("binance-usdm", "BTC-USDT-PERP", "candles", 7 * DAY_NS)
    report = Report("test")
    monday = BEGIN_NS + 3 * DAY_NS
    frame = numbered(candles([0, 0]).with_columns(pl.Series("ts_open_ns", [monday, monday + 7 * DAY_NS])))
    checking = CandleCheck(weeks.interval_ns, report, now_ns=NOW_NS)
    checking.take(frame, in_frame(frame))
    assert report.clean
