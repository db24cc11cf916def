"""Binance spot's bytes become events, and garbage becomes our error, never a crash."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from seawall_venues.binance_spot.session import FEED
from seawall_venues.feed_errors import MalformedFrameError
from seawall_venues.instruments import unlisted
from tests.paths import RECORDINGS, needs_recording
from tests.unit.venues_feed.binance_tape import SpotMarket, listed

BNB = unlisted("binance-spot", "BNBBTC", "BNB-BTC")
BTC = unlisted("binance-spot", "BTCUSDT", "BTC-USDT")
ANSWERS = RECORDINGS / "binance" / "rest" / "gocryptotrader" / "http.json.gz"
DIALECT = FEED.dialect
PARSERS: list[Callable[[bytes], object]] = [
    lambda frame: DIALECT.parse_depth(frame, BTC),
    lambda frame: DIALECT.parse_snapshot(frame, BTC),
    lambda frame: DIALECT.parse_quote(frame, BTC, 0),
    lambda frame: DIALECT.parse_trade(frame, BTC, 0),
    lambda frame: DIALECT.parse_candle(frame, BTC, 0),
    lambda frame: DIALECT.parse_trades(frame, BTC, 0),
    lambda frame: DIALECT.parse_bars(frame, BTC, 60_000, 0),
]


def frame(stream: str, **data: Any) -> bytes:
    return json.dumps({"stream": stream, "data": data}).encode()


def test_an_update_bears_its_numbers_and_the_time_of_sending() -> None:
    told = {"e": "depthUpdate", "E": 1_672_515_782_136, "s": "BNBBTC", "U": 157, "u": 160}
    update = DIALECT.parse_depth(frame("bnbbtc@depth", **told, b=[["0.0024", "10"]], a=[["0.0026", "0"]]), BNB)
    assert (update.first_update_id, update.last_update_id, update.ts_venue_ms) == (157, 160, 1_672_515_782_136)
    assert (update.bids, update.asks) == (((0.0024, 10.0),), ((0.0026, 0.0),))


@pytest.mark.parametrize("changes", [{"U": 161}, {"s": "ETHBTC"}, {"E": -1}, {"b": [["0", "1"]]}, {"a": None}])
def test_an_update_that_cannot_be_is_malformed(changes: dict[str, Any]) -> None:
    told = {"E": 1, "s": "BNBBTC", "U": 157, "u": 160, "b": [], "a": []}
    assert DIALECT.parse_depth(frame("bnbbtc@depth", **told), BNB)
    with pytest.raises(MalformedFrameError, match="not a depth update"):
        DIALECT.parse_depth(frame("bnbbtc@depth", **{**told, **changes}), BNB)


def test_a_quote_has_no_time_of_its_own_so_its_arrival_stands_for_it() -> None:
    told = {"u": 400_900_217, "s": "BNBBTC", "b": "25.3519", "B": "31.21", "a": "25.3652", "A": "40.66"}
    quote = DIALECT.parse_quote(frame("bnbbtc@bookTicker", **told), BNB, 77)
    assert quote is not None
    assert (quote.id, quote.venue) == ("binance-spot.BNB-BTC.quote.400900217", "binance-spot")
    assert quote.ts_venue_ns == quote.ts_received_ns == 77
    assert (quote.bid_price, quote.ask_quantity) == (25.3519, 40.66)


@pytest.mark.parametrize(("maker", "aggressor"), [(True, "sell"), (False, "buy")])
def test_a_trade_is_by_whom_did_not_wait_for_it(maker: bool, aggressor: str) -> None:
    told = {"e": "trade", "E": 9, "s": "BNBBTC", "t": 0, "p": "0.001", "q": "100", "T": 8, "m": maker, "M": True}
    (trade,) = DIALECT.parse_trade(frame("bnbbtc@trade", **told), BNB, 1)
    assert (trade.id, trade.trade_id) == ("binance-spot.BNB-BTC.trade.0", "0")
    assert (trade.price, trade.quantity, trade.aggressor, trade.ts_venue_ns) == (0.001, 100.0, aggressor, 8_000_000)


def test_spot_has_no_funding() -> None:
    assert DIALECT.parse_funding(b"{}", BNB, 0, None) is None


@given(
    garbage=some.binary(max_size=200), cut=some.integers(0, 400), at=some.integers(0, 399), byte=some.integers(0, 255)
)
def test_garbage_is_our_error_and_never_a_crash(garbage: bytes, cut: int, at: int, byte: int) -> None:
    market = SpotMarket(3, levels=30)
    refused = 0
    real = bytearray(market.depth())
    real[at % len(real)] = byte
    for candidate in (garbage, bytes(real), market.quote()[:cut], b"[" * 5_000):
        for parser in PARSERS:
            try:
                parser(candidate)
            except MalformedFrameError:
                refused += 1
    assert refused > len(PARSERS)


@needs_recording(ANSWERS)
def test_answers_over_rest_become_events_oldest_first() -> None:
    routes = json.loads(gzip.decompress(ANSWERS.read_bytes()))["routes"]
    for path in ("/api/v3/trades", "/api/v3/klines"):
        for answer in routes[path]["GET"]:
            events = listed(DIALECT, path, answer, BTC)
            assert len(events) == len(answer["data"])
            times = [event.ts_venue_ns for event in events]
            assert times == sorted(times)
    body = routes["/api/v3/depth"]["GET"][0]["data"]
    found = DIALECT.parse_snapshot(json.dumps(body).encode(), BTC)
    assert (found.update_id, found.ts_venue_ns, found.limit) == (body["lastUpdateId"], 0, 1_000)
    assert [list(level) for level in found.asks] == [[float(text) for text in level] for level in body["asks"]]
    instruments = FEED.parse_instruments([json.dumps(routes["/api/v3/exchangeInfo"]["GET"][0]["data"]).encode()])
    assert instruments
    assert all(one.min_notional > 0 for one in instruments)
