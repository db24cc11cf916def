"""Kraken spot's frames and bodies become events to the last digit, and garbage becomes our error, never a crash."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from seawall_venues.feed_errors import MalformedFrameError
from seawall_venues.instruments import unlisted
from seawall_venues.kraken import parse, parse_rest, v1_parse
from seawall_venues.kraken.v1 import V1_FEED
from tests.unit.venues_kraken.kraken_tape import BTC, OLD_BTC, MadeMarket

TRADE = {
    "symbol": "BTC/USD",
    "side": "sell",
    "price": 83744.3,
    "qty": 0.0004478,
    "ord_type": "market",
    "trade_id": 8,
    "timestamp": "2026-09-25T17:48:26.844359Z",
}
TICKER = {"symbol": "BTC/USD", "bid": 1.5, "bid_qty": 2.0, "ask": 1.6, "ask_qty": 0.25, "last": 1.5, "vwap": 1.0}
CANDLE = {
    "symbol": "BTC/USD",
    "open": 2.0,
    "high": 4.0,
    "low": 1.0,
    "close": 3.0,
    "trades": 33,
    "volume": 10.0,
    "vwap": 2.5,
    "interval_begin": "2026-09-25T17:45:00.000000000Z",
    "interval": 5,
    "timestamp": "2026-09-25T17:50:00.000000Z",
}
OLD_FRAMES = {
    "book": b'[1,{"a":[["2.50","1.00","9.5"]]},{"b":[["2.40","0.00","9.7","r"]],"c":"77"},"book-25","XBT/USD"]',
    "ticker": b'[1,{"a":["2.5",2,"2.25"],"b":["2.4",1,"1.75"],"c":["2.5","1"]},"ticker","XBT/USD"]',
    "trade": b'[1,[["2.5","1.0","9.5","s","l",""],["2.6","2.0","9.5","b","m",""]],"trade","XBT/USD"]',
}


def frame(channel: str, *data: dict[str, Any], kind: str = "update") -> bytes:
    return json.dumps({"channel": channel, "type": kind, "data": data}).encode()


def answer(**result: Any) -> bytes:
    return json.dumps({"error": [], "result": {**result, "last": "9"}}).encode()


PARSERS: list[Callable[[bytes], object]] = [
    lambda payload: parse.parse_depth(payload, BTC),
    lambda payload: parse.parse_quote(payload, BTC, 1),
    lambda payload: parse.parse_trade(payload, BTC, 1),
    lambda payload: parse.parse_candle(payload, BTC, 1),
    lambda payload: V1_FEED.dialect.parse_funding(payload, BTC, 1, None),
    lambda payload: parse_rest.parse_snapshot(payload, BTC),
    lambda payload: parse_rest.parse_trades(payload, BTC, 1),
    lambda payload: parse_rest.parse_bars(payload, BTC, 60_000, 1),
    lambda payload: v1_parse.parse_depth(payload, OLD_BTC),
    lambda payload: v1_parse.parse_quote(payload, OLD_BTC, 1),
    lambda payload: v1_parse.parse_trade(payload, OLD_BTC, 1),
    lambda payload: v1_parse.parse_candle(payload, OLD_BTC, 1),
]
SEEDS = [
    MadeMarket(1).snapshot(),
    MadeMarket(1).update(),
    frame("ticker", TICKER),
    frame("trade", TRADE),
    frame("ohlc", CANDLE),
    answer(XXBTZUSD={"asks": [["2", "1", 9]], "bids": [["1", "1", 9]]}),
    answer(XXBTZUSD=[["2.0", "1", 9.5, "b", "m", "", 7]]),
    answer(XXBTZUSD=[[60, "2", "4", "1", "3", "2.5", "10", 33]]),
    *OLD_FRAMES.values(),
]


def test_a_level_keeps_the_digits_that_the_venue_sent() -> None:
    update = parse.parse_depth(
        b'{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":62807.0,"qty":0.00000000}],'
        b'"asks":[{"price":62818.8,"qty":0.00005100}],"checksum":4249465476,"timestamp":"2026-08-16T23:37:03.745044Z"}]}',
        BTC,
    )
    assert update.bids == ((62807.0, 0.0),)
    assert update.ask_texts == ((b"62818.8", b"0.00005100"),)
    assert (update.is_snapshot, update.checksum) == (False, 4249465476)
    assert update.ts_venue_ns == 1_786_923_423_745_044_000


def test_of_a_frame_about_several_pairs_only_ours_is_taken() -> None:
    ours = '{"symbol":"BTC/USD","bids":[{"price":1.0,"qty":2.0}],"asks":[],"checksum":5}'
    again = '{"symbol":"BTC/USD","bids":[{"price":1.5,"qty":3.0}],"asks":[],"checksum":6}'
    other = '{"symbol":"ETH/USD","bids":[{"price":9.0,"qty":9.0}],"asks":[],"checksum":7}'
    body = f'{{"channel":"book","type":"update","data":[{ours},{other},{again}]}}'
    update = parse.parse_depth(body.encode(), BTC)
    assert update.bids == ((1.0, 2.0), (1.5, 3.0))
    assert update.checksum == 6
    with pytest.raises(MalformedFrameError, match="nothing of SOL/USD"):
        parse.parse_depth(body.encode().replace(b"BTC/USD", b"XRP/USD"), unlisted("kraken", "SOL/USD"))


def test_a_quote_is_numbered_by_its_time() -> None:
    quote = parse.parse_quote(frame("ticker", {**TICKER, "timestamp": "2026-09-25T17:48:26.844359Z"}), BTC, 99)
    assert quote is not None
    assert quote.id == "kraken.BTC-USD.quote.1790358506844359000"
    assert quote.update_id == quote.ts_venue_ns == 1_790_358_506_844_359_000
    assert (quote.bid_price, quote.bid_quantity, quote.ask_price, quote.ask_quantity) == (1.5, 2.0, 1.6, 0.25)
    assert quote.ts_received_ns == 99


def test_a_quote_without_a_time_counts_by_its_arrival() -> None:
    quote = parse.parse_quote(frame("ticker", TICKER), BTC, 99)
    assert quote is not None
    assert quote.update_id == quote.ts_venue_ns == 99


@pytest.mark.parametrize("side", ["bid", "ask", "bid_qty", "ask_qty"])
@pytest.mark.parametrize("nothing", [0, None])
def test_a_quote_of_a_market_with_an_empty_side_is_none(side: str, nothing: int | None) -> None:
    assert parse.parse_quote(frame("ticker", {**TICKER, side: nothing}), BTC, 1) is None


@pytest.mark.parametrize(("field", "value"), [("bid", -1), ("ask", 1e12), ("ask_qty", -1), ("timestamp", "now")])
def test_a_ticker_with_an_absurd_field_is_malformed(field: str, value: object) -> None:
    with pytest.raises(MalformedFrameError):
        parse.parse_quote(frame("ticker", {**TICKER, field: value}), BTC, 1)


def test_trades_come_oldest_first_whatever_their_order_in_the_frame() -> None:
    older = {**TRADE, "trade_id": 7, "side": "buy"}
    first, second = parse.parse_trade(frame("trade", TRADE, older, {**TRADE, "symbol": "ETH/USD"}), BTC, 5)
    assert (first.trade_id, first.aggressor, second.trade_id, second.aggressor) == ("7", "buy", "8", "sell")
    assert second.id == "kraken.BTC-USD.trade.8"
    assert (second.price, second.quantity) == (83744.3, 0.0004478)
    assert (second.ts_venue_ns, second.ts_received_ns) == (1_790_358_506_844_359_000, 5)


def test_the_same_trade_over_rest_is_the_same_trade() -> None:
    (streamed,) = parse.parse_trade(frame("trade", TRADE), BTC, 5)
    body = answer(XXBTZUSD=[["83744.30000", "0.00044780", 1790358506.8443592, "s", "m", "", 8]])
    assert parse_rest.parse_trades(body, BTC, 5) == (streamed,)


def test_listed_trades_come_oldest_first() -> None:
    rows = [
        ["2.0", "1", 9.5, "b", "m", "", 8],
        ["1.0", "3", 9.25, "s", "l", "", 7],
        ["1.0", "0", 9.25, "s", "l", "", 6],
    ]
    listed = parse_rest.parse_trades(answer(XXBTZUSD=rows), BTC, 1)
    assert [(trade.trade_id, trade.aggressor) for trade in listed] == [("7", "sell"), ("8", "buy")]


def test_a_candle_on_the_stream_becomes_a_bar_of_its_own_interval() -> None:
    earlier = {**CANDLE, "interval_begin": "2026-09-25T17:40:00.000000000Z"}
    before, bar = parse.parse_candle(frame("ohlc", CANDLE, earlier, kind="snapshot"), BTC, 1)
    assert before.ts_close_ns == bar.ts_open_ns == 1_790_358_300_000_000_000
    assert (bar.interval_ns, bar.id) == (300_000_000_000, "kraken.BTC-USD.bar.300000000000.1790358300000000000")
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (2.0, 4.0, 1.0, 3.0, 10.0)
    assert (bar.quote_volume, bar.trade_count, bar.repaired) == (25.0, 33, True)


def test_candles_over_rest_last_as_long_as_was_asked_for() -> None:
    body = answer(XXBTZUSD=[[120, "3", "3", "3", "3", "0.0", "0", 0], [60, "2", "4", "1", "3", "2.5", "10", 33]])
    bar, quiet = parse_rest.parse_bars(body, BTC, 60_000, 1)
    assert bar.id == "kraken.BTC-USD.bar.60000000000.60000000000"
    assert (bar.ts_open_ns, bar.ts_close_ns, bar.quote_volume) == (60_000_000_000, 120_000_000_000, 25.0)
    assert (quiet.volume, quiet.trade_count) == (0.0, 0)
    week = answer(XXBTZUSD=[[604_800, "2", "4", "1", "3", "2.5", "10", 33]])
    (long,) = parse_rest.parse_bars(week, BTC, 604_800_000, 1)
    assert (long.interval_ns, long.ts_close_ns) == (604_800_000_000_000, 1_209_600_000_000_000)
    with pytest.raises(MalformedFrameError, match="300000 ms"):
        parse_rest.parse_bars(body, BTC, 300_000, 1)


def test_a_book_over_rest_is_numbered_by_its_newest_level() -> None:
    body = answer(XXBTZUSD={"asks": [["2.5", "1", 9], ["2.6", "1", 11]], "bids": [["2.4", "3.25", 10]]})
    snapshot = parse_rest.parse_snapshot(body, BTC)
    assert (snapshot.update_id, snapshot.ts_venue_ns, snapshot.limit) == (11_000_000_000, 0, 500)
    assert (snapshot.bids, snapshot.asks) == (((2.4, 3.25),), ((2.5, 1.0), (2.6, 1.0)))


def test_an_old_book_message_may_change_both_sides_at_once() -> None:
    update = v1_parse.parse_depth(OLD_FRAMES["book"], OLD_BTC)
    assert (update.is_snapshot, update.depth, update.checksum) == (False, 25, 77)
    assert (update.asks, update.bids) == (((2.5, 1.0),), ((2.4, 0.0),))
    assert update.ask_texts == ((b"2.50", b"1.00"),)
    assert update.ts_venue_ns == 9_700_000_000


def test_an_old_snapshot_has_no_checksum_and_a_change_must_have_one() -> None:
    snapshot = b'[1,{"as":[["2.50","1.00","9.5"]],"bs":[]},"book-25","XBT/USD"]'
    update = v1_parse.parse_depth(snapshot, OLD_BTC)
    assert (update.is_snapshot, update.checksum) == (True, None)
    with pytest.raises(MalformedFrameError, match="no checksum"):
        v1_parse.parse_depth(snapshot.replace(b'"as"', b'"a"').replace(b',"bs":[]', b""), OLD_BTC)


def test_old_quotes_and_trades_have_no_numbers() -> None:
    quote = v1_parse.parse_quote(OLD_FRAMES["ticker"], OLD_BTC, 99)
    assert quote is not None
    assert (quote.update_id, quote.bid_price, quote.bid_quantity, quote.ask_price) == (99, 2.4, 1.75, 2.5)
    sold, bought = v1_parse.parse_trade(OLD_FRAMES["trade"], OLD_BTC, 1)
    assert (sold.trade_id, bought.trade_id) == ("9500000000-0", "9500000000-1")
    assert (sold.aggressor, bought.aggressor, bought.quantity) == ("sell", "buy", 2.0)
    assert not V1_FEED.dialect.trades_are_numbered


BAD_LEVELS = ["-1.0", "0", "0.0", "1e400", "1e12", "true", "null", '"1.5"', "[1]", "{}"]


@pytest.mark.parametrize("price", BAD_LEVELS)
def test_a_level_with_an_absurd_price_makes_the_frame_malformed(price: str) -> None:
    body = f'{{"channel":"book","type":"update","data":[{{"symbol":"BTC/USD","bids":[{{"price":{price},"qty":1.0}}],'
    with pytest.raises(MalformedFrameError):
        parse.parse_depth(f'{body}"asks":[],"checksum":1}}]}}'.encode(), BTC)


@pytest.mark.parametrize("quantity", ["-0.1", "1e18", "1e400", '"2"', "null", "false"])
def test_a_level_with_an_absurd_quantity_makes_the_frame_malformed(quantity: str) -> None:
    body = f'{{"channel":"book","type":"update","data":[{{"symbol":"BTC/USD","bids":[{{"price":1.0,"qty":{quantity}}}],'
    with pytest.raises(MalformedFrameError):
        parse.parse_depth(f'{body}"asks":[],"checksum":1}}]}}'.encode(), BTC)


@pytest.mark.parametrize(("old", "new"), [(b"2.50", b"nan"), (b"2.50", b"-1"), (b"1.00", b"inf"), (b'"2.50"', b"null")])
def test_an_old_level_with_an_absurd_number_makes_the_frame_malformed(old: bytes, new: bytes) -> None:
    with pytest.raises(MalformedFrameError):
        v1_parse.parse_depth(OLD_FRAMES["book"].replace(old, new), OLD_BTC)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", 0),
        ("price", -1),
        ("qty", -1),
        ("trade_id", -1),
        ("trade_id", 1.5),
        ("timestamp", "2026"),
        ("side", "b"),
    ],
)
def test_a_trade_with_an_absurd_field_makes_the_frame_malformed(field: str, value: object) -> None:
    with pytest.raises(MalformedFrameError):
        parse.parse_trade(frame("trade", {**TRADE, field: value}), BTC, 1)


@pytest.mark.parametrize(
    "body", [b"{}", b'{"error":["EQuery:Unknown asset pair"]}', b'{"error":[],"result":{"last":1}}']
)
@pytest.mark.parametrize("parser", PARSERS[5:8])
def test_an_answer_without_the_pair_is_malformed(parser: Callable[[bytes], object], body: bytes) -> None:
    with pytest.raises(MalformedFrameError):
        parser(body)


@given(some.one_of(some.binary(max_size=200), some.text(max_size=200).map(str.encode)))
def test_garbage_is_refused_or_read_but_never_a_crash(garbage: bytes) -> None:
    _read_by_all(garbage)


@given(some.sampled_from(SEEDS), some.data())
def test_altered_frames_are_refused_or_read_but_never_a_crash(seed: bytes, data: some.DataObject) -> None:
    altered = bytearray(seed)
    for _ in range(data.draw(some.integers(1, 3))):
        at = data.draw(some.integers(0, len(altered) - 1))
        altered[at : at + data.draw(some.integers(0, 4))] = data.draw(some.binary(max_size=3))
        if not altered:
            break
    _read_by_all(bytes(altered))


def _read_by_all(payload: bytes) -> None:
    for parser in PARSERS:
        try:
            parser(payload)
        except MalformedFrameError:
            continue


@pytest.mark.parametrize("depth", [50_000])
def test_deeply_nested_bytes_are_malformed(depth: int) -> None:
    for parser in PARSERS[:4]:
        with pytest.raises(MalformedFrameError):
            parser(b"[" * depth)
