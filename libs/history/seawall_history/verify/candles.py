"""Checks of candles, chunk by chunk in order of time, so that a long history needs no long memory."""

from __future__ import annotations

import polars as pl

from seawall_history.intervals import anchor_ns, interval_name, show_time

from .common import Found, check_numbers, in_order, is_good, timed, without_duplicates
from .defects import Report

TIME = "ts_open_ns"
ZERO_RUN = 10  # candles without a trade: fewer are a quiet market's
LEAP = 10.0
_PRICES = ("open", "high", "low", "close")
_NUMBERS = {**dict.fromkeys(_PRICES, True), "volume": False, "quote_volume": False, "buy_volume": False}
_NUMBERS["trade_count"] = False
_OPTIONAL = frozenset({"quote_volume", "buy_volume", "trade_count"})


class CandleCheck:
    """Takes the candles of one history in chunks and notes what is wrong with them.

    ``volumes`` is False for mark prices, which have none.
    """

    def __init__(self, interval_ns: int, report: Report, *, now_ns: int, volumes: bool = True) -> None:
        self._interval_ns = interval_ns
        self._report = report
        self._now_ns = now_ns
        self._volumes = volumes
        self._last: pl.DataFrame | None = None
        self._zero_run: tuple[int, int, int] | None = None  # row and time of its first candle, and its length

    def take(self, frame: pl.DataFrame, found: Found, *, closed_by_ns: int | None = None) -> None:
        """Check a chunk: the columns of candles and ``row``. ``closed_by_ns`` is when it was stored, at the latest."""
        report = self._report
        report.rows += frame.height
        check_numbers(frame, _NUMBERS, _OPTIONAL, TIME, report, found)
        self._check_shape(frame)
        frame = timed(frame, TIME, report, found, self._now_ns)
        if frame.is_empty():
            return
        self._check_grid(frame)
        self._check_open(frame, min(closed_by_ns or self._now_ns, self._now_ns))
        seen = pl.concat([self._last, frame]) if self._last is not None else frame
        values = [name for name in frame.columns if name not in {"row", "source"}]
        ordered = without_duplicates(in_order(seen, TIME, report), TIME, values, report)
        self._check_missing(ordered)
        self._check_leaps(ordered)
        if self._volumes:
            self._check_zero_volume(ordered.slice(0 if self._last is None else 1))
        self._last = ordered.tail(1)

    def finish(self) -> None:
        """Note what ends with the last chunk."""
        self._end_zero_run()

    def _check_shape(self, frame: pl.DataFrame) -> None:
        good = pl.all_horizontal(is_good(name, positive=True) for name in _PRICES)
        upside_down = good & (pl.col("high") < pl.col("low"))
        outside = good & ~upside_down
        outside &= pl.any_horizontal(
            (pl.col(name) > pl.col("high")) | (pl.col(name) < pl.col("low")) for name in ("open", "close")
        )
        self._report.add_rows(
            "shape", frame.filter(upside_down), TIME, lambda row: f"high {row['high']:g} is below low {row['low']:g}"
        )
        self._report.add_rows(
            "shape",
            frame.filter(outside),
            TIME,
            lambda row: (
                f"open {row['open']:.10g} and close {row['close']:.10g} are not both between"
                f" low {row['low']:.10g} and high {row['high']:.10g}"
            ),
        )

    def _check_grid(self, frame: pl.DataFrame) -> None:
        interval = interval_name(self._interval_ns)
        offset = (pl.col(TIME) - anchor_ns(self._interval_ns)) % self._interval_ns
        off = frame.with_columns(offset.alias("_offset")).filter(pl.col("_offset") != 0)
        if off.height == frame.height > 1 and off["_offset"].n_unique() == 1:
            shift_s = off["_offset"][0] / 1e9
            reason = (
                f"every row opens {shift_s:g} s after the {interval} grid of UTC: another zone, or another interval"
            )
            self._report.add("grid", int(off["row"][0]), int(off[TIME][0]), reason, count=off.height)
            return
        self._report.add_rows(
            "grid", off, TIME, lambda row: f"opens {row['_offset'] / 1e9:g} s after a time of the {interval} grid"
        )

    def _check_open(self, frame: pl.DataFrame, closed_by_ns: int) -> None:
        still_open = (pl.col(TIME) + self._interval_ns > closed_by_ns) & (pl.col(TIME) <= self._now_ns)
        self._report.add_rows(
            "open",
            frame.filter(still_open),
            TIME,
            lambda row: f"closes {show_time(row[TIME] + self._interval_ns)}, after {show_time(closed_by_ns)}",
        )

    def _check_missing(self, ordered: pl.DataFrame) -> None:
        step = pl.col(TIME).diff()
        holes = ordered.with_columns(step.alias("_step")).filter(pl.col("_step") >= 2 * self._interval_ns)
        for row, ts_ns, step_ns in holes.select("row", TIME, "_step").iter_rows():
            count = step_ns // self._interval_ns - 1
            first_ns, last_ns = ts_ns - step_ns + self._interval_ns, ts_ns - self._interval_ns
            span = show_time(first_ns) if count == 1 else f"{show_time(first_ns)} to {show_time(last_ns)}"
            self._report.add("missing", row, ts_ns, f"{count} missing before this row: {span}", count=count)

    def _check_leaps(self, ordered: pl.DataFrame) -> None:
        good = ordered.filter(pl.all_horizontal(is_good(name, positive=True) for name in _PRICES))
        before = pl.col("close").shift(1)
        leaps = good.with_columns(before.alias("_before")).filter(
            (pl.col("high") >= LEAP * pl.col("_before")) | (LEAP * pl.col("low") <= pl.col("_before"))
        )
        self._report.add_rows(
            "leap",
            leaps,
            TIME,
            lambda row: f"trades between {row['low']:g} and {row['high']:g} after a close of {row['_before']:g}",
        )

    def _check_zero_volume(self, ordered: pl.DataFrame) -> None:
        flags = ordered.select("row", TIME, (pl.col("volume") == 0).fill_null(False).alias("_zero"))
        stretches = flags.group_by(pl.col("_zero").rle_id().alias("_id"), maintain_order=True).agg(
            pl.col("_zero").first(), pl.col("row").first(), pl.col(TIME).first(), pl.len().alias("_length")
        )
        for zero, row, ts_ns, length in stretches.select("_zero", "row", TIME, "_length").iter_rows():
            if not zero:
                self._end_zero_run()
            elif self._zero_run is None:
                self._zero_run = (row, ts_ns, length)
            else:
                first_row, first_ns, before = self._zero_run
                self._zero_run = (first_row, first_ns, before + length)

    def _end_zero_run(self) -> None:
        if self._zero_run is not None and self._zero_run[2] >= ZERO_RUN:
            row, ts_ns, length = self._zero_run
            self._report.add("zero_volume", row, ts_ns, f"{length} candles without a trade from here on", count=length)
        self._zero_run = None


def usual_interval_ns(times: pl.Series) -> int:
    """Return the commonest step between times, 0 where there is none."""
    steps = times.drop_nulls().unique().sort().diff().drop_nulls()
    return int(steps.mode().sort()[0]) if len(steps) else 0
