"""Bars from real spot trades equal the exchange's own candles to the last digit."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from seawall_market_data.bars import BarBuilder, scale_of
from seawall_market_data.recordings import Recording
from seawall_market_data.service import settings_of
from seawall_proto import BarClosed, TradePrinted
from seawall_runtime.config import MarketDataConfig
from tests.paths import RECORDINGS, needs_recording

TRADES = [
    RECORDINGS / "binance/raw_ws/hftbacktest_20240808/spot" / name
    for name in ("btcusdt_20240808.gz", "btcusdt_20240809.gz")
]
CANDLES = RECORDINGS / "binance/ohlcv/xylotech_spot/BTC_USDT-5m.feather"
FIVE_MINUTES_MS = 300_000
SECOND = 1_000_000_000


@needs_recording(CANDLES)
@needs_recording(TRADES[1])
def test_bars_from_recorded_spot_trades_equal_the_exchanges_own_candles_to_the_last_digit() -> None:
    recording = Recording(TRADES, settings_of(MarketDataConfig(bar_interval_ms=FIVE_MINUTES_MS)))
    bars = [
        event
        for line, replays in recording.lines()
        for replay in replays
        for event in replay.take(line)
        if isinstance(event, BarClosed)
    ]
    candles = {row["date"]: row for row in pl.read_ipc(CANDLES).iter_rows(named=True)}
    assert len(bars) == 2
    for bar in bars:
        theirs = candles[datetime.fromtimestamp(bar.ts_open_ns // SECOND, UTC)]
        assert {name: getattr(bar, name) for name in ("open", "high", "low", "close", "volume")} == {
            name: theirs[name] for name in ("open", "high", "low", "close", "volume")
        }


@pytest.mark.parametrize(
    ("step", "scale"), [("0.01", 100), ("1", 1), ("10", 1), ("0.25", 100), ("0.00000100", 1_000_000)]
)
def test_the_digits_of_a_step_are_counted(step: str, scale: int) -> None:
    assert scale_of(Decimal(step)) == scale


def test_ten_thousand_trades_of_a_tenth_are_a_thousand() -> None:
    bars = BarBuilder("v", "BTC-USDT", SECOND)
    bars.begin(SECOND, whole=True)
    for number in range(10_000):
        bars.add(
            TradePrinted(
                id=f"{number}",
                venue="v",
                symbol="BTC-USDT",
                ts_venue_ns=SECOND + number,
                trade_id=f"{number}",
                price=0.1,
                quantity=0.1,
                aggressor="buy",
            ),
            number,
        )
    (bar,) = bars.close_until(2 * SECOND, 2 * SECOND)
    assert (bar.volume, bar.quote_volume, bar.buy_volume, bar.trade_count) == (1_000.0, 100.0, 1_000.0, 10_000)
