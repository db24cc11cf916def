"""What is said on Binance's sockets and asked of USD-M's REST: streams, frames told apart, requests."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from seawall_venues.binance.errors import refusal
from seawall_venues.binance.session import FEED, STREAMS_PER_CONNECTION, StreamWire
from seawall_venues.instruments import unlisted
from seawall_venues.port import Instrument
from seawall_venues.wire import QUIET, Broken, FeedOptions, Leaving, Plan, Refused, Route, Stray, Wire
from tests.worlds.feed_frames import GeneratedMarket

BTC = unlisted("binance-usdm", "BTCUSDT", "BTC-USDT-PERP")
ETH = unlisted("binance-usdm", "ETHUSDT", "ETH-USDT-PERP")
DATED = unlisted("binance-usdm", "BTCUSDT_260925", "BTC-USDT-260925")
OPTIONS = FeedOptions()
URL = "wss://fstream.binance.com/"


def live_wires(*instruments: Instrument) -> tuple[Wire, Wire]:
    public, market = FEED.plans(URL, instruments, OPTIONS)
    return FEED.wire(public, OPTIONS), FEED.wire(market, OPTIONS)


def replay_wire(*instruments: Instrument) -> Wire:
    wire = FEED.wire(Plan("", (), ()), OPTIONS)
    for instrument in instruments:
        wire.add(instrument)
    return wire


def on(stream: str) -> bytes:
    return b'{"stream":"%b","data":{}}' % stream.encode()


def test_every_stream_is_asked_for_where_the_venue_serves_it() -> None:
    public, market = FEED.plans(URL, [BTC, ETH], OPTIONS)
    assert public.url == (
        "wss://fstream.binance.com/public/stream?streams=btcusdt@depth@100ms/btcusdt@bookTicker/btcusdt@trade"
        "/ethusdt@depth@100ms/ethusdt@bookTicker/ethusdt@trade"
    )
    assert market.url == (
        "wss://fstream.binance.com/market/stream?streams=btcusdt@markPrice@1s/btcusdt@kline_1m"
        "/ethusdt@markPrice@1s/ethusdt@kline_1m"
    )
    assert public.channels == ("depth", "quote", "trade")
    assert market.channels == ("funding", "candle")
    assert public.instruments == market.instruments == (BTC, ETH)


def test_a_dated_contract_has_no_funding_stream() -> None:
    _, market = FEED.plans(URL, [DATED], OPTIONS)
    assert market.url.endswith("/market/stream?streams=btcusdt_260925@kline_1m")


@pytest.mark.parametrize(
    ("every_ms", "stream"),
    [(0, "depth@0ms"), (50, "depth@0ms"), (100, "depth@100ms"), (250, "depth"), (499, "depth"), (9_000, "depth@500ms")],
)
def test_depth_comes_no_slower_than_asked_for(every_ms: int, stream: str) -> None:
    public, _ = FEED.plans(URL, [BTC], FeedOptions(depth_every_ms=every_ms))
    assert public.url.partition("streams=")[2].split("/")[0] == f"btcusdt@{stream}"


def test_candles_that_the_venue_does_not_make_are_not_asked_for() -> None:
    _, market = FEED.plans(URL, [BTC], FeedOptions(candle_interval_ms=10_000))
    assert market.channels == ("funding",)
    assert "kline" not in market.url
    assert len(FEED.plans(URL, [DATED], FeedOptions(candle_interval_ms=10_000))) == 1


def test_many_symbols_are_spread_over_connections_that_the_venue_takes() -> None:
    many = [unlisted("binance-usdm", f"A{number}USDT", f"A{number}-USDT-PERP") for number in range(200)]
    plans = FEED.plans(URL, many, OPTIONS)
    carried = [(one.symbol, channel) for plan in plans for one in plan.instruments for channel in plan.channels]
    assert len(carried) == len(set(carried)) == 200 * 5
    for plan in plans:
        assert len(plan.instruments) * len(plan.channels) <= STREAMS_PER_CONNECTION
        assert len(plan.url) < 8_000


def test_a_frame_is_told_by_the_stream_it_names() -> None:
    public, market = live_wires(BTC, ETH)
    assert public.take(on("ethusdt@depth@100ms")) == (Route("ETH-USDT-PERP", "depth"),)
    assert public.take(on("btcusdt@bookTicker")) == (Route("BTC-USDT-PERP", "quote"),)
    assert public.take(b'{ "data" : {}, "stream" : "btcusdt@trade" }') == (Route("BTC-USDT-PERP", "trade"),)
    assert market.take(on("btcusdt@markPrice@1s")) == (Route("BTC-USDT-PERP", "funding"),)
    assert market.take(on("btcusdt@kline_1m")) == (Route("BTC-USDT-PERP", "candle"),)


@pytest.mark.parametrize("kind", ["depth20", "depth5@100ms", "ticker", "forceOrder", "kline_1x", "depth@1ms", ""])
def test_streams_that_are_none_of_ours_are_quiet(kind: str) -> None:
    assert replay_wire(BTC).take(on(f"btcusdt@{kind}")) == QUIET


def test_a_channel_that_the_plan_does_not_carry_is_quiet() -> None:
    public, market = live_wires(BTC)
    assert public.take(on("btcusdt@markPrice@1s")) == QUIET
    assert market.take(on("btcusdt@depth@100ms")) == QUIET


@pytest.mark.parametrize(
    ("stream", "channel"),
    [
        ("depth", "depth"),
        ("depth@0ms", "depth"),
        ("depth@500ms", "depth"),
        ("aggTrade", "trade"),
        ("markPrice", "funding"),
        ("kline_5m", "candle"),
    ],
)
def test_a_replay_takes_what_a_recording_was_subscribed_to(stream: str, channel: str) -> None:
    wire = replay_wire()
    assert wire.take(on(f"btcusdt@{stream}")) == Stray("BTCUSDT")
    wire.add(BTC)
    for _ in range(2):
        assert wire.take(on(f"btcusdt@{stream}")) == (Route("BTC-USDT-PERP", channel),)


@pytest.mark.parametrize(("first", "second"), [("trade", "aggTrade"), ("aggTrade", "trade")])
def test_trades_are_never_heard_twice_from_two_streams(first: str, second: str) -> None:
    wire = replay_wire(BTC, ETH)
    assert wire.take(on(f"btcusdt@{first}"))
    for _ in range(2):
        assert wire.take(on(f"btcusdt@{second}")) == QUIET
        assert wire.take(on(f"btcusdt@{first}")) == (Route("BTC-USDT-PERP", "trade"),)
    assert wire.take(on(f"ethusdt@{second}")) == (Route("ETH-USDT-PERP", "trade"),)
    assert live_wires(BTC)[0].take(on("btcusdt@aggTrade")) == QUIET


@pytest.mark.parametrize("frame", [on("!serverShutdown"), b'{"e":"serverShutdown","E":1770123456789}'])
def test_a_server_that_is_about_to_go_says_so(frame: bytes) -> None:
    assert isinstance(live_wires(BTC)[0].take(frame), Leaving)


@pytest.mark.parametrize(
    "frame", [b"", b"[]", b"\xff\xfe", b'{"stream":7}', b"{}", b'{"data":{}}', b'{"strEam":"btcusdt@trade","data":{}}']
)
def test_what_cannot_be_attributed_may_have_been_anything(frame: bytes) -> None:
    assert isinstance(live_wires(BTC)[0].take(frame), Broken)


@pytest.mark.parametrize("topic", [b"btc\xffsdt@trade", b"btcusdt@dep\x00h", b"\xe5\xb8\x81usdt@trade"])
def test_a_stream_that_cannot_be_read_may_have_been_anything(topic: bytes) -> None:
    assert isinstance(live_wires(BTC)[0].take(b'{"stream":"%b","data":{}}' % topic), Broken)


def test_nothing_is_sent_at_first_and_a_stream_can_be_begun_anew() -> None:
    wire, _ = live_wires(BTC, ETH)
    assert wire.opening() == ()
    messages = [json.loads(text) for text in wire.renewing(Route("ETH-USDT-PERP", "depth"))]
    assert [(message["method"], message["params"]) for message in messages] == [
        ("UNSUBSCRIBE", ["ethusdt@depth@100ms"]),
        ("SUBSCRIBE", ["ethusdt@depth@100ms"]),
    ]
    for message in messages:
        assert wire.take(json.dumps({"result": None, "id": message["id"]}).encode()) == QUIET
        refused = wire.take(json.dumps({"code": 2, "msg": "Invalid request", "id": message["id"]}).encode())
        assert refused == Refused((Route("ETH-USDT-PERP", "depth"),), "2", "Invalid request", True)
    assert wire.renewing(Route("ETH-USDT-PERP", "candle")) == ()


@pytest.mark.parametrize("number", [-1, 99, "x", None])
def test_a_refusal_of_an_unknown_request_names_no_route(number: object) -> None:
    wire, _ = live_wires(BTC)
    frame = json.dumps({"error": {"code": -1003, "msg": "too fast"}, "id": number}).encode()
    assert wire.take(frame) == Refused((), "-1003", "too fast", False)


def test_a_wire_remembers_no_more_topics_than_its_symbols_have() -> None:
    wire = replay_wire(BTC)
    assert isinstance(wire, StreamWire)
    for number in range(1_000):
        wire.take(on(f"x{number}usdt@trade"))
        wire.take(on(f"btcusdt@depth{number}"))
        wire.take(on("btcusdt@trade"))
    assert len(wire._routes) == 1


MARKET = GeneratedMarket(2, levels=20)
FRAMES = [MARKET.depth(), MARKET.quote(), MARKET.trade()]


@given(garbage=some.binary(max_size=300), at=some.integers(0, 90), byte=some.integers(0, 255), cut=some.integers(0, 90))
def test_no_bytes_crash_a_wire(garbage: bytes, at: int, byte: int, cut: int) -> None:
    wires = (*live_wires(BTC), replay_wire(BTC))
    for frame in FRAMES:
        for candidate in (garbage, frame[:at] + bytes((byte,)) + frame[at + 1 :], frame[:cut]):
            for wire in wires:
                taken = wire.take(candidate)
                if isinstance(taken, tuple):
                    assert all(route.symbol == "BTC-USDT-PERP" for route in taken)
                else:
                    assert isinstance(taken, Stray | Refused | Broken | Leaving)


def test_requests_ask_for_what_the_venue_has_and_cost_what_it_says() -> None:
    assert FEED.snapshot_request(BTC) == ("/fapi/v1/depth", {"symbol": "BTCUSDT", "limit": "1000"}, 20)
    assert FEED.trades_request(BTC) == ("/fapi/v1/trades", {"symbol": "BTCUSDT", "limit": "1000"}, 5)
    assert FEED.listing == (("/fapi/v1/exchangeInfo", {}, 1),)
    minute_ns = 60_000_000_000
    path, params, cost = FEED.bars_request(BTC, 60_000, 10 * minute_ns, 110 * minute_ns)
    assert (path, cost, params["interval"], params["limit"]) == ("/fapi/v1/klines", 1, "1m", "100")
    assert (params["startTime"], params["endTime"]) == ("600000", "6599999")
    _, params, cost = FEED.bars_request(BTC, 60_000, 0, 5_000 * minute_ns)
    assert (params["limit"], params["startTime"], cost) == ("1500", str(3_500 * 60_000), 10)


@pytest.mark.parametrize(
    ("address", "is_ours"),
    [
        ("wss://fstream.binance.com/public/stream?streams=btcusdt@trade", True),
        ("wss://fstream.binance.com", True),
        ("wss://stream.binance.com:9443/stream", False),
        ("wss://dstream.binance.com/stream", False),
        ("wss://example.org/fstream.binance.com", False),
        ("", False),
    ],
)
def test_a_recorded_address_is_ours_or_not(address: str, is_ours: bool) -> None:
    assert FEED.speaks(address) is is_ours
    assert FEED.is_listing("https://fapi.binance.com/fapi/v1/exchangeInfo")
    assert not FEED.is_listing("https://api.binance.com/api/v3/exchangeInfo")


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, b'{"lastUpdateId":1}', ""),
        (200, b"[]", ""),
        (200, b'{"code":-1121,"msg":"Invalid symbol."}', "-1121"),
        (400, b'{"code":-1121,"msg":"Invalid symbol."}', "-1121"),
        (429, b"<html>", "http-429"),
        (418, b'{"code":-1003,"msg":"banned"}', "-1003"),
        (503, b"\xff", "http-503"),
    ],
)
def test_a_refused_read_bears_the_venues_code(status: int, body: bytes, code: str) -> None:
    assert refusal(status, body) == code


def test_the_budget_learns_its_limit_keeps_a_part_back_and_waits_out_refusals() -> None:
    second_ns = 1_000_000_000
    budget = FEED.new_budget()
    limits = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}]
    budget.learn(json.dumps({"rateLimits": limits}).encode())
    assert budget.take(4_800, second_ns) == ""
    assert "REQUEST_WEIGHT 4800 of 6000 used" in budget.take(1, second_ns)
    assert budget.take(1, 61 * second_ns) == ""
    budget.observe({"X-MBX-USED-WEIGHT-1M": "4799"}, 61 * second_ns)
    assert budget.take(1, 61 * second_ns) == ""
    assert budget.take(1, 61 * second_ns) != ""
    budget.deny(429, "-1003", 7, 121 * second_ns)
    assert "wait 7.0 s more" in budget.take(1, 121 * second_ns)
    assert budget.take(1, 128 * second_ns) == ""
    budget.deny(418, "-1003", 0, 130 * second_ns)
    assert budget.take(1, 249 * second_ns) != ""
    assert budget.take(1, 250 * second_ns) == ""
    budget.deny(400, "-1003", 0, 300 * second_ns)
    assert budget.take(1, 300 * second_ns) != ""
    budget.deny(400, "-1121", 0, 302 * second_ns)
    assert budget.take(1, 302 * second_ns) == ""
