"""Checks of funding rates and of trades."""

from __future__ import annotations

import polars as pl

from seawall_history.intervals import HOUR_NS, show_time
from seawall_history.reading.read import AGGREGATED

from .candles import LEAP, usual_interval_ns
from .common import Found, check_numbers, in_order, timed, without_duplicates
from .defects import Report

FUNDING_TIME, TRADE_TIME = "ts_funding_ns", "ts_trade_ns"
LONGEST_FUNDING_NS = 8 * HOUR_NS  # every venue here charges at least every eight hours
MAX_RATE = 0.05  # a charge; venues cap it at 2 to 4 %


def check_funding(frame: pl.DataFrame, report: Report, found: Found, *, now_ns: int) -> None:
    """Check the funding rates of one history, all at once: a row is three a day."""
    report.rows += frame.height
    numbers = {"mark_price": True}
    check_numbers(frame, numbers, frozenset({"mark_price"}), FUNDING_TIME, report, found)
    no_rate = frame.filter(~pl.col("funding_rate").is_finite().fill_null(False))
    report.add_rows(
        "number",
        no_rate,
        FUNDING_TIME,
        lambda row: f"funding_rate is {found(row['row'], 'funding_rate')}; expected a finite number",
    )
    report.add_rows(
        "rate",
        frame.filter(pl.col("funding_rate").is_finite() & (pl.col("funding_rate").abs() > MAX_RATE)),
        FUNDING_TIME,
        lambda row: f"funding_rate is {row['funding_rate']:g}; expected at most {MAX_RATE:g} either way",
    )
    frame = timed(frame, FUNDING_TIME, report, found, now_ns)
    report.add_rows(
        "grid",
        frame.filter(pl.col(FUNDING_TIME) % HOUR_NS != 0),
        FUNDING_TIME,
        lambda row: f"charged at {show_time(row[FUNDING_TIME])}; expected a whole hour",
    )
    ordered = in_order(frame, FUNDING_TIME, report)
    _check_gaps(without_duplicates(ordered, FUNDING_TIME, ["funding_rate", "mark_price"], report), report)


def _check_gaps(ordered: pl.DataFrame, report: Report) -> None:
    """Note gaps beyond eight hours, and beyond the usual one between two usual ones: intervals do change."""
    usual_ns = usual_interval_ns(ordered[FUNDING_TIME])
    step = pl.col(FUNDING_TIME).diff()
    lonely = (step >= 2 * usual_ns) & (step.shift(1) == usual_ns) & (step.shift(-1) == usual_ns)
    gaps = ordered.with_columns(step.alias("_step")).filter((step > LONGEST_FUNDING_NS) | lonely)
    for row, ts_ns, step_ns in gaps.select("row", FUNDING_TIME, "_step").iter_rows():
        count = max(round(step_ns / usual_ns) - 1, 1)
        reason = f"{step_ns / HOUR_NS:g} h since the rate before; usual are {usual_ns / HOUR_NS:g} h"
        report.add("missing", row, ts_ns, reason, count=count)


class TradeCheck:
    """Takes the trades of one history in chunks, oldest first, and notes what is wrong with them."""

    def __init__(self, report: Report, *, now_ns: int) -> None:
        self._report = report
        self._now_ns = now_ns
        self._last: pl.DataFrame | None = None

    def take(self, frame: pl.DataFrame, found: Found) -> None:
        """Check a chunk: the columns of trades and ``row``."""
        report = self._report
        report.rows += frame.height
        check_numbers(frame, {"price": True, "quantity": True}, frozenset(), TRADE_TIME, report, found)
        report.add_rows(
            "number",
            frame.filter(pl.col("aggressor").is_null() | pl.col("trade_id").is_null()),
            TRADE_TIME,
            lambda _row: "no side or no id; expected buy or sell, and the venue's id",
        )
        frame = timed(frame, TRADE_TIME, report, found, self._now_ns)
        seen = pl.concat([self._last, frame]) if self._last is not None else frame
        ordered = in_order(seen, TRADE_TIME, report)
        self._check_ids(ordered)
        self._check_leaps(ordered)
        self._last = ordered.tail(1) if ordered.height else self._last

    def _check_ids(self, ordered: pl.DataFrame) -> None:
        repeated = ordered.filter(~pl.col("trade_id").is_first_distinct())
        self._report.add_rows(
            "duplicate", repeated, TRADE_TIME, lambda row: f"trade {row['trade_id']} was there before"
        )
        # Binance counts its aggregated trades without a gap; other venues' ids promise nothing.
        counted = ordered.filter(pl.col("trade_id").str.starts_with(AGGREGATED)).with_columns(
            pl.col("trade_id").str.strip_prefix(AGGREGATED).cast(pl.Int64, strict=False).alias("_number")
        )
        counted = counted.sort("_number").with_columns(pl.col("_number").diff().alias("_step"))
        for row, ts_ns, number, step in (
            counted.filter(pl.col("_step") > 1).select("row", TRADE_TIME, "_number", "_step").iter_rows()
        ):
            reason = f"{step - 1} missing before this row: ids {number - step + 1} to {number - 1}"
            self._report.add("missing", row, ts_ns, reason, count=step - 1)

    def _check_leaps(self, ordered: pl.DataFrame) -> None:
        good = ordered.filter((pl.col("price").is_finite() & (pl.col("price") > 0)).fill_null(False))
        leaps = good.with_columns(pl.col("price").shift(1).alias("_before")).filter(
            (pl.col("price") >= LEAP * pl.col("_before")) | (LEAP * pl.col("price") <= pl.col("_before"))
        )
        self._report.add_rows(
            "leap", leaps, TRADE_TIME, lambda row: f"price {row['price']:g} after one of {row['_before']:g}"
        )
