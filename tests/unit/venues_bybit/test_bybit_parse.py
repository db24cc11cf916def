"""Bybit bytes to events: what the documentation shows is read, and what no market says is refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall_proto import FundingPosted
from seawall_venues.bybit import parse
from seawall_venues.bybit.symbols import SPOT
from seawall_venues.feed_errors import MalformedFrameError

from .bybit_frames import GeneratedMarket, depth_frame, encode, instrument

BTC = instrument()
KNOWN = FundingPosted(
    id="known",
    ts_received_ns=0,
    venue=BTC.venue,
    symbol=BTC.symbol,
    ts_venue_ns=0,
    mark_price=60_000.0,
    index_price=60_001.0,
    funding_rate=0.0001,
    ts_next_funding_ns=1_700_006_400_000_000_000,
)
TRADE = {
    "T": 1_672_304_486_865,
    "s": "BTCUSDT",
    "S": "Buy",
    "v": "0.001",
    "p": "16578.50",
    "i": "20f43950-d8dd",
    "BT": False,
}
CANDLE = {
    "start": 1_700_000_040_000,
    "end": 1_700_000_099_999,
    "interval": "1",
    "open": "100",
    "high": "120",
    "low": "90",
    "close": "110",
    "volume": "5",
    "turnover": "525",
    "confirm": True,
    "timestamp": 1_700_000_100_123,
}
PAST_TRADE = {
    "execId": "2100000000007764263",
    "symbol": "BTCUSDT",
    "price": "16618.49",
    "size": "0.00012",
    "side": "Sell",
    "time": "1672052955758",
    "isBlockTrade": False,
}
PARSERS: list[Callable[[bytes], Any]] = [
    lambda frame: parse.parse_depth(frame, BTC),
    lambda frame: parse.parse_snapshot(frame, BTC),
    lambda frame: parse.parse_quote(frame, BTC, 0),
    lambda frame: parse.parse_trade(frame, BTC, 0),
    lambda frame: parse.parse_candle(frame, BTC, 0),
    lambda frame: parse.parse_funding(frame, BTC, 0, KNOWN),
    lambda frame: parse.parse_trades(frame, BTC, 0),
    lambda frame: parse.parse_bars(frame, BTC, 60_000, 0),
]


def ticker(kind: str = "delta", symbol: str = "BTCUSDT", **data: str) -> bytes:
    body = {"topic": f"tickers.{symbol}", "type": kind, "data": {"symbol": symbol, **data}}
    return encode({**body, "cs": 24_987_956_059, "ts": 1_673_272_861_686})


def trades(*rows: dict[str, Any]) -> bytes:
    return encode({"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": 1_672_304_486_868, "data": rows})


def candles(*rows: dict[str, Any], topic: str = "kline.1.BTCUSDT") -> bytes:
    return encode({"topic": topic, "data": rows, "ts": 1_700_000_100_123, "type": "snapshot"})


def answer(**result: Any) -> bytes:
    return encode({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 1})


def past_candles(*opens_ms: int) -> bytes:
    rows = [[str(ms), "100", "120", "90", "110", "5", "525"] for ms in opens_ms]
    return answer(category="linear", symbol="BTCUSDT", list=rows)


def test_an_update_keeps_its_levels_and_the_engines_number_and_time() -> None:
    frame = depth_frame(
        "delta", 177_400_507, 66_544_703_342, [["30247.20", "30.028"], ["30240.00", "0"]], [], ts_ms=1_687_940_967_466
    )
    update = parse.parse_depth(frame, BTC)
    assert update.data.bids == ((30_247.2, 30.028), (30_240.0, 0.0))
    assert (update.data.number, update.data.sequence, update.engine_ms) == (
        177_400_507,
        66_544_703_342,
        1_687_940_967_466,
    )


def test_a_frame_laid_out_for_reading_with_its_time_as_text_is_the_same_update() -> None:
    frame = b"""{ "topic": "orderbook.50.BTCUSDT", "ts": "1687940967466", "type": "delta",
        "data": { "s": "BTCUSDT", "b": [ [ "30247.20", "30.028" ] ], "a": [], "u": 5, "seq": 7 } }"""
    update = parse.parse_depth(frame, BTC)
    assert (update.ts_ms, update.engine_ms, update.data.bids) == (1_687_940_967_466, 0, ((30_247.2, 30.028),))


def test_a_frame_of_another_instrument_is_refused_everywhere() -> None:
    ether = instrument("ETHUSDT", "ETH-USDT-PERP")
    level = [["1", "1"]]
    for read in (
        lambda: parse.parse_depth(depth_frame("snapshot", 1, 1, level, level), ether),
        lambda: parse.parse_quote(depth_frame("snapshot", 1, 1, level, level), ether, 0),
        lambda: parse.parse_quote(ticker(bid1Price="1"), ether, 0),
        lambda: parse.parse_funding(ticker(markPrice="1"), ether, 0, None),
        lambda: parse.parse_trade(trades(TRADE), ether, 0),
        lambda: parse.parse_candle(candles(CANDLE), ether, 0),
        lambda: parse.parse_trades(answer(list=[PAST_TRADE]), ether, 0),
        lambda: parse.parse_bars(past_candles(60_000, 0), ether, 60_000, 0),
        lambda: parse.parse_snapshot(answer(s="BTCUSDT", b=[], a=[], ts=1, u=1, seq=1), ether),
    ):
        with pytest.raises(MalformedFrameError):
            read()


@pytest.mark.parametrize("topic", ["orderbook.full.BTCUSDT", "orderbook.rpi.BTCUSDT", "orderbook", ""])
def test_a_snapshot_of_a_depth_that_the_venue_does_not_have_is_refused(topic: str) -> None:
    with pytest.raises(MalformedFrameError):
        parse.parse_depth(depth_frame("snapshot", 1, 1, [], [], topic=topic or "x"), BTC)


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "inf", "1e12", "", "abc", None, True])
def test_no_market_has_such_a_price(price: Any) -> None:
    for frame in (
        depth_frame("delta", 2, 2, [[price, "1"]], []),
        depth_frame("delta", 2, 2, [], [[price, "1"]]),
    ):
        with pytest.raises(MalformedFrameError):
            parse.parse_depth(frame, BTC)
        with pytest.raises(MalformedFrameError):
            parse.parse_quote(frame, BTC, 0)
    with pytest.raises(MalformedFrameError):
        parse.parse_trade(trades({**TRADE, "p": price}), BTC, 0)
    with pytest.raises(MalformedFrameError):
        parse.parse_candle(candles({**CANDLE, "low": price}), BTC, 0)
    if price != "":  # an empty text is the venue's own word for no price
        with pytest.raises(MalformedFrameError):
            parse.parse_funding(ticker(markPrice=price), BTC, 0, KNOWN)
        with pytest.raises(MalformedFrameError):
            parse.parse_quote(ticker(bid1Price=price), BTC, 0)


@pytest.mark.parametrize("quantity", ["-1", "NaN", "inf", "1e18", "", None])
def test_no_market_has_such_a_quantity(quantity: Any) -> None:
    with pytest.raises(MalformedFrameError):
        parse.parse_depth(depth_frame("delta", 2, 2, [["1", quantity]], []), BTC)
    with pytest.raises(MalformedFrameError):
        parse.parse_trade(trades({**TRADE, "v": quantity}), BTC, 0)


def test_the_best_quote_is_numbered_by_the_engine() -> None:
    market = GeneratedMarket(1)
    market.step()
    quote = parse.parse_quote(market.quote(), BTC, 9)
    bids, asks = market.sides()
    assert quote is not None
    assert quote.id == f"bybit-linear.BTC-USDT-PERP.quote.{market.sequence}"
    assert (quote.update_id, quote.ts_received_ns) == (market.sequence, 9)
    assert (quote.bid_price, quote.bid_quantity) == bids[0]
    assert (quote.ask_price, quote.ask_quantity) == asks[0]
    assert quote.ts_venue_ns == (1_700_000_000_000 + market.sequence) * 1_000_000


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([], [["11", "1"]]),
        ([["10", "1"]], []),
        ([["10", "0"]], [["11", "1"]]),
        ([["10", "1"], ["9", "1"]], [["11", "1"]]),
    ],
)
def test_a_quote_without_one_level_on_each_side_is_none(bids: Any, asks: Any) -> None:
    frame = depth_frame("snapshot", 1, 1, bids, asks, topic="orderbook.1.BTCUSDT")
    assert parse.parse_quote(frame, BTC, 0) is None


def test_an_update_of_one_level_that_replaces_another_is_the_new_one() -> None:
    frame = depth_frame("delta", 2, 2, [["10", "0"], ["10.5", "3"]], [["11", "1"]], topic="orderbook.1.BTCUSDT")
    quote = parse.parse_quote(frame, BTC, 0)
    assert quote is not None
    assert (quote.bid_price, quote.bid_quantity) == (10.5, 3.0)


def test_a_ticker_is_a_quote_only_where_it_tells_both_sides() -> None:
    whole = {"bid1Price": "17215.50", "bid1Size": "84.489", "ask1Price": "17216.00", "ask1Size": "83.020"}
    quote = parse.parse_quote(ticker(**whole), BTC, 0)
    assert quote is not None
    assert (quote.update_id, quote.bid_price, quote.ask_quantity) == (24_987_956_059, 17_215.5, 83.02)
    for missing in whole:
        assert parse.parse_quote(ticker(**{key: text for key, text in whole.items() if key != missing}), BTC, 0) is None
        assert parse.parse_quote(ticker(**whole | {missing: ""}), BTC, 0) is None


def test_each_trade_of_a_frame_is_told_with_the_side_that_took() -> None:
    bought, sold = parse.parse_trade(trades(TRADE, {**TRADE, "S": "Sell", "i": "b"}), BTC, 4)
    assert (bought.id, bought.trade_id) == ("bybit-linear.BTC-USDT-PERP.trade.20f43950-d8dd", "20f43950-d8dd")
    assert (bought.price, bought.quantity, bought.aggressor) == (16_578.5, 0.001, "buy")
    assert (sold.trade_id, sold.aggressor, sold.ts_venue_ns) == ("b", "sell", 1_672_304_486_865_000_000)


def test_a_block_trade_is_not_the_markets() -> None:
    assert parse.parse_trade(trades({**TRADE, "BT": True}), BTC, 0) == ()
    assert parse.parse_trades(answer(list=[{**PAST_TRADE, "isBlockTrade": True}]), BTC, 0) == ()


@pytest.mark.parametrize("trade_id", ["", "x" * 65, "a\nb", "a\\b", "é"])
def test_a_trade_whose_name_no_event_could_carry_is_refused(trade_id: str) -> None:
    with pytest.raises(MalformedFrameError):
        parse.parse_trade(trades({**TRADE, "i": trade_id}), BTC, 0)


def test_an_update_of_the_ticker_adds_to_what_was_known() -> None:
    posted = parse.parse_funding(ticker(markPrice="60010.5"), BTC, 3, KNOWN)
    assert posted is not None
    assert posted.id == "bybit-linear.BTC-USDT-PERP.funding.1673272861686"
    assert (posted.mark_price, posted.index_price, posted.funding_rate) == (60_010.5, 60_001.0, 0.0001)
    assert posted.ts_next_funding_ns == KNOWN.ts_next_funding_ns


def test_a_funding_rate_of_zero_is_a_rate() -> None:
    posted = parse.parse_funding(ticker(fundingRate="0"), BTC, 0, KNOWN)
    assert posted is not None
    assert posted.funding_rate == 0.0


def test_an_update_that_changes_nothing_of_funding_posts_nothing() -> None:
    assert parse.parse_funding(ticker(bid1Price="1"), BTC, 0, KNOWN) is None
    assert parse.parse_funding(ticker(bid1Price="1"), BTC, 0, None) is None


def test_nothing_is_posted_while_something_is_missing() -> None:
    whole = {"markPrice": "1", "indexPrice": "2", "fundingRate": "-0.000212", "nextFundingTime": "1673280000000"}
    assert parse.parse_funding(ticker("snapshot", **whole), BTC, 0, None) is not None
    for missing in whole:
        part = {key: text for key, text in whole.items() if key != missing}
        assert parse.parse_funding(ticker("delta", **part), BTC, 0, None) is None
        assert parse.parse_funding(ticker("snapshot", **part), BTC, 0, KNOWN) is None  # it tells all there is


def test_a_dated_contract_has_no_funding() -> None:
    frame = ticker("snapshot", markPrice="1", indexPrice="2", fundingRate="", nextFundingTime="")
    assert parse.parse_funding(frame, BTC, 0, None) is None


def test_a_candle_that_ended_comes_with_the_one_that_began() -> None:
    after = {**CANDLE, "start": 1_700_000_100_000, "end": 1_700_000_159_999, "confirm": False, "volume": "0"}
    ended, begun = parse.parse_candle(candles(CANDLE, after), BTC, 5)
    assert ended.id == "bybit-linear.BTC-USDT-PERP.bar.60000000000.1700000040000000000"
    assert (ended.open, ended.high, ended.low, ended.close) == (100.0, 120.0, 90.0, 110.0)
    assert (ended.volume, ended.quote_volume, ended.repaired) == (5.0, 525.0, True)
    assert ended.ts_venue_ns == ended.ts_close_ns == begun.ts_open_ns == 1_700_000_100_000_000_000
    assert begun.ts_venue_ns == 1_700_000_100_123_000_000 < begun.ts_close_ns


@pytest.mark.parametrize("end", [0, 1_700_000_039_999, 1_710_000_000_000])
def test_a_candle_that_ends_before_it_begins_or_after_a_month_is_refused(end: int) -> None:
    with pytest.raises(MalformedFrameError):
        parse.parse_candle(candles({**CANDLE, "end": end}), BTC, 0)


def test_a_book_over_rest_is_numbered_like_the_stream() -> None:
    body = answer(s="BTCUSDT", b=[["65485.47", "47"]], a=[["65557.7", "16"]], ts=5, u=230_704, seq=1_432_604_333, cts=4)
    snapshot = parse.parse_snapshot(body, BTC)
    assert (snapshot.update_id, snapshot.ts_venue_ns, snapshot.limit) == (1_432_604_333, 4_000_000, 200)
    assert (snapshot.bids, snapshot.asks) == (((65_485.47, 47.0),), ((65_557.7, 16.0),))


def test_past_trades_are_told_oldest_first_and_in_their_order_within_a_millisecond() -> None:
    rows = [
        {**PAST_TRADE, "execId": name, "time": time} for name, time in (("d", "9"), ("c", "7"), ("b", "7"), ("a", "5"))
    ]
    spot = instrument("BTCUSDT", "BTC-USDT", SPOT)
    told = parse.parse_trades(answer(category="spot", list=rows), spot, 0)
    assert [trade.trade_id for trade in told] == ["a", "b", "c", "d"]
    assert told[0].id == "bybit-spot.BTC-USDT.trade.a"
    assert told[0].aggressor == "sell"


def test_past_candles_are_told_oldest_first_and_last_as_long_as_was_asked_for() -> None:
    bars = parse.parse_bars(past_candles(540_000, 360_000, 180_000), BTC, 60_000, 0)
    assert [bar.ts_open_ns for bar in bars] == [180_000_000_000, 360_000_000_000, 540_000_000_000]
    assert {bar.interval_ns for bar in bars} == {60_000_000_000}
    (single,) = parse.parse_bars(past_candles(300_000), BTC, 300_000, 0)
    assert (single.interval_ns, single.ts_close_ns) == (300_000_000_000, 600_000_000_000)
    assert parse.parse_bars(past_candles(), BTC, 60_000, 0) == ()


@pytest.mark.parametrize("opens_ms", [(60_000, 60_000), (60_000, 120_000), (600_000, 300_000, 300_001)])
def test_candles_closer_together_than_was_asked_for_are_refused(opens_ms: tuple[int, ...]) -> None:
    with pytest.raises(MalformedFrameError, match="300000 ms"):
        parse.parse_bars(past_candles(*opens_ms), BTC, 300_000, 0)


VALID = [
    depth_frame("snapshot", 1, 1, [["10", "1"]], [["11", "1"]]),
    ticker(markPrice="1", bid1Price="2"),
    trades(TRADE),
    candles(CANDLE),
    answer(list=[PAST_TRADE]),
    past_candles(60_000, 0),
    answer(s="BTCUSDT", b=[], a=[], ts=1, u=1, seq=1),
]


def reads_or_refuses(frame: bytes) -> None:
    for read in PARSERS:
        with suppress(MalformedFrameError):
            read(frame)


@given(st.binary(max_size=200))
def test_no_bytes_crash_a_parser(frame: bytes) -> None:
    reads_or_refuses(frame)


@given(st.sampled_from(VALID), st.data())
def test_no_bytes_in_a_frame_crash_a_parser(frame: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(frame)))
    gone = data.draw(st.integers(0, 8))
    reads_or_refuses(frame[:at] + data.draw(st.binary(max_size=8)) + frame[at + gone :])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["s", "b", "a", "u", "seq", "symbol", "list", "T", "i"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["topic", "type", "ts", "cs", "data", "result"]), json_values))
def test_no_json_crashes_a_parser(body: dict[str, Any]) -> None:
    reads_or_refuses(encode(body))


def test_nesting_without_end_is_refused() -> None:
    reads_or_refuses(b"[" * 100_000)
    reads_or_refuses(b'{"data":' * 100_000)
    reads_or_refuses(b'{"x":' + b"[" * 100_000)
