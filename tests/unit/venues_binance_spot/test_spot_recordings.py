"""Every recording of spot from the first frame to the last: nothing lost, and the top is the best quote's."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from seawall_proto import TradePrinted
from seawall_venues.binance_spot.session import FEED
from tests.paths import RECORDINGS, needs_recording
from tests.unit.venues_feed.binance_tape import cryptofeed_file, drops_unnoticed, spot_files, tape_of

BTC, ETH = spot_files("btcusdt"), spot_files("ethusdt")
CANDLES = RECORDINGS / "binance" / "ohlcv" / "xylotech_spot" / "BTC_USDT-5m.feather"
FIVE_MINUTES_NS = 300_000_000_000


@needs_recording(BTC[0])
def test_rebuilt_top_equals_the_independent_best_quote_at_every_update() -> None:
    tape = tape_of(FEED, BTC[0])
    (heard,) = tape.heard.values()
    assert tape.frames == 41_248
    assert heard.verdicts == {"WAITING": 3, "APPLIED": 3_448}
    assert heard.agreement() == (3_449, 3_449)
    assert heard.trade_steps() == {1: 9_756}


@needs_recording(BTC[1])
def test_two_files_join_without_a_hole_and_agree_at_every_number_that_both_streams_name() -> None:
    """Twice a depth update of the second file ends in the midst of one taker's sweep.

    The quote stream never names such a moment: its next number is higher, and by then the levels that
    were still the best are gone. Wherever it does name the book's own number, both are the same.
    """
    (heard,) = tape_of(FEED, *BTC).heard.values()
    assert heard.verdicts == {"WAITING": 3, "APPLIED": 6_492}
    assert heard.trade_steps() == {1: 19_903}
    assert heard.agreement() == (6_491, 6_493)
    named = {quote.update_id: quote for quote in heard.quotes}
    both = sorted(named.keys() & heard.tops.keys())
    assert len(both) == 1_072
    for number in both:
        quote = named[number]
        assert heard.tops[number] == (
            ((quote.bid_price, quote.bid_quantity),),
            ((quote.ask_price, quote.ask_quantity),),
        )


@needs_recording(ETH[0])
def test_the_other_symbol_agrees_over_both_files() -> None:
    (heard,) = tape_of(FEED, *ETH).heard.values()
    assert heard.verdicts == {"WAITING": 2, "APPLIED": 6_468}
    assert heard.agreement() == (6_469, 6_469)
    assert heard.trade_steps() == {1: 14_514}


@needs_recording(BTC[0])
@pytest.mark.parametrize(
    ("venue_symbol", "drops"), [("btcusdt", (3_449, 3_042)), ("ethusdt", (3_432, 3_034))], ids=["btc", "eth"]
)
def test_dropping_any_recorded_update_is_noticed_at_the_very_next(venue_symbol: str, drops: tuple[int, int]) -> None:
    for path, count in zip(spot_files(venue_symbol), drops, strict=True):
        assert drops_unnoticed(FEED, path, venue_symbol.upper(), before=1) == (0, count)


@needs_recording(cryptofeed_file("BINANCE"))
@pytest.mark.parametrize(
    ("name", "kinds", "found"),
    [
        (
            "BINANCE",
            {"stray": 4, "depth": 177, "quote": 84, "trade": 2, "candle": 2},
            {
                "NKN-USDT": (149, (143, 143)),
                "BLZ-ETH": (9, (3, 3)),
                "LRC-BTC": (13, (13, 13)),
                "RUNE-EUR": (1, (0, 0)),
            },
        ),
        (
            "BINANCE_US",
            {"stray": 4, "depth": 336, "quote": 128, "trade": 11, "candle": 5},
            {
                "COMP-USDT": (106, (103, 103)),
                "OMG-BUSD": (158, (155, 155)),
                "CRV-USDT": (28, (18, 18)),
                "ZRX-USDT": (40, (41, 41)),
            },
        ),
    ],
)
def test_other_coins_are_read_by_the_recordings_own_list_and_snapshots(
    name: str, kinds: dict[str, int], found: dict[str, tuple[int, tuple[int, int]]]
) -> None:
    tape = tape_of(FEED, cryptofeed_file(name))
    assert tape.kinds == kinds
    assert {symbol: (heard.verdicts["APPLIED"], heard.agreement()) for symbol, heard in tape.heard.items()} == found
    for heard in tape.heard.values():
        assert heard.book.is_live
        assert heard.loads == {"APPLIED": 1}
        assert "GAP" not in heard.verdicts


@needs_recording(BTC[1])
@needs_recording(CANDLES)
@pytest.mark.parametrize("opened", [datetime(2024, 8, 8, 23, 55, tzinfo=UTC), datetime(2024, 8, 9, tzinfo=UTC)])
def test_candles_of_raw_trades_equal_the_venues_own_to_the_last_digit(opened: datetime) -> None:
    (heard,) = tape_of(FEED, *BTC).heard.values()
    open_ns = int(opened.timestamp()) * 1_000_000_000
    trades = [trade for trade in heard.trades if open_ns <= trade.ts_venue_ns < open_ns + FIVE_MINUTES_NS]
    assert len(trades) > 8_000
    (row,) = pl.read_ipc(CANDLES).filter(pl.col("date") == opened).to_dicts()
    assert candle_of(trades) == tuple(row[name] for name in ("open", "high", "low", "close", "volume"))


def candle_of(trades: list[TradePrinted]) -> tuple[float, float, float, float, float]:
    prices = [trade.price for trade in trades]
    volume = sum(Decimal(repr(trade.quantity)) for trade in trades)
    return prices[0], max(prices), min(prices), prices[-1], float(volume)
