"""Recorded bytes become events to the last digit, and garbage becomes our error, never a crash."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from seawall_venues.binance import parse
from seawall_venues.feed_errors import MalformedFrameError
from tests.paths import needs_recording
from tests.worlds.feed_frames import GeneratedMarket, channel_of, recorded, recording_of

PARSERS: list[Callable[[bytes], object]] = [
    parse.parse_depth,
    parse.parse_snapshot,
    lambda frame: parse.parse_quote(frame, "X", 0),
    lambda frame: parse.parse_trade(frame, "X", 0),
    lambda frame: parse.parse_funding(frame, "X", 0),
    lambda frame: parse.parse_trades(frame, "X", 0),
    lambda frame: parse.parse_bars(frame, "X", 0),
]


def frame(stream: str, **data: Any) -> bytes:
    return json.dumps({"stream": stream, "data": data}).encode()


TRADE = {"e": "trade", "E": 2, "T": 1_723_161_256_322, "s": "BTCUSDT", "t": 5, "p": "61800.30", "q": "0.006"}


def test_a_trade_by_a_seller_is_told_by_its_maker() -> None:
    printed = parse.parse_trade(frame("btcusdt@trade", **TRADE, X="MARKET", m=True), "BTC-USDT-PERP", 99)
    assert printed is not None
    assert printed.id == "binance-usdm.BTC-USDT-PERP.trade.5"
    assert (printed.price, printed.quantity, printed.aggressor) == (61800.3, 0.006, "sell")
    assert (printed.ts_venue_ns, printed.ts_received_ns) == (1_723_161_256_322_000_000, 99)
    assert printed.causes == ()


@pytest.mark.parametrize("kind", ["INSURANCE_FUND", "ADL", "NA"])
def test_prints_that_are_no_market_trade_are_left_out(kind: str) -> None:
    assert parse.parse_trade(frame("btcusdt@trade", **TRADE, X=kind, m=True), "X", 0) is None


def test_a_quote_carries_the_venues_update_id() -> None:
    quote = parse.parse_quote(
        frame("btcusdt@bookTicker", e="bookTicker", u=77, b="1.5", B="2", a="1.6", A="0.25", T=3, E=4), "X", 9
    )
    assert (quote.id, quote.update_id) == ("binance-usdm.X.quote.77", 77)
    assert (quote.bid_price, quote.bid_quantity, quote.ask_price, quote.ask_quantity) == (1.5, 2.0, 1.6, 0.25)
    assert (quote.ts_venue_ns, quote.ts_received_ns) == (3_000_000, 9)


def test_mark_price_and_funding_come_together() -> None:
    posted = parse.parse_funding(
        frame("btcusdt@markPrice@1s", E=1_000, s="BTCUSDT", p="11794.15", i="11784.6", P="1", r="-0.0003", T=8_000),
        "X",
        1,
    )
    assert (posted.mark_price, posted.index_price, posted.funding_rate) == (11794.15, 11784.6, -0.0003)
    assert (posted.ts_venue_ns, posted.ts_next_funding_ns) == (1_000_000_000, 8_000_000_000)


def test_past_trades_come_oldest_first() -> None:
    body = [
        {"id": 8, "price": "2.0", "qty": "1", "quoteQty": "2", "time": 20, "isBuyerMaker": False},
        {"id": 7, "price": "1.0", "qty": "3", "quoteQty": "3", "time": 10, "isBuyerMaker": True},
    ]
    first, second = parse.parse_trades(json.dumps(body).encode(), "X", 0)
    assert (first.trade_id, first.aggressor, second.trade_id, second.aggressor) == ("7", "sell", "8", "buy")


def test_a_candle_becomes_a_repaired_bar_with_the_id_its_own_bar_would_have() -> None:
    body = [[60_000, "1", "4", "0.5", "2", "10", 119_999, "25.5", 3, "6", "15", "0"]]
    (bar,) = parse.parse_bars(json.dumps(body).encode(), "X", 0)
    assert bar.id == "binance-usdm.X.bar.60000000000.60000000000"
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (1.0, 4.0, 0.5, 2.0, 10.0)
    assert (bar.quote_volume, bar.buy_volume, bar.trade_count, bar.repaired) == (25.5, 6.0, 3, True)
    assert (bar.ts_open_ns, bar.ts_close_ns) == (60_000_000_000, 120_000_000_000)


@pytest.mark.parametrize("price", ["nan", "inf", "-1.0", "0", "1e30", "", "1_0", "abc", None, [], True])
def test_a_price_that_is_no_price_makes_the_frame_malformed(price: Any) -> None:
    levels = frame("x@depth", T=1, U=1, u=2, pu=0, b=[[price, "1"]], a=[])
    with pytest.raises(MalformedFrameError, match="not a depth update"):
        parse.parse_depth(levels)
    with pytest.raises(MalformedFrameError):
        parse.parse_quote(frame("x@bookTicker", u=1, b=price, B="1", a="2", A="1", T=1, E=1), "X", 0)


@given(garbage=some.binary(max_size=200), cut=some.integers(0, 400), flipped=some.integers(0, 399))
def test_garbage_is_our_error_and_never_a_crash(garbage: bytes, cut: int, flipped: int) -> None:
    market = GeneratedMarket(3, levels=30)
    refused = 0
    real = bytearray(market.depth())
    real[flipped % len(real)] ^= 0x15
    for candidate in (garbage, bytes(real), market.quote()[:cut], market.trade()[:cut], b"[" * 5_000):
        for parser in PARSERS:
            try:
                parser(candidate)
            except MalformedFrameError:
                refused += 1
    assert refused > len(PARSERS)


@needs_recording(recording_of("ethusdt"))
def test_every_recorded_text_becomes_the_float_that_python_reads() -> None:
    for position, (_, raw) in enumerate(recorded("ethusdt")):
        if position % 10:
            continue
        match channel_of(raw):
            case "depth":
                update, data = parse.parse_depth(raw), json.loads(raw)["data"]
                assert [list(map(float, level)) for level in data["b"]] == [list(level) for level in update.bids]
                assert [list(map(float, level)) for level in data["a"]] == [list(level) for level in update.asks]
                assert (update.first_update_id, update.previous_update_id) == (data["U"], data["pu"])
            case "trade":
                trade, data = parse.parse_trade(raw, "X", 0), json.loads(raw)["data"]
                assert trade is not None
                assert (trade.trade_id, trade.price) == (str(data["t"]), float(data["p"]))
            case "bookTicker":
                quote, data = parse.parse_quote(raw, "X", 0), json.loads(raw)["data"]
                assert (quote.bid_price, quote.ask_quantity) == (float(data["b"]), float(data["A"]))
