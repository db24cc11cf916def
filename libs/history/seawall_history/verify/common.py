"""Checks that every kind of history shares: numbers, order, times that cannot be."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from seawall_history.intervals import show_time

from .defects import Report

FIRST_NS = 1_230_940_800_000_000_000  # 2009-01-03, the first block of bitcoin: no market is older
Found = Callable[[int, str], str]


def in_frame(frame: pl.DataFrame) -> Found:
    """Return how a value looks, for rows that come from no text."""
    first = int(frame["row"][0]) if frame.height else 0
    return lambda row, column: str(frame[column][row - first])


def is_good(column: str, *, positive: bool) -> pl.Expr:
    """Whether a value is a finite number above zero, or not below it."""
    value = pl.col(column)
    bound = value > 0 if positive else value >= 0
    return (value.is_finite() & bound).fill_null(False)


def check_numbers(
    frame: pl.DataFrame, columns: dict[str, bool], optional: frozenset[str], time: str, report: Report, found: Found
) -> None:
    """Note values that are no finite numbers; ``columns`` says which must be above zero."""
    for column, positive in columns.items():
        bad = ~is_good(column, positive=positive)
        if column in optional:
            bad &= pl.col(column).is_not_null()
        expected = "above 0" if positive else "of 0 or more"
        report.add_rows(
            "number",
            frame.filter(bad),
            time,
            lambda row, column=column, expected=expected: (  # type: ignore[misc]
                f"{column} is {found(row['row'], column)}; expected a finite number {expected}"
            ),
        )


def timed(frame: pl.DataFrame, time: str, report: Report, found: Found, now_ns: int) -> pl.DataFrame:
    """Note rows whose time is none or cannot be, and return the others."""
    untimed = frame.filter(pl.col(time).is_null())
    report.add_rows("number", untimed, time, lambda row: f"time is {found(row['row'], time)}; expected a time")
    frame = frame.filter(pl.col(time).is_not_null())
    impossible = (pl.col(time) < FIRST_NS) | (pl.col(time) > now_ns)
    report.add_rows(
        "time",
        frame.filter(impossible),
        time,
        lambda row: f"time is {show_time(row[time])}; expected one between 2009-01-03 and now ({show_time(now_ns)})",
    )
    return frame


def in_order(frame: pl.DataFrame, time: str, report: Report) -> pl.DataFrame:
    """Note rows that come after a later one, and return all of them by time; equal times stay as they were.

    Where most rows run backwards that is one defect, and the rest is judged as if they ran forwards.
    """
    step = frame[time].diff()
    if (step < 0).sum() > (step > 0).sum():
        reason = "rows run from the newest to the oldest; expected the oldest first"
        report.add("order", int(frame["row"][0]), int(frame[time][0]), reason)
        frame = frame.reverse()
    late = frame.with_columns(pl.col(time).cum_max().shift(1).alias("_latest")).filter(pl.col(time) < pl.col("_latest"))
    report.add_rows(
        "order",
        late,
        time,
        lambda row: f"is not in its place beside a row of {show_time(row['_latest'])}; expected rows by time",
    )
    return frame.sort(time, maintain_order=True) if late.height else frame


def without_duplicates(frame: pl.DataFrame, time: str, values: list[str], report: Report) -> pl.DataFrame:
    """Note rows of a time that was there before, and return the first of each."""
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in values)
    repeated = frame.with_columns(
        pl.col("row").shift(1).alias("_first"), pl.col(time).diff().alias("_step"), same.alias("_same")
    ).filter(pl.col("_step") == 0)
    report.add_rows(
        "duplicate",
        repeated,
        time,
        lambda row: f"same time as row {row['_first']}, with {'the same' if row['_same'] else 'other'} values",
    )
    return frame.unique(subset=time, keep="first", maintain_order=True) if repeated.height else frame
