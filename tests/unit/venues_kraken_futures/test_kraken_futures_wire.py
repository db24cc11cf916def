"""What is said on Kraken futures' sockets, whom each frame concerns, and what the list of contracts says."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from seawall_venues.feed import Channel
from seawall_venues.instruments import unlisted
from seawall_venues.kraken_futures.session import FEED
from seawall_venues.port import VenueError
from seawall_venues.wire import QUIET, Broken, FeedOptions, Plan, Refused, Route, Stray, Wire
from tests.unit.venues_kraken_futures.kraken_futures_tape import INVERSE, LINEAR, OPTIONS, made_run

URL = "wss://futures.kraken.com/ws/v1"
ALL: tuple[Channel, ...] = ("depth", "quote", "trade", "funding")


def wire(*channels: Any) -> Wire:
    return FEED.wire(Plan(URL, (LINEAR, INVERSE), channels), OPTIONS)


def said(messages: Any) -> list[dict[str, Any]]:
    return [json.loads(message) for message in messages]


def test_a_plan_carries_fifty_contracts() -> None:
    contracts = tuple(unlisted("kraken-futures", f"PF_{number}USD") for number in range(60))
    first, second = FEED.plans(URL, contracts, OPTIONS)
    assert first.url == second.url == URL
    assert FEED.speaks(first.url)
    assert first.channels == ALL
    assert (len(first.instruments), len(second.instruments)) == (50, 10)


def test_quote_and_funding_come_by_one_subscription() -> None:
    assert said(wire(*ALL).opening()) == [
        {"event": "subscribe", "feed": feed, "product_ids": ["PF_XBTUSD", "PI_XBTUSD"]}
        for feed in ("book", "ticker", "trade")
    ]


def test_renewing_ends_one_subscription_and_begins_it_anew() -> None:
    assert said(wire(*ALL).renewing(Route("BTC-USD-PERP", "depth"))) == [
        {"event": event, "feed": "book", "product_ids": ["PF_XBTUSD"]} for event in ("unsubscribe", "subscribe")
    ]
    assert wire().renewing(Route("ETH-USD-PERP", "depth")) == ()


@pytest.mark.parametrize(
    ("frame", "channels"),
    [
        ('{"feed":"book","product_id":"PF_XBTUSD","side":"sell","seq":1}', ("depth",)),
        ('{"feed":"book_snapshot","product_id":"PF_XBTUSD","timestamp":1,"seq":1}', ("depth",)),
        ('{"product_id":"PF_XBTUSD","feed":"trade","uid":"a"}', ("trade",)),
        ('{"feed":"trade_snapshot","product_id":"PF_XBTUSD","trades":[{"product_id":"PF_XBTUSD"}]}', ("trade",)),
        ('{"time":1,"product_id":"PF_XBTUSD","funding_rate":0.1,"feed":"ticker","bid":1.0}', ("quote", "funding")),
        ('{"premium":0.0,"product_id":"PF_XBTUSD","feed":"ticker_lite","bid":1.0}', ("quote",)),
    ],
)
def test_a_frame_concerns_the_contract_that_it_names(frame: str, channels: tuple[Any, ...]) -> None:
    routes = tuple(Route("BTC-USD-PERP", channel) for channel in channels)
    for told in (wire(), wire(*ALL)):
        assert told.take(frame.encode()) == routes
        assert told.take(msgspec.json.format(frame.encode(), indent=2)) == routes
    assert wire("funding").take(frame.encode()) == tuple(route for route in routes if route.channel == "funding")


def test_a_contract_that_was_not_planned_is_told_and_routed_once_it_is_added() -> None:
    told, frame = wire(), b'{"feed":"book","product_id":"PF_ETHUSD","side":"sell","seq":1}'
    assert told.take(frame) == Stray("PF_ETHUSD")
    told.add(unlisted("kraken-futures", "PF_ETHUSD", "ETH-USD-PERP"))
    assert told.take(frame) == (Route("ETH-USD-PERP", "depth"),)


@pytest.mark.parametrize(
    "quiet",
    [
        b'{"event":"info","version":1}',
        b'{"event":"subscribed","feed":"book","product_ids":["PF_XBTUSD"]}',
        b'{"event":"unsubscribed","feed":"book","product_ids":["PF_XBTUSD"]}',
        b'{"event":"unsubscribed_failed","feed":"book","product_ids":["PF_XBTUSD"]}',
        b'{"event":"alert","message":"Already subscribed to feed, re-requesting"}',
        b'{"event":"alert","message":"Couldn\'t subscribe to invalid product `PF_OTHERUSD`"}',
        b'{"feed":"heartbeat","time":1534262350627}',
    ],
)
def test_what_tells_nothing_of_our_markets_is_quiet(quiet: bytes) -> None:
    assert wire(*ALL).take(quiet) == QUIET


def test_a_refused_product_is_final_for_all_its_channels() -> None:
    sentence = "Couldn't subscribe to invalid product `PF_XBTUSD`"
    refused = wire(*ALL).take(json.dumps({"event": "alert", "message": sentence}).encode())
    routes = tuple(Route("BTC-USD-PERP", channel) for channel in ALL)
    assert refused == Refused(routes, "alert", sentence, is_final=True)


def test_a_failed_subscription_is_told_by_its_feed() -> None:
    frame = b'{"event":"subscribed_failed","feed":"ticker","product_ids":["PI_XBTUSD"]}'
    routes = (Route("BTC-USD-INVERSE-PERP", "quote"), Route("BTC-USD-INVERSE-PERP", "funding"))
    assert wire(*ALL).take(frame) == Refused(routes, "subscribed_failed", "ticker", is_final=False)


@pytest.mark.parametrize(
    "sentence", ["Bad request", "Trading engine unavailable", "Couldn't subscribe to invalid feed"]
)
def test_an_alert_without_a_product_is_a_refusal_of_we_know_not_what(sentence: str) -> None:
    frame = json.dumps({"event": "alert", "message": sentence}).encode()
    assert wire(*ALL).take(frame) == Refused((), "alert", sentence, is_final=False)


@pytest.mark.parametrize("lost", [b"", b"null", b"[]", b"{}", b'{"feed":"book"}', b'{"feed":"book","product_id":"'])
def test_a_frame_that_cannot_be_told_is_a_loss(lost: bytes) -> None:
    assert isinstance(wire().take(lost), Broken)


@given(some.one_of(some.binary(max_size=200), some.text(max_size=100).map(str.encode)))
def test_garbage_never_crashes_a_wire(garbage: bytes) -> None:
    wire().take(garbage)


@given(some.sampled_from([made_run().frames[1], b'{"event":"alert","message":"`PF_XBTUSD`"}']), some.data())
def test_altered_frames_never_crash_a_wire(seed: bytes, data: some.DataObject) -> None:
    at = data.draw(some.integers(0, len(seed)))
    wire().take(seed[:at] + data.draw(some.binary(max_size=4)) + seed[at + data.draw(some.integers(0, 4)) :])


def test_addresses_and_reads_are_the_venues() -> None:
    assert FEED.speaks("wss://futures.kraken.com/ws/v1")
    assert not FEED.speaks("wss://ws.kraken.com/v2")
    assert FEED.is_listing("https://futures.kraken.com/derivatives/api/v3/instruments")
    assert not FEED.is_listing("https://futures.kraken.com/derivatives/api/v3/instruments/status")
    assert FEED.snapshot_request(LINEAR)[:2] == ("/derivatives/api/v3/orderbook", {"symbol": "PF_XBTUSD"})
    assert FEED.trades_request(LINEAR)[:2] == ("/derivatives/api/v3/history", {"symbol": "PF_XBTUSD"})
    bars = FEED.bars_request(LINEAR, 60_000, 120_000_000_000, 240_000_000_000)
    assert bars[:2] == ("/api/charts/v1/trade/PF_XBTUSD/1m", {"from": "120", "to": "239"})
    long_ago = FEED.bars_request(LINEAR, 60_000, 0, 600_000_000_000_000)
    assert long_ago.params == {"from": "540000", "to": "599999"}


def test_the_charts_have_every_resolution_and_the_sockets_no_candles() -> None:
    resolutions = {
        FEED.bars_request(LINEAR, interval_ms, 0, 10**18).path.rpartition("/")[2]: interval_ms // 60_000
        for interval_ms in FEED.dialect.bar_intervals_ms
    }
    assert resolutions == {
        "1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "12h": 720, "1d": 1_440, "1w": 10_080,
    }  # fmt: skip
    for interval_ms in FEED.dialect.bar_intervals_ms:
        (plan,) = FEED.plans(URL, (LINEAR,), FeedOptions(candle_interval_ms=interval_ms))
        assert "candle" not in plan.channels


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, b'{"result":"success","history":[]}', ""),
        (200, b'{ "result": "success" }', ""),
        (200, b'{"candles":[],"more_candles":false}', ""),
        (200, b'{"result":"error","error":"apiLimitExceeded"}', "apiLimitExceeded"),
        (400, b'{"result":"error","errors":[{"code":11,"message":"Argument invalid"}]}', "Argument invalid"),
        (400, b"Invalid resolution", "http-400"),
        (200, b"<html>", "unreadable"),
        (503, b'{"result":"success"}', "http-503"),
        (200, b'{"result":"error"}', "http-200"),
    ],
)
def test_a_refusal_may_come_with_http_200(status: int, body: bytes, code: str) -> None:
    assert FEED.refusal(status, body) == code


def test_the_budget_holds_back_after_a_throttle() -> None:
    budget = FEED.new_budget()
    assert budget.take(1, 0) == ""
    budget.deny(200, "apiLimitExceeded", 0, 1)
    assert budget.take(1, 5_000_000_000)
    assert budget.take(1, 11_000_000_000) == ""


LINEAR_LISTED = {
    "symbol": "PF_XBTUSD",
    "type": "flexible_futures",
    "tickSize": 1,
    "contractSize": 1,
    "tradeable": True,
    "contractValueTradePrecision": 4,
    "base": "BTC",
    "quote": "USD",
}
INVERSE_LISTED = {**LINEAR_LISTED, "symbol": "PI_XBTUSD", "type": "futures_inverse", "contractValueTradePrecision": 0}


def listing(*contracts: Any) -> bytes:
    return json.dumps({"result": "success", "instruments": contracts}).encode()


def test_linear_and_inverse_contracts_on_one_pair_have_two_names() -> None:
    dated = {**LINEAR_LISTED, "symbol": "FF_XBTUSD_261225"}, {**INVERSE_LISTED, "symbol": "FI_XBTUSD_261225"}
    listed = FEED.parse_instruments([listing(LINEAR_LISTED, INVERSE_LISTED, *dated)])
    assert [(each.symbol, each.is_inverse, each.settle) for each in listed] == [
        ("BTC-USD-PERP", False, "USD"),
        ("BTC-USD-INVERSE-PERP", True, "BTC"),
        ("BTC-USD-261225", False, "USD"),
        ("BTC-USD-INVERSE-261225", True, "BTC"),
    ]


def test_rules_are_those_of_the_list() -> None:
    pepe = {
        **LINEAR_LISTED,
        "symbol": "PF_PEPEUSD",
        "tickSize": 1e-10,
        "contractValueTradePrecision": -3,
        "base": "PEPE",
    }
    bitcoin, frog = FEED.parse_instruments([listing(LINEAR_LISTED, pepe)])
    assert (bitcoin.venue, bitcoin.base, bitcoin.quote, bitcoin.tick_size) == (
        "kraken-futures",
        "BTC",
        "USD",
        Decimal(1),
    )
    assert bitcoin.lot_size == bitcoin.min_quantity == Decimal("0.0001")
    assert (frog.symbol, frog.tick_size, frog.lot_size) == ("PEPE-USD-PERP", Decimal("1E-10"), Decimal(1_000))


def test_old_lists_in_lower_case_and_without_assets_are_read() -> None:
    old = {key: value for key, value in INVERSE_LISTED.items() if key not in {"base", "quote"}}
    bitcoin, dogecoin = FEED.parse_instruments(
        [listing({**old, "symbol": "fi_xbtusd_210924"}, {**LINEAR_LISTED, "symbol": "PF_XDGUSD", "base": "XDG"})]
    )
    assert (bitcoin.symbol, bitcoin.venue_symbol) == ("BTC-USD-INVERSE-210924", "FI_XBTUSD_210924")
    assert dogecoin.symbol == "DOGE-USD-PERP"


def test_what_cannot_be_traded_or_read_is_left_out() -> None:
    odd = [
        {"symbol": "in_xbtusd", "type": "spot index", "tradeable": False},
        {**LINEAR_LISTED, "tradeable": False},
        {**LINEAR_LISTED, "tickSize": 0},
        {**LINEAR_LISTED, "contractSize": -1},
        {**LINEAR_LISTED, "contractValueTradePrecision": 99},
        {**LINEAR_LISTED, "symbol": "PF_XBTEUR"},
        {**LINEAR_LISTED, "base": "B T C"},
        {**LINEAR_LISTED, "type": "options"},
        5,
    ]
    assert [each.symbol for each in FEED.parse_instruments([listing(*odd, LINEAR_LISTED)])] == ["BTC-USD-PERP"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"result":"error","error":"apiLimitExceeded"}'])
def test_what_is_no_list_is_an_error(body: bytes) -> None:
    with pytest.raises(VenueError):
        FEED.parse_instruments([body])
