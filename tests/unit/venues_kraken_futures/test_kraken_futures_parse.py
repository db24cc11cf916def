"""Kraken futures' frames and bodies become events in base units, and garbage becomes our error, never a crash."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from seawall_venues.feed_errors import MalformedFrameError
from seawall_venues.kraken_futures import parse, parse_rest
from tests.unit.venues_kraken_futures.kraken_futures_tape import INVERSE, LINEAR, made_run

TICKER: dict[str, Any] = {
    "time": 1_790_359_997_224,
    "product_id": "PF_XBTUSD",
    "funding_rate": 0.912482213835,
    "relative_funding_rate": 0.00001089345,
    "next_funding_rate_time": 1_790_362_800_000,
    "feed": "ticker",
    "bid": 84001.0,
    "ask": 84002.0,
    "bid_size": 0.0273,
    "ask_size": 0.006,
    "index": 83995.76,
    "markPrice": 84004.11362574516,
    "suspended": False,
}
TRADE: dict[str, Any] = {
    "product_id": "PF_XBTUSD",
    "feed": "trade",
    "uid": "8a2be12f-7a3f-4f8f-a111-d1b5200ab1d0",
    "side": "sell",
    "type": "fill",
    "time": 1_790_360_004_381,
    "qty": 0.0002,
    "price": 83994.0,
    "seq": 421_135,
}
HISTORY = {
    "result": "success",
    "history": [
        {"time": "2026-09-25T18:13:24.381Z", "trade_id": 100, "price": 83994, "size": 0.0002, "side": "sell",
         "type": "fill", "uid": "8a2be12f-7a3f-4f8f-a111-d1b5200ab1d0"},
        {"time": "2026-09-25T18:13:24.381Z", "trade_id": 99, "price": 83993, "size": 0.1, "side": "buy",
         "type": "liquidation", "uid": "b"},
        {"time": "2026-09-25T18:13:20.000Z", "trade_id": 98, "price": 83992, "size": 0.1, "side": "buy",
         "type": "block", "uid": "c"},
    ],
}  # fmt: skip
BOOK = {
    "result": "success",
    "orderBook": {"bids": [[84001, 20], [84000, 10]], "asks": [[84002, 30]]},
    "serverTime": "2026-09-25T17:43:59.250Z",
}
CANDLES = {
    "candles": [{"time": 60_000, "open": "2", "high": "4", "low": "1", "close": "4", "volume": "30.00"}],
    "more_candles": False,
}


def encoded(body: Any, **more: Any) -> bytes:
    return json.dumps({**body, **more}).encode()


PARSERS: list[Callable[[bytes], object]] = [
    lambda payload: parse.parse_depth(payload, LINEAR),
    lambda payload: parse.parse_quote(payload, LINEAR, 1),
    lambda payload: parse.parse_trade(payload, LINEAR, 1),
    lambda payload: parse.parse_candle(payload, LINEAR, 1),
    lambda payload: parse.parse_funding(payload, LINEAR, 1, None),
    lambda payload: parse_rest.parse_snapshot(payload, LINEAR),
    lambda payload: parse_rest.parse_trades(payload, LINEAR, 1),
    lambda payload: parse_rest.parse_bars(payload, LINEAR, 60_000, 1),
]
SEEDS = [*made_run().frames[:2], *(encoded(body) for body in (TICKER, TRADE, HISTORY, BOOK, CANDLES))]


def test_contracts_of_a_linear_book_are_base_units() -> None:
    frame = b'{"feed":"book","product_id":"PF_XBTUSD","side":"sell","seq":7,"price":64416.0,"qty":0.0568,"timestamp":9}'
    update = parse.parse_depth(frame, LINEAR)
    assert (update.is_snapshot, update.sequence, update.ts_venue_ns) == (False, 7, 9_000_000)
    assert (update.bids, update.asks) == ((), ((64416.0, 0.0568),))


def test_contracts_of_an_inverse_book_are_quote_units() -> None:
    frame = (
        b'{"feed":"book_snapshot","product_id":"PI_XBTUSD","timestamp":9,"seq":7,"tickSize":null,'
        b'"bids":[{"price":50000.0,"qty":20000.0}],"asks":[{"price":80000.0,"qty":0.0}]}'
    )
    update = parse.parse_depth(frame, INVERSE)
    assert (update.is_snapshot, update.bids, update.asks) == (True, ((50000.0, 4.0),), ((80000.0, 0.0),))


@pytest.mark.parametrize("parser", [parse.parse_depth, lambda payload, told: parse.parse_quote(payload, told, 1)])
def test_a_frame_about_another_contract_is_malformed(parser: Callable[..., object]) -> None:
    for frame in (made_run().frames[1], encoded(TICKER)):
        with pytest.raises(MalformedFrameError):
            parser(frame, INVERSE)


def test_a_ticker_is_a_quote_numbered_by_its_time() -> None:
    quote = parse.parse_quote(encoded(TICKER), LINEAR, 99)
    assert quote is not None
    assert quote.id == "kraken-futures.BTC-USD-PERP.quote.1790359997224000000"
    assert quote.update_id == quote.ts_venue_ns == 1_790_359_997_224_000_000
    assert (quote.bid_price, quote.bid_quantity, quote.ask_price, quote.ask_quantity) == (
        84001.0,
        0.0273,
        84002.0,
        0.006,
    )


def test_an_inverse_quote_has_base_quantities() -> None:
    ticker = encoded(TICKER, product_id="PI_XBTUSD", bid=50000.0, bid_size=20000.0, ask=80000.0, ask_size=16000.0)
    quote = parse.parse_quote(ticker, INVERSE, 99)
    assert quote is not None
    assert (quote.bid_quantity, quote.ask_quantity) == (4.0, 2.0)


def test_an_old_light_ticker_tells_prices_only() -> None:
    frame = b'{"feed":"ticker_lite","product_id":"PF_XBTUSD","bid":439.3,"ask":439.6,"change":2.6,"tag":"month"}'
    quote = parse.parse_quote(frame, LINEAR, 99)
    assert quote is not None
    assert (quote.bid_price, quote.ask_price, quote.bid_quantity, quote.update_id) == (439.3, 439.6, 0.0, 99)
    assert parse.parse_funding(frame, LINEAR, 99, None) is None


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_a_quote_of_a_market_with_an_empty_side_is_none(side: str) -> None:
    for ticker in (encoded(TICKER, **{side: 0}), encoded({key: TICKER[key] for key in TICKER if key != side})):
        assert parse.parse_quote(ticker, LINEAR, 1) is None


def test_funding_is_the_rate_and_not_the_amount() -> None:
    posted = parse.parse_funding(encoded(TICKER), LINEAR, 99, None)
    assert posted is not None
    assert posted.id == "kraken-futures.BTC-USD-PERP.funding.1790359997224"
    assert (posted.mark_price, posted.index_price) == (84004.11362574516, 83995.76)
    assert (posted.funding_rate, posted.ts_next_funding_ns) == (0.00001089345, 1_790_362_800_000_000_000)


def test_what_a_ticker_leaves_out_is_as_last_known() -> None:
    known = parse.parse_funding(encoded(TICKER), LINEAR, 99, None)
    brief = {"feed": "ticker", "product_id": "PF_XBTUSD", "time": 1_790_359_998_000, "markPrice": 84010.5}
    assert parse.parse_funding(encoded(brief), LINEAR, 100, None) is None
    posted = parse.parse_funding(encoded(brief), LINEAR, 100, known)
    assert posted is not None
    assert known is not None
    assert (posted.mark_price, posted.index_price, posted.funding_rate) == (
        84010.5,
        known.index_price,
        known.funding_rate,
    )
    assert posted.ts_venue_ns == 1_790_359_998_000_000_000


def test_a_dated_contract_has_no_funding() -> None:
    dated = msgspec.structs.replace(LINEAR, symbol="BTC-USD-261225")
    assert parse.parse_funding(encoded(TICKER), dated, 99, None) is None


def test_a_trade_is_named_by_its_uid() -> None:
    (trade,) = parse.parse_trade(encoded(TRADE), LINEAR, 99)
    assert trade.trade_id == TRADE["uid"]
    assert trade.id == f"kraken-futures.BTC-USD-PERP.trade.{TRADE['uid']}"
    assert (trade.price, trade.quantity, trade.aggressor) == (83994.0, 0.0002, "sell")
    assert trade.ts_venue_ns == 1_790_360_004_381_000_000


def test_a_snapshot_of_trades_comes_oldest_first() -> None:
    trades = [{**TRADE, "seq": 3, "uid": "c"}, {**TRADE, "seq": 2, "uid": "b"}, {**TRADE, "seq": 1, "uid": "a"}]
    frame = {"feed": "trade_snapshot", "product_id": "PF_XBTUSD", "trades": trades}
    assert [trade.trade_id for trade in parse.parse_trade(encoded(frame), LINEAR, 1)] == ["a", "b", "c"]


@pytest.mark.parametrize(("kind", "count"), [("fill", 1), ("liquidation", 1), ("assignment", 0), ("block", 0)])
def test_only_what_was_matched_in_the_book_is_a_trade(kind: str, count: int) -> None:
    assert len(parse.parse_trade(encoded(TRADE, type=kind), LINEAR, 1)) == count


def test_the_same_trade_over_rest_is_the_same_trade() -> None:
    (streamed,) = parse.parse_trade(encoded(TRADE), LINEAR, 5)
    before, listed = parse_rest.parse_trades(encoded(HISTORY), LINEAR, 5)
    assert listed == streamed
    assert before.trade_id == "b"


def test_a_book_over_rest_is_whole_and_numbered_by_its_time() -> None:
    snapshot = parse_rest.parse_snapshot(encoded(BOOK), LINEAR)
    assert snapshot.update_id == snapshot.ts_venue_ns == 1_790_358_239_250_000_000
    assert (snapshot.bids, snapshot.asks) == (((84001.0, 20.0), (84000.0, 10.0)), ((84002.0, 30.0),))
    assert snapshot.limit == 3


def test_a_candle_becomes_a_bar_of_the_interval_that_was_asked_for() -> None:
    (bar,) = parse_rest.parse_bars(encoded(CANDLES), LINEAR, 60_000, 1)
    assert bar.id == "kraken-futures.BTC-USD-PERP.bar.60000000000.60000000000"
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.quote_volume) == (2.0, 4.0, 1.0, 4.0, 30.0, 90.0)
    (inverse,) = parse_rest.parse_bars(encoded(CANDLES), INVERSE, 60_000, 1)
    assert (inverse.volume, inverse.quote_volume, inverse.repaired) == (100.0, 300.0, True)


def test_candles_come_oldest_first_and_never_closer_than_was_asked_for() -> None:
    (candle,) = CANDLES["candles"]
    body = encoded({"candles": [{**candle, "time": 600_000}, {**candle, "time": 300_000}]})
    bars = parse_rest.parse_bars(body, LINEAR, 300_000, 1)
    assert [(bar.ts_open_ns, bar.interval_ns) for bar in bars] == [
        (300_000_000_000, 300_000_000_000),
        (600_000_000_000, 300_000_000_000),
    ]
    with pytest.raises(MalformedFrameError, match="900000 ms"):
        parse_rest.parse_bars(body, LINEAR, 900_000, 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", 0), ("price", -1), ("price", 1e12), ("price", "1"), ("qty", -1), ("time", 0), ("time", 1.5),
        ("side", "b"), ("uid", "x y"), ("uid", ""), ("uid", "x" * 65), ("seq", -1),
    ],
)  # fmt: skip
def test_a_trade_with_an_absurd_field_is_malformed(field: str, value: object) -> None:
    with pytest.raises(MalformedFrameError):
        parse.parse_trade(encoded(TRADE, **{field: value}), LINEAR, 1)


@pytest.mark.parametrize(
    ("field", "value"), [("bid", -1), ("ask", 1e12), ("markPrice", 0), ("relative_funding_rate", 1e3), ("feed", "book")]
)
def test_a_ticker_with_an_absurd_field_is_malformed(field: str, value: object) -> None:
    for parser in (PARSERS[1], PARSERS[4]):
        with pytest.raises(MalformedFrameError):
            parser(encoded(TICKER, **{field: value}))


@given(some.one_of(some.binary(max_size=200), some.text(max_size=200).map(str.encode)))
def test_garbage_is_refused_or_read_but_never_a_crash(garbage: bytes) -> None:
    _read_by_all(garbage)


@given(some.sampled_from(SEEDS), some.data())
def test_altered_frames_are_refused_or_read_but_never_a_crash(seed: bytes, data: some.DataObject) -> None:
    at = data.draw(some.integers(0, len(seed)))
    _read_by_all(seed[:at] + data.draw(some.binary(max_size=4)) + seed[at + data.draw(some.integers(0, 4)) :])


def _read_by_all(payload: bytes) -> None:
    for parser in PARSERS:
        try:
            parser(payload)
        except MalformedFrameError:
            continue
