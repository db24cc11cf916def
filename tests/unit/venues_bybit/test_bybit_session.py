"""What is said on Bybit's sockets and asked of its public reads."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall_venues.bybit.session import CHANNELS, LINEAR_FEED, SPOT_FEED, BybitWire
from seawall_venues.bybit.symbols import LINEAR, SPOT
from seawall_venues.feed import Channel
from seawall_venues.port import Instrument, VenueError
from seawall_venues.wire import QUIET, Broken, FeedOptions, Plan, Refused, Route, Stray
from tests.paths import needs_recording

from .bybit_frames import FEEDS, RECORDING, REPLAY, decode, encode, instrument, recorded

BTC = instrument()
ETH = instrument("ETHUSDT", "ETH-USDT-PERP")
DATED = instrument("BTCUSDT-14AUG26", "BTC-USDT-260814")
SPOT_BTC = instrument("BTCUSDT", "BTC-USDT", SPOT)


def wire_of(*instruments: Instrument, channels: tuple[Channel, ...] = CHANNELS[LINEAR]) -> BybitWire:
    return BybitWire(Plan("", instruments, channels), FeedOptions())


def args_of(messages: Any) -> list[str]:
    return [topic for message in messages for topic in decode(message)["args"]]


def frame_of(topic: str) -> bytes:
    return encode({"topic": topic, "type": "delta", "data": {}})


def test_every_channel_of_a_perpetual_is_subscribed_to() -> None:
    (message,) = wire_of(BTC).opening()
    assert decode(message) == {
        "req_id": "1",
        "op": "subscribe",
        "args": [
            "orderbook.200.BTCUSDT",
            "orderbook.1.BTCUSDT",
            "publicTrade.BTCUSDT",
            "kline.1.BTCUSDT",
            "tickers.BTCUSDT",
        ],
    }


def test_a_dated_contract_and_a_pair_have_no_funding_to_subscribe_to() -> None:
    assert "tickers.BTCUSDT-14AUG26" not in args_of(wire_of(DATED).opening())
    assert len(args_of(wire_of(DATED).opening())) == 4
    (plan,) = SPOT_FEED.plans("wss://x", (SPOT_BTC,), FeedOptions())
    assert len(args_of(SPOT_FEED.wire(plan, FeedOptions()).opening())) == 4


def test_a_faster_pace_is_a_shallower_book_and_another_bar_another_topic() -> None:
    options = FeedOptions(depth_every_ms=0, candle_interval_ms=14_400_000)
    args = args_of(BybitWire(Plan("", (BTC,), ("depth", "candle")), options).opening())
    assert args == ["orderbook.50.BTCUSDT", "kline.240.BTCUSDT"]


def test_a_candle_that_the_venue_does_not_have_is_an_error() -> None:
    with pytest.raises(VenueError):
        LINEAR_FEED.plans("wss://x", (BTC,), FeedOptions(candle_interval_ms=61_000))


@pytest.mark.parametrize(("venue", "most"), [(LINEAR, 50), (SPOT, 10)])
def test_a_message_holds_no_more_topics_than_the_venue_takes(venue: str, most: int) -> None:
    instruments = tuple(instrument(f"C{i}USDT", f"C{i}-USDT", venue) for i in range(37))
    (plan,) = FEEDS[venue].plans("wss://x/", instruments, FeedOptions())
    messages = FEEDS[venue].wire(plan, FeedOptions()).opening()
    assert max(len(decode(message)["args"]) for message in messages) == most
    assert len(set(args_of(messages))) == 37 * 4


@pytest.mark.parametrize("venue", [LINEAR, SPOT])
def test_a_connection_carries_no_more_topics_than_the_venue_allows(venue: str) -> None:
    suffix = "-USDT-PERP" if venue == LINEAR else "-USDT"
    instruments = tuple(instrument(f"COIN{i}USDT", f"COIN{i}{suffix}", venue) for i in range(900))
    plans = FEEDS[venue].plans("wss://stream.bybit.com/", instruments, FeedOptions())
    assert sum((plan.instruments for plan in plans), ()) == instruments
    for plan in plans:
        assert plan.url == f"wss://stream.bybit.com/v5/public/{venue.removeprefix('bybit-')}"
        assert plan.channels == CHANNELS[venue]
        args = args_of(FEEDS[venue].wire(plan, FeedOptions()).opening())
        assert len(encode(args)) <= 21_000
    fullest = args_of(FEEDS[venue].wire(plans[0], FeedOptions()).opening())
    assert len(encode(fullest)) > 19_000


def test_no_instruments_need_no_connection() -> None:
    assert LINEAR_FEED.plans("wss://x", (), FeedOptions()) == ()
    assert BybitWire(REPLAY, FeedOptions()).opening() == []


def test_each_topic_is_its_channel() -> None:
    wire = wire_of(BTC, ETH)
    for topic, route in {
        "orderbook.200.BTCUSDT": Route("BTC-USDT-PERP", "depth"),
        "orderbook.1.ETHUSDT": Route("ETH-USDT-PERP", "quote"),
        "publicTrade.BTCUSDT": Route("BTC-USDT-PERP", "trade"),
        "kline.1.BTCUSDT": Route("BTC-USDT-PERP", "candle"),
        "tickers.ETHUSDT": Route("ETH-USDT-PERP", "funding"),
    }.items():
        frame = frame_of(topic)
        assert wire.take(frame) == (route,)
        assert wire.take(frame.replace(b'":"', b'" : "')) == (route,)
        assert wire.take(b'{"type":"snapshot",' + frame[1:].replace(b'"type":"delta",', b"")) == (route,)
        assert wire.take(b'{"ts":1,' + frame[1:]) == (route,)


def test_acknowledgements_pongs_and_topics_outside_the_plan_are_quiet() -> None:
    wire = wire_of(BTC, DATED)
    wire.opening()
    for frame in (
        b'{"success":true,"ret_msg":"","conn_id":"d8bu-j6akw","req_id":"1","op":"subscribe"}',
        b'{"success":true,"ret_msg":"subscribe","conn_id":"d9av-4zd1x","op":"subscribe"}',
        b'{"success":true,"ret_msg":"pong","conn_id":"0970e817","op":"ping"}',
        b'{"args":["1672916271846"],"op":"pong"}',
        b'{"success":false,"ret_msg":"error:not subscribed","req_id":"9","op":"unsubscribe"}',
        frame_of("allLiquidation.BTCUSDT"),
        frame_of("orderbook.500.BTCUSDT"),
        frame_of("kline.5.BTCUSDT"),
        frame_of("tickers.BTCUSDT-14AUG26"),
    ):
        assert wire.take(frame) == QUIET


def test_another_instrument_is_a_stray_until_it_is_added() -> None:
    wire = wire_of(BTC)
    assert wire.take(frame_of("publicTrade.ETHUSDT")) == Stray("ETHUSDT")
    assert wire.take(frame_of("orderbook.200.ETHUSDT")) == Stray("ETHUSDT")
    wire.add(ETH)
    assert wire.take(frame_of("publicTrade.ETHUSDT")) == (Route("ETH-USDT-PERP", "trade"),)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"null",
        b'{"topic":"order',
        b'{"topic":"\\ud800\\u0041"}',
        b'{"topic":"orderbook.\\udc00.BTCUSDT"}',
        b'{"data":{"s":"BTCUSDT"}}',
        b"{" * 10_000,
        b"[" * 100_000,
    ],
)
def test_a_frame_that_cannot_be_attributed_may_have_been_anything(frame: bytes) -> None:
    assert isinstance(wire_of(BTC).take(frame), Broken)


def test_a_frame_that_is_cut_after_its_topic_is_that_topics() -> None:
    wire = wire_of(BTC)
    assert wire.take(b'{"topic":"orderbook.200.BTCUSDT","ty') == (Route("BTC-USDT-PERP", "depth"),)


def test_a_renewed_subscription_is_ended_first() -> None:
    wire = wire_of(BTC)
    ended, begun = map(decode, wire.renewing(Route("BTC-USDT-PERP", "depth")))
    assert (ended["op"], ended["args"]) == ("unsubscribe", ["orderbook.200.BTCUSDT"])
    assert (begun["op"], begun["args"]) == ("subscribe", ["orderbook.200.BTCUSDT"])
    assert ended["req_id"] != begun["req_id"]
    assert wire.renewing(Route("DOGE-USDT-PERP", "depth")) == []


def refuse(wire: BybitWire, number: str, reason: str) -> Refused:
    refused = wire.take(
        encode({"success": False, "ret_msg": reason, "conn_id": "x", "req_id": number, "op": "subscribe"})
    )
    assert isinstance(refused, Refused)
    return refused


def test_a_refused_message_is_told_of_all_its_topics_and_asked_for_again() -> None:
    wire = wire_of(BTC)
    wire.opening()
    reason = "error:handler not found,topic:kline.1.BTCUSDT"
    refused = refuse(wire, "1", reason)
    assert refused == Refused(tuple(Route("BTC-USDT-PERP", channel) for channel in CHANNELS[LINEAR]), "", reason, False)
    assert refuse(wire, "1", "error:something").routes == ()  # it was answered already


@pytest.mark.parametrize(
    ("reason", "is_final"),
    [
        ("error:handler not found,topic:orderbook.200.BTCUSDT", True),
        ("Invalid symbol :[orderbook.200.BTCUSDT]", True),
        ("error:already subscribed,topic:orderbook.200.BTCUSDT", False),
        ("error:too many requests", False),
    ],
)
def test_a_refused_topic_is_given_up_only_where_it_does_not_exist(reason: str, is_final: bool) -> None:
    wire = wire_of(BTC)
    _, begun = wire.renewing(Route("BTC-USDT-PERP", "depth"))
    number = decode(begun)["req_id"]
    assert refuse(wire, number, reason) == Refused((Route("BTC-USDT-PERP", "depth"),), "", reason, is_final)


def test_a_refusal_without_a_number_concerns_the_topic_that_it_names() -> None:
    wire = wire_of(BTC)
    named = refuse(wire, "", "Invalid symbol :[orderbook.200.BTCUSDT]")
    assert (named.routes, named.is_final) == ((Route("BTC-USDT-PERP", "depth"),), True)
    assert refuse(wire, "", "error:handler not found").routes == ()


def test_the_requests_that_wait_for_an_answer_are_not_kept_for_ever() -> None:
    wire = wire_of(BTC)
    route = Route("BTC-USDT-PERP", "depth")
    numbers = [decode(wire.renewing(route)[1])["req_id"] for _ in range(3_000)]
    assert refuse(wire, numbers[0], "error:x").routes == ()
    assert refuse(wire, numbers[-1], "error:x").routes == (route,)


def replaying(*instruments: Instrument) -> BybitWire:
    wire = BybitWire(REPLAY, FeedOptions())
    for one in instruments:
        wire.add(one)
    return wire


def test_a_replay_learns_of_instruments_as_they_come() -> None:
    wire = replaying()
    assert wire.take(frame_of("tickers.BTCUSDT")) == Stray("BTCUSDT")
    wire.add(BTC)
    assert wire.take(frame_of("orderbook.200.BTCUSDT")) == (Route("BTC-USDT-PERP", "depth"),)
    assert wire.take(frame_of("kline.D.BTCUSDT")) == (Route("BTC-USDT-PERP", "candle"),)
    assert wire.take(frame_of("publicTrade.BTCUSDT")) == (Route("BTC-USDT-PERP", "trade"),)
    assert wire.take(frame_of("liquidation.BTCUSDT")) == QUIET
    assert wire.take(frame_of("orderbook.rpi.BTCUSDT")) == QUIET
    assert wire.take(frame_of("kline.7.BTCUSDT")) == QUIET


def test_in_a_replay_the_first_depth_of_a_book_is_the_book() -> None:
    wire = replaying(BTC)
    for _ in range(2):
        assert wire.take(frame_of("orderbook.50.BTCUSDT")) == (Route("BTC-USDT-PERP", "depth"),)
        assert wire.take(frame_of("orderbook.200.BTCUSDT")) == QUIET


def test_in_a_replay_a_ticker_is_the_best_quote_until_there_is_a_better_stream() -> None:
    wire = replaying(BTC, ETH, DATED)
    funding, quote = Route("BTC-USDT-PERP", "funding"), Route("BTC-USDT-PERP", "quote")
    ticker, best = frame_of("tickers.BTCUSDT"), frame_of("orderbook.1.BTCUSDT")
    for _ in range(2):
        assert wire.take(ticker) == (funding, quote)
    for _ in range(2):
        assert wire.take(best) == (quote,)
        assert wire.take(ticker) == (funding,)
    assert wire.take(frame_of("tickers.ETHUSDT")) == (
        Route("ETH-USDT-PERP", "funding"),
        Route("ETH-USDT-PERP", "quote"),
    )
    assert wire.take(frame_of("tickers.BTCUSDT-14AUG26")) == (Route("BTC-USDT-260814", "quote"),)


def test_in_a_replay_a_ticker_that_comes_after_the_better_stream_is_no_quote() -> None:
    wire = replaying(BTC, DATED)
    wire.take(frame_of("orderbook.1.BTCUSDT"))
    wire.take(frame_of("orderbook.1.BTCUSDT-14AUG26"))
    assert wire.take(frame_of("tickers.BTCUSDT")) == (Route("BTC-USDT-PERP", "funding"),)
    assert wire.take(frame_of("tickers.BTCUSDT-14AUG26")) == QUIET


def test_a_ticker_of_spot_tells_nothing() -> None:
    assert replaying(SPOT_BTC).take(frame_of("tickers.BTCUSDT")) == QUIET


def test_the_two_markets_are_told_apart_by_address_and_listing() -> None:
    assert LINEAR_FEED.speaks("wss://stream.bybit.com/v5/public/linear")
    assert LINEAR_FEED.speaks("ws://127.0.0.1:9/v5/public/linear?x=1")
    assert not LINEAR_FEED.speaks("wss://stream.bybit.com/v5/public/spot")
    assert SPOT_FEED.speaks("wss://stream.bybit.com/v5/public/spot")
    assert not SPOT_FEED.speaks("wss://stream.bybit.com/v5/private")
    url = "https://api.bybit.com/v5/market/instruments-info?&category=linear&status=Trading&limit=1000"
    assert (LINEAR_FEED.is_listing(url), SPOT_FEED.is_listing(url)) == (True, False)
    assert not LINEAR_FEED.is_listing("https://api.bybit.com/v5/market/tickers?category=linear")


def test_both_feeds_keep_the_venues_pace() -> None:
    for feed in (LINEAR_FEED, SPOT_FEED):
        assert feed.rules.keepalive is not None
        assert (feed.rules.keepalive.text, feed.rules.keepalive.every_s) == ('{"op":"ping"}', 20.0)
        assert (feed.dialect.resync, feed.dialect.proof) == ("resubscription", "sequence")
        assert feed.venue == feed.dialect.venue


@given(st.binary(max_size=120))
def test_no_bytes_crash_a_wire(noise: bytes) -> None:
    for wire in (wire_of(BTC), replaying(BTC)):
        for frame in (noise, b'{"topic":"' + noise, b'{"topic":"orderbook.' + noise + b'.BTCUSDT","type":"delta"}'):
            taken = wire.take(frame)
            assert type(taken) in (tuple, Stray, Refused, Broken)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "topic": st.text(max_size=30) | st.integers(),
            "op": st.sampled_from(["subscribe", "ping", "auth", "", 3]),
            "success": st.booleans() | st.none() | st.text(max_size=3),
            "ret_msg": st.text(max_size=40),
            "req_id": st.text(max_size=3) | st.integers(),
        },
    )
)
def test_no_message_crashes_a_wire(message: dict[str, Any]) -> None:
    wire = wire_of(BTC)
    wire.opening()
    assert type(wire.take(encode(message))) in (tuple, Stray, Refused, Broken)


@needs_recording(RECORDING)
@pytest.mark.parametrize("venue", [LINEAR, SPOT])
def test_a_recorded_frame_means_the_same_however_it_is_laid_out(venue: str) -> None:
    part = recorded(venue)
    plain, spaced = (BybitWire(REPLAY, FeedOptions()) for _ in range(2))
    for one in part.instruments:
        plain.add(one)
        spaced.add(one)
    for frame in part.frames[::5]:
        assert plain.take(frame) == spaced.take(b" " + frame.replace(b'":', b'" : ', 3))


@needs_recording(RECORDING)
def test_the_whole_recorded_listing_fits_a_few_connections() -> None:
    plans = LINEAR_FEED.plans("wss://x", recorded(LINEAR).instruments, FeedOptions())
    assert len(plans) == 5
    assert all(one.contract_size == Decimal(1) for plan in plans for one in plan.instruments)
