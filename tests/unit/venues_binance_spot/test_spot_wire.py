"""What is said on Binance spot's sockets and asked of its REST."""

from __future__ import annotations

import json

import pytest

from seawall_venues.binance_spot.session import FEED
from seawall_venues.instruments import unlisted
from seawall_venues.wire import QUIET, FeedOptions, Leaving, Plan, Route, Stray

BTC = unlisted("binance-spot", "BTCUSDT", "BTC-USDT")
ETH = unlisted("binance-spot", "ETHBTC", "ETH-BTC")
OPTIONS = FeedOptions()
URL = "wss://stream.binance.com:9443"


def on(stream: str) -> bytes:
    return b'{"stream":"%b","data":{}}' % stream.encode()


def test_one_path_carries_every_stream() -> None:
    (plan,) = FEED.plans(URL, [BTC, ETH], OPTIONS)
    assert plan.url == (
        "wss://stream.binance.com:9443/stream?streams=btcusdt@depth@100ms/btcusdt@bookTicker/btcusdt@trade"
        "/btcusdt@kline_1m/ethbtc@depth@100ms/ethbtc@bookTicker/ethbtc@trade/ethbtc@kline_1m"
    )
    assert plan.channels == ("depth", "quote", "trade", "candle")


@pytest.mark.parametrize(("every_ms", "stream"), [(0, "depth@100ms"), (999, "depth@100ms"), (1_000, "depth")])
def test_depth_comes_no_slower_than_asked_for(every_ms: int, stream: str) -> None:
    (plan,) = FEED.plans(URL, [BTC], FeedOptions(depth_every_ms=every_ms))
    assert f"btcusdt@{stream}/" in plan.url


def test_candles_of_a_second_are_offered_and_those_of_ten_are_not() -> None:
    (plan,) = FEED.plans(URL, [BTC], FeedOptions(candle_interval_ms=1_000))
    assert plan.url.endswith("btcusdt@kline_1s")
    assert FEED.wire(plan, FeedOptions(candle_interval_ms=1_000)).take(on("btcusdt@kline_1s"))
    (plan,) = FEED.plans(URL, [BTC], FeedOptions(candle_interval_ms=10_000))
    assert plan.channels == ("depth", "quote", "trade")


def test_frames_are_told_apart_and_a_shutdown_is_heard() -> None:
    (plan,) = FEED.plans(URL, [BTC], OPTIONS)
    wire = FEED.wire(plan, OPTIONS)
    assert wire.opening() == ()
    assert wire.take(on("btcusdt@depth@100ms")) == (Route("BTC-USDT", "depth"),)
    assert wire.take(on("btcusdt@bookTicker")) == (Route("BTC-USDT", "quote"),)
    assert wire.take(on("ethbtc@trade")) == Stray("ETHBTC")
    assert wire.take(on("btcusdt@avgPrice")) == QUIET
    assert wire.take(b'{"result":null,"id":1}') == QUIET
    assert isinstance(wire.take(on("!serverShutdown")), Leaving)


def test_a_replay_learns_its_symbols_from_the_frames() -> None:
    wire = FEED.wire(Plan("", (), ()), OPTIONS)
    assert wire.take(on("ethbtc@aggTrade")) == Stray("ETHBTC")
    wire.add(ETH)
    assert wire.take(on("ethbtc@aggTrade")) == (Route("ETH-BTC", "trade"),)


@pytest.mark.parametrize(
    ("address", "is_ours"),
    [
        ("wss://stream.binance.com:9443/stream?streams=nknusdt@depth@100ms", True),
        ("wss://stream.binance.us:9443/stream?streams=crvusdt@depth@100ms", True),
        ("wss://data-stream.binance.vision/stream", True),
        ("wss://fstream.binance.com/stream", False),
        ("", False),
    ],
)
def test_a_recorded_address_is_ours_or_not(address: str, is_ours: bool) -> None:
    assert FEED.speaks(address) is is_ours


def test_requests_ask_for_what_the_venue_has_and_cost_what_it_says() -> None:
    assert FEED.snapshot_request(BTC) == ("/api/v3/depth", {"symbol": "BTCUSDT", "limit": "1000"}, 50)
    assert FEED.trades_request(BTC) == ("/api/v3/trades", {"symbol": "BTCUSDT", "limit": "1000"}, 25)
    assert FEED.listing == (("/api/v3/exchangeInfo", {}, 20),)
    assert FEED.is_listing("https://api.binance.us/api/v3/exchangeInfo?permissions=SPOT")
    path, params, cost = FEED.bars_request(BTC, 1_000, 0, 5_000_000_000_000)
    assert (path, cost) == ("/api/v3/klines", 2)
    assert params == {
        "symbol": "BTCUSDT",
        "interval": "1s",
        "startTime": "4000000",
        "endTime": "4999999",
        "limit": "1000",
    }


def test_the_limit_is_read_from_the_listing() -> None:
    budget = FEED.new_budget()
    rows = [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
        {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61000},
    ]
    assert budget.take(4_800, 0) != ""
    budget.learn(json.dumps({"rateLimits": rows, "symbols": []}).encode())
    assert budget.take(4_800, 0) == ""
    assert budget.take(1, 0) != ""
