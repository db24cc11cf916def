"""Candles built from trades."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from seawall_paper_venue.klines import INTERVALS, Klines, interval_bounds

NOON_MS = int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()) * 1000
MINUTE = 60_000


def trade(
    klines: Klines, at_ms: int, price: str, quantity: str = "1", *, buy: bool = True, trade_id: int = 1
) -> list[str]:
    closed = klines.add(at_ms, Decimal(price), Decimal(quantity), taker_buys=buy, trade_id=trade_id)
    return [interval for interval, _ in closed]


def test_a_minute_holds_open_high_low_close_and_volumes() -> None:
    klines = Klines()
    trade(klines, NOON_MS, "100", "1", buy=True, trade_id=7)
    trade(klines, NOON_MS + 10, "103", "2", buy=False, trade_id=8)
    trade(klines, NOON_MS + 20, "99", "3", buy=True, trade_id=9)
    trade(klines, NOON_MS + 59_999, "101", "4", buy=False, trade_id=10)
    minute = klines.running("1m")
    assert minute is not None
    assert (minute.open, minute.high, minute.low, minute.close) == (100, 103, 99, 101)
    assert (minute.volume, minute.quote_volume) == (10, 1 * 100 + 2 * 103 + 3 * 99 + 4 * 101)
    assert (minute.taker_buy_volume, minute.taker_buy_quote_volume) == (4, 100 + 297)
    assert (minute.count, minute.first_trade_id, minute.last_trade_id) == (4, 7, 10)
    assert (minute.open_ms, minute.close_ms) == (NOON_MS, NOON_MS + MINUTE - 1)


def test_a_minute_ends_with_its_last_millisecond() -> None:
    klines = Klines()
    trade(klines, NOON_MS, "100")
    assert klines.roll(NOON_MS + MINUTE - 1) == []
    assert [interval for interval, _ in klines.roll(NOON_MS + MINUTE)] == ["1m"]


def test_a_minute_without_trades_repeats_the_last_close() -> None:
    klines = Klines()
    trade(klines, NOON_MS, "100")
    trade(klines, NOON_MS + 3 * MINUTE, "105")
    quiet = list(klines.candles("1m"))[1]
    assert (quiet.open, quiet.high, quiet.low, quiet.close, quiet.volume, quiet.count) == (100, 100, 100, 100, 0, 0)
    assert next(iter(klines.candles("1m"))).close == 100
    assert list(klines.candles("1m"))[-1].open == 105


def test_longer_candles_are_the_sum_of_their_minutes() -> None:
    klines = Klines()
    for minute in range(11):
        trade(klines, NOON_MS + minute * MINUTE, str(100 + minute), "2", trade_id=minute)
    first, second, running = klines.candles("5m")
    assert (first.open, first.close, first.volume, first.count) == (100, 104, 10, 5)
    assert (second.open, second.close, second.first_trade_id, second.last_trade_id) == (105, 109, 5, 9)
    assert (running.open, running.count, running.open_ms) == (110, 1, NOON_MS + 10 * MINUTE)


def test_closing_minute_closes_every_interval_that_ends_with_it() -> None:
    klines = Klines()
    trade(klines, NOON_MS - 1, "100")
    closed = trade(klines, NOON_MS, "101")
    assert closed == ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h"]


@pytest.mark.parametrize("interval", INTERVALS)
def test_intervals_follow_each_other_without_a_hole(interval: str) -> None:
    start, end = interval_bounds(interval, NOON_MS)
    assert start <= NOON_MS < end
    assert interval_bounds(interval, end)[0] == end
    assert interval_bounds(interval, start - 1)[1] == start


def test_weeks_start_on_monday_and_months_on_the_first() -> None:
    week, _ = interval_bounds("1w", NOON_MS)
    month, end = interval_bounds("1M", NOON_MS)
    assert datetime.fromtimestamp(week / 1000, tz=UTC) == datetime(2026, 11, 16, tzinfo=UTC)
    assert datetime.fromtimestamp(month / 1000, tz=UTC) == datetime(2026, 11, 1, tzinfo=UTC)
    assert datetime.fromtimestamp(end / 1000, tz=UTC) == datetime(2026, 12, 1, tzinfo=UTC)


def test_december_ends_with_the_year() -> None:
    _, end = interval_bounds("1M", int(datetime(2026, 12, 31, tzinfo=UTC).timestamp()) * 1000)
    assert datetime.fromtimestamp(end / 1000, tz=UTC) == datetime(2027, 1, 1, tzinfo=UTC)


def test_last_day_leaves_out_what_is_older() -> None:
    klines = Klines()
    trade(klines, NOON_MS, "50", "9", trade_id=1)
    trade(klines, NOON_MS + 2 * MINUTE, "100", "1", trade_id=2)
    trade(klines, NOON_MS + 24 * 60 * MINUTE, "120", "1", trade_id=3)
    day = klines.last_day(NOON_MS + 24 * 60 * MINUTE + 90_000)
    assert day is not None
    assert (day.low, day.high, day.volume, day.first_trade_id) == (50, 120, 2, 2)


def test_no_candle_before_the_first_trade() -> None:
    klines = Klines()
    assert klines.roll(NOON_MS) == []
    assert klines.running("1h") is None
    assert list(klines.candles("1m")) == []
    assert klines.last_day(NOON_MS) is None


def test_a_leap_of_the_clock_does_not_make_years_of_candles() -> None:
    klines = Klines()
    trade(klines, NOON_MS, "100")
    klines.roll(NOON_MS + 10 * 365 * 24 * 60 * MINUTE)
    assert len(list(klines.candles("1m"))) <= 1_501
