"""What is said on Kraken's spot sockets, and whom each frame concerns."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from seawall_venues.instruments import unlisted
from seawall_venues.kraken.session import FEED
from seawall_venues.kraken.v1 import V1_FEED
from seawall_venues.wire import QUIET, Broken, FeedOptions, Plan, Refused, Route, Stray, Wire
from tests.unit.venues_kraken.kraken_tape import BTC, OLD_BTC, OPTIONS, MadeMarket

ETH = unlisted("kraken", "ETH/USD", "ETH-USD")
URL = "wss://ws.kraken.com"


def wire(*channels: Any) -> Wire:
    return FEED.wire(Plan(URL, (BTC, ETH), channels), OPTIONS)


def said(messages: Any) -> list[dict[str, Any]]:
    return [json.loads(message) for message in messages]


def frame(channel: str, *symbols: str) -> bytes:
    data = ",".join(f'{{"symbol":"{symbol}","side":"buy"}}' for symbol in symbols)
    return f'{{"channel":"{channel}","type":"update","data":[{data}]}}'.encode()


def test_a_plan_carries_every_channel_of_a_hundred_pairs() -> None:
    pairs = tuple(unlisted("kraken", f"P{number}/USD") for number in range(250))
    first, second, third = FEED.plans("wss://ws.kraken.com/", pairs, OPTIONS)
    assert {first.url, second.url, third.url} == {"wss://ws.kraken.com/v2"}
    assert (*first.instruments, *second.instruments, *third.instruments) == pairs
    assert first.channels == ("depth", "quote", "trade", "candle")
    assert len(third.instruments) == 50


def test_candles_of_an_interval_that_the_stream_has_not_are_not_asked_for() -> None:
    (plan,) = FEED.plans(URL, (BTC,), FeedOptions(candle_interval_ms=180_000))
    assert plan.channels == ("depth", "quote", "trade")


@pytest.mark.parametrize("minutes", [1, 5, 15, 30, 60, 240, 1_440, 10_080, 21_600])
def test_every_candle_of_the_reads_is_on_the_stream_too(minutes: int) -> None:
    interval_ms = minutes * 60_000
    assert interval_ms in FEED.dialect.bar_intervals_ms
    assert len(FEED.dialect.bar_intervals_ms) == 9
    assert FEED.bars_request(BTC, interval_ms, 0, 10**18).params["interval"] == str(minutes)
    options = FeedOptions(candle_interval_ms=interval_ms)
    (plan,) = FEED.plans(URL, (BTC,), options)
    (asked,) = (message for message in said(FEED.wire(plan, options).opening()) if "interval" in message["params"])
    assert asked["params"]["interval"] == minutes


def test_the_opening_subscribes_to_each_channel_in_the_venues_words() -> None:
    (plan,) = FEED.plans(URL, (BTC, ETH), FeedOptions(candle_interval_ms=300_000))
    opening = said(FEED.wire(plan, FeedOptions(candle_interval_ms=300_000)).opening())
    pairs = ["BTC/USD", "ETH/USD"]
    assert [message["params"] for message in opening] == [
        {"channel": "book", "symbol": pairs, "depth": 10},
        {"channel": "ticker", "symbol": pairs, "event_trigger": "bbo"},
        {"channel": "trade", "symbol": pairs},
        {"channel": "ohlc", "symbol": pairs, "interval": 5},
    ]
    assert {message["method"] for message in opening} == {"subscribe"}
    assert len({message["req_id"] for message in opening}) == 4


def test_long_lists_are_said_in_several_messages() -> None:
    pairs = tuple(unlisted("kraken", f"P{number}/USD") for number in range(100))
    opening = said(FEED.wire(Plan(URL, pairs, ("depth",)), OPTIONS).opening())
    assert [len(message["params"]["symbol"]) for message in opening] == [50, 50]


def test_renewing_ends_one_subscription_and_begins_it_anew() -> None:
    ended, begun = said(wire("depth").renewing(Route("ETH-USD", "depth")))
    assert (ended["method"], begun["method"]) == ("unsubscribe", "subscribe")
    assert ended["params"] == begun["params"] == {"channel": "book", "symbol": ["ETH/USD"], "depth": 10}
    assert wire("depth").renewing(Route("XRP-USD", "depth")) == ()


@pytest.mark.parametrize(
    ("name", "channel"), [("book", "depth"), ("ticker", "quote"), ("trade", "trade"), ("ohlc", "candle")]
)
def test_a_frame_concerns_the_pair_that_it_names(name: str, channel: Any) -> None:
    for plan_channels in ((), (channel,)):
        told = wire(*plan_channels)
        tight = frame(name, "ETH/USD")
        assert told.take(tight) == (Route("ETH-USD", channel),)
        assert told.take(msgspec.json.format(tight, indent=2)) == (Route("ETH-USD", channel),)


def test_a_frame_with_a_time_before_its_data_is_found_too() -> None:
    ohlc = (
        b'{"channel":"ohlc","type":"update","timestamp":"2026-09-25T17:48:26.844359566Z","data":[{"symbol":"BTC/USD"}]}'
    )
    assert wire().take(ohlc) == (Route("BTC-USD", "candle"),)


def test_a_frame_of_many_trades_of_one_pair_concerns_it_once() -> None:
    assert wire().take(frame("trade", *["BTC/USD"] * 50)) == (Route("BTC-USD", "trade"),)


def test_a_frame_about_several_pairs_concerns_each() -> None:
    routes = (Route("BTC-USD", "trade"), Route("ETH-USD", "trade"))
    assert wire().take(frame("trade", "BTC/USD", "ETH/USD", "BTC/USD", "XRP/USD")) == routes


def test_a_pair_that_was_not_planned_is_told_and_routed_once_it_is_added() -> None:
    told = wire()
    assert told.take(frame("book", "SOL/USD")) == Stray("SOL/USD")
    told.add(unlisted("kraken", "SOL/USD", "SOL-USD"))
    assert told.take(frame("book", "SOL/USD")) == (Route("SOL-USD", "depth"),)


def test_channels_that_were_not_planned_are_quiet() -> None:
    assert wire("depth").take(frame("trade", "BTC/USD")) == QUIET


@pytest.mark.parametrize(
    "quiet",
    [
        b'{"channel":"heartbeat"}',
        b'{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","connection_id":1}]}',
        b'{"channel":"instrument","type":"snapshot","data":{"assets":[],"pairs":[]}}',
        b'{"channel":"trade","type":"snapshot","data":[]}',
        b'{"method":"pong","time_in":"2026-09-25T17:48:24.745996Z","time_out":"2026-09-25T17:48:24.746032Z"}',
        b'{"method":"subscribe","result":{"channel":"trade","symbol":"BTC/USD"},"success":true,"req_id":1}',
        b'{"method":"unsubscribe","error":"Subscription Not Found","success":false,"symbol":"BTC/USD"}',
        b'{"method":"subscribe","error":"Currency pair not supported XRP/USD","success":false,"symbol":"XRP/USD"}',
    ],
)
def test_what_tells_nothing_of_our_markets_is_quiet(quiet: bytes) -> None:
    assert wire().take(quiet) == QUIET


def refusal(error: str, **more: Any) -> bytes:
    return json.dumps({"error": error, "method": "subscribe", "success": False, **more}).encode()


def test_a_refused_pair_is_told_with_the_channel_that_was_asked_for() -> None:
    told = wire("depth", "trade")
    trades = said(told.opening())[1]["req_id"]
    sentence = "Currency pair not supported ETH/USD"
    refused = told.take(refusal(sentence, symbol="ETH/USD", req_id=trades))
    assert refused == Refused((Route("ETH-USD", "trade"),), "subscribe", sentence, is_final=True)
    unnumbered = told.take(refusal(sentence, symbol="ETH/USD"))
    assert isinstance(unnumbered, Refused)
    assert unnumbered.routes == (Route("ETH-USD", "depth"), Route("ETH-USD", "trade"))


def test_a_refusal_for_want_of_patience_is_not_final() -> None:
    told = wire("depth")
    (message,) = said(told.renewing(Route("BTC-USD", "depth"))[1:])
    refused = told.take(refusal("Already subscribed", req_id=message["req_id"]))
    assert refused == Refused((Route("BTC-USD", "depth"),), "subscribe", "Already subscribed", is_final=False)
    assert told.take(b'{"error":"Exceeded msg rate"}') == Refused((), "error", "Exceeded msg rate", is_final=False)


@pytest.mark.parametrize(
    "lost", [b"", b"null", b"[]", b"{}", b'{"channel":"book"', b'{"channel":"boook"}', b'"\\ud800"']
)
def test_a_frame_that_cannot_be_told_is_a_loss(lost: bytes) -> None:
    assert isinstance(wire().take(lost), Broken)


def test_memory_of_requests_is_bounded() -> None:
    told = wire("depth")
    for _ in range(2_000):
        told.renewing(Route("BTC-USD", "depth"))
    assert len(told._asked) <= 1_024  # type: ignore[attr-defined]


@given(some.one_of(some.binary(max_size=200), some.text(max_size=100).map(str.encode)))
def test_garbage_never_crashes_a_wire(garbage: bytes) -> None:
    for told in (wire(), old_wire()):
        told.take(garbage)


@given(
    some.sampled_from(
        [MadeMarket(1).snapshot(), frame("trade", "BTC/USD"), refusal("x", symbol="BTC/USD"), b"[1,2,3,4]"]
    ),
    some.data(),
)
def test_altered_frames_never_crash_a_wire(seed: bytes, data: some.DataObject) -> None:
    at = data.draw(some.integers(0, len(seed)))
    altered = seed[:at] + data.draw(some.binary(max_size=4)) + seed[at + data.draw(some.integers(0, 4)) :]
    for told in (wire(), old_wire()):
        told.take(altered)


def old_wire() -> Wire:
    return V1_FEED.wire(Plan("", (OLD_BTC,), ()), OPTIONS)


@pytest.mark.parametrize(
    ("old", "channel"),
    [
        (b'[336,{"b":[["1.0","1.0","9.0"]],"c":"1"},"book-10","XBT/USD"]', "depth"),
        (b'[336,{"a":["1.0",1,"1.0"]},"ticker","XBT/USD"]', "quote"),
        (b'[336,[["1.0","1.0","9.0","s","l",""]],"trade","XBT/USD"]', "trade"),
    ],
)
def test_an_old_frame_names_its_pair_at_the_end(old: bytes, channel: Any) -> None:
    routes = (Route("BTC-USD", channel),)
    assert old_wire().take(old) == routes
    assert old_wire().take(msgspec.json.format(old, indent=4)) == routes
    assert old_wire().take(old.replace(b"XBT", b"ETH")) == Stray("ETH/USD")


def test_old_events_are_quiet_unless_they_refuse() -> None:
    told = old_wire()
    assert told.take(b'{ "event": "heartbeat" }') == QUIET
    assert told.take(b'[1,["1","2"],"spread","XBT/USD"]') == QUIET
    refused = b'{"event":"subscriptionStatus","status":"error","pair":"XBT/USD","errorMessage":"no"}'
    assert isinstance(told.take(refused), Refused)
    for lost in (b"", b"[1,2]", b"{}", b'[1,{"a":'):
        assert isinstance(told.take(lost), Broken)
    assert (*told.opening(), *told.renewing(Route("BTC-USD", "depth"))) == ()
    assert V1_FEED.plans(URL, (OLD_BTC,), OPTIONS) == ()


@pytest.mark.parametrize(
    ("address", "is_new", "is_old"),
    [
        ("wss://ws.kraken.com/v2", True, False),
        ("wss://beta-ws.kraken.com/v2/", True, False),
        ("wss://ws.kraken.com", False, True),
        ("wss://ws.kraken.com/", False, True),
        ("wss://futures.kraken.com/ws/v1", False, False),
        ("", False, False),
    ],
)
def test_the_address_tells_the_protocol(address: str, is_new: bool, is_old: bool) -> None:
    assert (FEED.speaks(address), V1_FEED.speaks(address)) == (is_new, is_old)
    assert FEED.venue == V1_FEED.venue == "kraken"


def test_reads_name_the_pair_as_rest_does() -> None:
    assert FEED.snapshot_request(BTC)[:2] == ("/0/public/Depth", {"pair": "XBTUSD", "count": "500"})
    assert FEED.trades_request(ETH)[:2] == ("/0/public/Trades", {"pair": "ETHUSD", "count": "1000"})
    bars = FEED.bars_request(OLD_BTC, 60_000, 120_000_000_000, 240_000_000_000)
    assert bars[:2] == ("/0/public/OHLC", {"pair": "XBTUSD", "interval": "1", "since": "119"})


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, b'{"error":[],"result":{}}', ""),
        (200, b'{ "error": [ ], "result": {} }', ""),
        (200, b'{"error":["EAPI:Rate limit exceeded"]}', "EAPI:Rate limit exceeded"),
        (200, b'{"error":["EGeneral:Too many requests"]}', "EGeneral:Too many requests"),
        (200, b"<html>", "unreadable"),
        (520, b"<html>", "http-520"),
        (503, b'{"error":[]}', "http-503"),
        (429, b'{"error":["EService:Unavailable"]}', "EService:Unavailable"),
    ],
)
def test_a_refusal_may_come_with_http_200(status: int, body: bytes, code: str) -> None:
    assert FEED.refusal(status, body) == code


@pytest.mark.parametrize("code", ["EAPI:Rate limit exceeded", "EGeneral:Too many requests"])
def test_the_budget_holds_back_after_a_throttle(code: str) -> None:
    budget = FEED.new_budget()
    assert budget.take(1, 0) == ""
    budget.deny(200, code, 0, 1)
    assert budget.take(1, 5_000_000_000)
    assert budget.take(1, 11_000_000_000) == ""


def test_the_budget_is_below_one_read_a_second() -> None:
    budget = FEED.new_budget()
    assert [bool(budget.take(1, 0)) for _ in range(9)] == [False] * 8 + [True]


def test_the_list_of_pairs_is_known_by_its_address() -> None:
    assert FEED.is_listing("https://api.kraken.com/0/public/AssetPairs")
    assert not FEED.is_listing("https://api.kraken.com/0/public/Assets")
    assert FEED.listing[0].path == "/0/public/AssetPairs"
