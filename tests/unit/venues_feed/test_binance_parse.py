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
from seawall_venues.instruments import unlisted
from seawall_venues.port import Instrument
from tests.paths import needs_recording
from tests.worlds.feed_frames import GeneratedMarket, channel_of, recorded, recording_of

BTC = unlisted("binance-usdm", "BTCUSDT", "BTC-USDT-PERP")
PARSERS: list[Callable[[bytes], object]] = [
    lambda frame: parse.parse_depth(frame, BTC),
    lambda frame: parse.parse_snapshot(frame, BTC),
    lambda frame: parse.parse_quote(frame, BTC, 0),
    lambda frame: parse.parse_trade(frame, BTC, 0),
    lambda frame: parse.parse_candle(frame, BTC, 0),
    lambda frame: parse.parse_funding(frame, BTC, 0, None),
    lambda frame: parse.parse_trades(frame, BTC, 0),
    lambda frame: parse.parse_bars(frame, BTC, 60_000, 0),
]


def frame(stream: str, **data: Any) -> bytes:
    return json.dumps({"stream": stream, "data": data}).encode()


TRADE = {"e": "trade", "E": 2, "T": 1_723_161_256_322, "s": "BTCUSDT", "t": 5, "p": "61800.30", "q": "0.006"}


def test_a_trade_by_a_seller_is_told_by_its_maker() -> None:
    (printed,) = parse.parse_trade(frame("btcusdt@trade", **TRADE, X="MARKET", m=True), BTC, 99)
    assert printed.id == "binance-usdm.BTC-USDT-PERP.trade.5"
    assert (printed.price, printed.quantity, printed.aggressor) == (61800.3, 0.006, "sell")
    assert (printed.ts_venue_ns, printed.ts_received_ns) == (1_723_161_256_322_000_000, 99)
    assert printed.causes == ()


@pytest.mark.parametrize("kind", ["INSURANCE_FUND", "ADL", "NA"])
def test_prints_that_are_no_market_trade_are_left_out(kind: str) -> None:
    assert parse.parse_trade(frame("btcusdt@trade", **TRADE, X=kind, m=True), BTC, 0) == ()


def test_a_quote_carries_the_venues_update_id() -> None:
    quote = parse.parse_quote(
        frame("btcusdt@bookTicker", e="bookTicker", u=77, s="BTCUSDT", b="1.5", B="2", a="1.6", A="0.25", T=3, E=4),
        BTC,
        9,
    )
    assert quote is not None
    assert (quote.id, quote.update_id) == ("binance-usdm.BTC-USDT-PERP.quote.77", 77)
    assert (quote.bid_price, quote.bid_quantity, quote.ask_price, quote.ask_quantity) == (1.5, 2.0, 1.6, 0.25)
    assert (quote.ts_venue_ns, quote.ts_received_ns) == (3_000_000, 9)


def test_mark_price_and_funding_come_together() -> None:
    posted = parse.parse_funding(
        frame("btcusdt@markPrice@1s", E=1_000, s="BTCUSDT", p="11794.15", i="11784.6", P="1", r="-0.0003", T=8_000),
        BTC,
        1,
        None,
    )
    assert (posted.mark_price, posted.index_price, posted.funding_rate) == (11794.15, 11784.6, -0.0003)
    assert (posted.ts_venue_ns, posted.ts_next_funding_ns) == (1_000_000_000, 8_000_000_000)


def test_past_trades_come_oldest_first() -> None:
    body = [
        {"id": 8, "price": "2.0", "qty": "1", "quoteQty": "2", "time": 20, "isBuyerMaker": False},
        {"id": 7, "price": "1.0", "qty": "3", "quoteQty": "3", "time": 10, "isBuyerMaker": True},
    ]
    first, second = parse.parse_trades(json.dumps(body).encode(), BTC, 0)
    assert (first.trade_id, first.aggressor, second.trade_id, second.aggressor) == ("7", "sell", "8", "buy")


def test_a_candle_becomes_a_repaired_bar_with_the_id_its_own_bar_would_have() -> None:
    body = [[60_000, "1", "4", "0.5", "2", "10", 119_999, "25.5", 3, "6", "15", "0"]]
    (bar,) = parse.parse_bars(json.dumps(body).encode(), BTC, 60_000, 0)
    assert bar.id == "binance-usdm.BTC-USDT-PERP.bar.60000000000.60000000000"
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (1.0, 4.0, 0.5, 2.0, 10.0)
    assert (bar.quote_volume, bar.buy_volume, bar.trade_count, bar.repaired) == (25.5, 6.0, 3, True)
    assert (bar.ts_open_ns, bar.ts_close_ns) == (60_000_000_000, 120_000_000_000)


@pytest.mark.parametrize("last_ms", [59_999, 119_998, 120_000, 359_999])
def test_a_listed_candle_of_another_interval_than_asked_for_is_malformed(last_ms: int) -> None:
    rows = [[at, "1", "4", "0.5", "2", "10", last, "25.5", 3, "6"] for at, last in ((0, 59_999), (60_000, last_ms))]
    assert len(parse.parse_bars(json.dumps(rows[:1]).encode(), BTC, 60_000, 0)) == 1
    with pytest.raises(MalformedFrameError, match="60000 ms"):
        parse.parse_bars(json.dumps(rows).encode(), BTC, 60_000, 0)


def quote(**changes: Any) -> bytes:
    told = {"u": 1, "s": "BTCUSDT", "b": "1", "B": "1", "a": "2", "A": "1", "T": 1, "E": 1}
    return frame("btcusdt@bookTicker", **{**told, **changes})


def depth(**changes: Any) -> bytes:
    told: dict[str, Any] = {"T": 1, "s": "BTCUSDT", "U": 2, "u": 2, "pu": 1, "b": [["1", "1"]], "a": []}
    return frame("btcusdt@depth", **{**told, **changes})


@pytest.mark.parametrize("price", ["nan", "inf", "-1.0", "1e30", "", "1_0", "abc", None, [], True])
def test_a_price_that_is_no_price_makes_the_frame_malformed(price: Any) -> None:
    with pytest.raises(MalformedFrameError, match="not a depth update"):
        parse.parse_depth(depth(b=[[price, "1"]]), BTC)
    with pytest.raises(MalformedFrameError, match="not a best quote"):
        parse.parse_quote(quote(b=price), BTC, 0)


def test_a_level_at_no_price_makes_the_frame_malformed() -> None:
    with pytest.raises(MalformedFrameError):
        parse.parse_depth(depth(b=[["0.00", "1"]]), BTC)
    with pytest.raises(MalformedFrameError, match="a quantity at no price"):
        parse.parse_quote(quote(a="0.00"), BTC, 0)


def test_a_book_with_an_empty_side_has_no_best_quote() -> None:
    assert parse.parse_quote(quote(b="0.00", B="0.000"), BTC, 0) is None


@pytest.mark.parametrize("name", ["T", "s", "U", "u", "pu", "b", "a"])
def test_an_update_without_one_of_its_fields_is_malformed(name: str) -> None:
    assert parse.parse_depth(depth(), BTC).last_update_id == 2
    whole = json.loads(depth())
    del whole["data"][name]
    with pytest.raises(MalformedFrameError):
        parse.parse_depth(json.dumps(whole).encode(), BTC)


@pytest.mark.parametrize("numbers", [{"U": 3}, {"pu": 2}, {"U": -1, "pu": -2}, {"u": 1 << 70}, {"T": 10**16}])
def test_numbers_that_run_backwards_or_are_absurd_make_the_frame_malformed(numbers: dict[str, int]) -> None:
    with pytest.raises(MalformedFrameError):
        parse.parse_depth(depth(**numbers), BTC)


def test_a_frame_about_another_symbol_is_malformed() -> None:
    other = unlisted("binance-usdm", "BTCUSDC", "BTC-USDC-PERP")
    trade = frame("btcusdt@trade", **TRADE, X="MARKET", m=True)
    readers: list[tuple[bytes, Callable[[bytes, Instrument], object]]] = [
        (depth(), parse.parse_depth),
        (quote(), lambda payload, told: parse.parse_quote(payload, told, 0)),
        (trade, lambda payload, told: parse.parse_trade(payload, told, 0)),
        (MARK, lambda payload, told: parse.parse_funding(payload, told, 0, None)),
        (candle(), lambda payload, told: parse.parse_candle(payload, told, 0)),
    ]
    for payload, reader in readers:
        assert reader(payload, BTC)
        with pytest.raises(MalformedFrameError, match="it is not about BTCUSDC"):
            reader(payload, other)


def test_an_aggregate_of_old_recordings_bears_the_venues_own_count_of_them() -> None:
    told = {
        "e": "aggTrade",
        "E": 9,
        "a": 40,
        "s": "BTCUSDT",
        "p": "3",
        "q": "2",
        "f": 100,
        "l": 104,
        "T": 8,
        "m": False,
    }
    (printed,) = parse.parse_trade(frame("btcusdt@aggTrade", **told), BTC, 0)
    assert (printed.trade_id, printed.id) == ("40", "binance-usdm.BTC-USDT-PERP.trade.40")
    assert (printed.price, printed.quantity, printed.aggressor, printed.ts_venue_ns) == (3.0, 2.0, "buy", 8_000_000)


def test_a_trade_without_any_number_is_malformed() -> None:
    nameless = {name: value for name, value in TRADE.items() if name != "t"}
    with pytest.raises(MalformedFrameError, match="it has no number"):
        parse.parse_trade(frame("btcusdt@trade", **nameless, m=True), BTC, 0)


MARK = frame("btcusdt@markPrice@1s", E=1, s="BTCUSDT", p="2", i="2", P="2", r="0.0001", T=8)


def candle(**changes: Any) -> bytes:
    kline = {"t": 60_000, "T": 119_999, "s": "BTCUSDT", "i": "1m", "o": "1", "c": "2", "h": "4", "l": "0.5"}
    kline |= {"v": "10", "n": 3, "x": False, "q": "25.5", "V": "6", "Q": "15", "B": "0", **changes}
    return frame("btcusdt@kline_1m", e="kline", E=90_000, s="BTCUSDT", k=kline)


def test_a_candle_on_the_stream_that_has_ended_is_the_very_bar_of_the_listing() -> None:
    body = [[60_000, "1", "4", "0.5", "2", "10", 119_999, "25.5", 3, "6", "15", "0"]]
    (ended,) = parse.parse_candle(candle(x=True), BTC, 5)
    assert (ended,) == parse.parse_bars(json.dumps(body).encode(), BTC, 60_000, 5)


def test_a_candle_still_open_is_told_by_its_venue_time() -> None:
    (still_open,) = parse.parse_candle(candle(), BTC, 5)
    assert still_open.ts_venue_ns == 90_000_000_000 < still_open.ts_close_ns
    (late,) = parse.parse_candle(candle(t=0, T=59_999), BTC, 5)
    assert late.ts_venue_ns < late.ts_close_ns == 60_000_000_000


def test_a_candle_that_closes_before_it_opens_is_malformed() -> None:
    with pytest.raises(MalformedFrameError, match="closes before it opens"):
        parse.parse_candle(candle(T=59_998), BTC, 0)


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
    eth = unlisted("binance-usdm", "ETHUSDT", "ETH-USDT-PERP")
    for position, (_, raw) in enumerate(recorded("ethusdt")):
        if position % 10:
            continue
        data = json.loads(raw).get("data", {})
        match channel_of(raw):
            case "depth":
                update = parse.parse_depth(raw, eth)
                assert [list(map(float, level)) for level in data["b"]] == [list(level) for level in update.bids]
                assert [list(map(float, level)) for level in data["a"]] == [list(level) for level in update.asks]
                assert (update.first_update_id, update.previous_update_id) == (data["U"], data["pu"])
            case "trade":
                (trade,) = parse.parse_trade(raw, eth, 0)
                assert (trade.trade_id, trade.price) == (str(data["t"]), float(data["p"]))
            case "bookTicker":
                best = parse.parse_quote(raw, eth, 0)
                assert best is not None
                assert (best.bid_price, best.ask_quantity) == (float(data["b"]), float(data["A"]))
