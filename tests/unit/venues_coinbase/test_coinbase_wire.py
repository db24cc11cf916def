"""What is said on Coinbase's sockets, and what its frames are."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall_venues.capture.read import read_capture
from seawall_venues.coinbase.session import FEED
from seawall_venues.wire import QUIET, Broken, FeedOptions, Plan, Refused, Route, Stray
from tests.unit.venues_coinbase.coinbase_feed import (
    BTC,
    ETH,
    RECORDING,
    candle,
    depth,
    frame,
    instrument,
    new_wire,
    recorded,
    ticker,
    trade,
    trades,
)

CANDLES = {"type": "update", "candles": [candle(1786309500, "ETH-USD")]}
BEAT = {"current_time": "2026-08-09 21:05:48 +0000 UTC m=+1.5", "heartbeat_counter": 7}
REFUSAL = b'{"type":"error","message":"authentication failure"}'


@pytest.mark.parametrize(
    ("raw", "route"),
    [
        (frame("l2_data", 0, depth("update", [(10.0, 1.0)])), Route("BTC-USD", "depth")),
        (frame("ticker", 0, ticker("ETH-USD")), Route("ETH-USD", "quote")),
        (frame("market_trades", 0, trades(trade(1), trade(2), trade(3))), Route("BTC-USD", "trade")),
        (frame("candles", 0, CANDLES), Route("ETH-USD", "candle")),
    ],
)
def test_a_frame_is_told_by_its_channel_and_product_however_it_is_laid_out(raw: bytes, route: Route) -> None:
    read = json.loads(raw)
    older = raw.replace(b',"timestamp"', b',"client_id":"","timestamp"')
    turned = json.dumps(dict(reversed(read.items()))).encode()
    for written in (raw, json.dumps(read, indent=1).encode(), older, turned):
        assert new_wire().take(written) == (route,)


def test_a_frame_that_tells_of_several_products_goes_to_each_of_them_once() -> None:
    two = trades(trade(1, "ETH-USD"), trade(2, "BTC-USD"), trade(3, "ETH-USD"))
    assert new_wire().take(frame("market_trades", 0, two)) == (Route("ETH-USD", "trade"), Route("BTC-USD", "trade"))
    both = frame("l2_data", 0, depth("update", [(1.0, 1.0)]), depth("update", [(2.0, 1.0)], product="ETH-USD"))
    assert new_wire().take(both) == (Route("BTC-USD", "depth"), Route("ETH-USD", "depth"))
    assert new_wire(ETH).take(both) == (Route("ETH-USD", "depth"),)


def test_a_product_whose_name_begins_like_another_is_another() -> None:
    wire = new_wire(BTC, instrument("BTC-USDT"))
    assert wire.take(frame("ticker", 0, ticker("BTC-USDT"))) == (Route("BTC-USDT", "quote"),)
    mixed = trades(trade(1, "BTC-USD"), trade(2, "BTC-USDT"))
    assert wire.take(frame("market_trades", 1, mixed)) == (Route("BTC-USD", "trade"), Route("BTC-USDT", "trade"))


def test_acknowledgements_and_heartbeats_are_quiet_and_use_up_numbers() -> None:
    wire = new_wire()
    assert wire.take(frame("subscriptions", 0, {"subscriptions": {"level2": ["BTC-USD"]}})) == QUIET
    assert wire.take(frame("heartbeats", 1, BEAT)) == QUIET
    assert wire.take(frame("ticker", 2, ticker())) == (Route("BTC-USD", "quote"),)


def test_a_frame_without_any_event_is_quiet() -> None:
    assert new_wire().take(frame("l2_data", 0)) == QUIET


def test_a_gap_breaks_the_connection_once_and_the_count_goes_on_from_there() -> None:
    wire = new_wire()
    assert wire.take(frame("ticker", 0, ticker())) == (Route("BTC-USD", "quote"),)
    assert wire.take(frame("heartbeats", 3, BEAT)) == Broken("sequence gap: frame 3 came where 1 was due")
    assert wire.take(frame("ticker", 4, ticker())) == (Route("BTC-USD", "quote"),)


def test_a_connection_whose_first_frame_is_not_number_0_has_lost_some() -> None:
    assert isinstance(new_wire().take(frame("ticker", 1, ticker())), Broken)


def test_a_repeated_or_lower_number_is_a_replay_and_ignored() -> None:
    wire = new_wire()
    for number in range(3):
        wire.take(frame("ticker", number, ticker()))
    for number in (2, 0, 1):
        assert wire.take(frame("l2_data", number, depth("snapshot", [(10.0, 1.0)]))) == QUIET
        assert wire.take(json.dumps(json.loads(frame("ticker", number, ticker()))).encode()) == QUIET
    assert wire.take(frame("ticker", 3, ticker())) == (Route("BTC-USD", "quote"),)


def test_a_stray_product_is_named_and_its_frame_may_be_handed_in_again_once_it_is_added() -> None:
    wire = new_wire(BTC)
    raw = frame("ticker", 0, ticker("ETH-USD"))
    assert wire.take(raw) == Stray("ETH-USD")
    wire.add(ETH)
    assert wire.take(raw) == (Route("ETH-USD", "quote"),)
    assert wire.take(frame("ticker", 1, ticker())) == (Route("BTC-USD", "quote"),)
    assert wire.take(raw) == QUIET


def test_an_unknown_channel_may_have_been_any_of_ours() -> None:
    assert isinstance(new_wire().take(frame("l2_dada", 0, depth("update"))), Broken)
    assert new_wire().take(frame("status", 0, {"products": []})) == QUIET


def test_a_channel_outside_the_plan_is_quiet() -> None:
    wire = FEED.wire(Plan("", (BTC,), ("depth",)), FeedOptions())
    assert wire.take(frame("ticker", 0, ticker())) == QUIET
    assert wire.take(frame("l2_data", 1, depth("update"))) == (Route("BTC-USD", "depth"),)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"1", b"{}", b"\xff" * 9, frame("l2_data", 0, depth("update"))[:-3]])
def test_what_cannot_be_read_breaks_the_connection(raw: bytes) -> None:
    assert isinstance(new_wire().take(raw), Broken)


def test_a_frame_cut_anywhere_breaks_the_connection_also_in_the_middle_of_its_number() -> None:
    raw = frame("l2_data", 13, depth("update", [(10.0, 1.0)]))
    for length in range(len(raw)):
        wire = new_wire()
        for number in range(13):
            wire.take(frame("heartbeats", number, BEAT))
        assert isinstance(wire.take(raw[:length]), Broken)


def test_data_without_a_number_breaks_the_connection_and_an_unknown_kind_of_message_does_not() -> None:
    unnumbered = frame("l2_data", 0, depth("update")).replace(b'"sequence_num":0,', b"")
    assert isinstance(new_wire().take(unnumbered), Broken)
    assert new_wire().take(b'{"type":"notice","message":"maintenance on Sunday"}') == QUIET


def test_a_refusal_has_no_number_and_names_nobody() -> None:
    wire = new_wire()
    assert wire.take(REFUSAL) == Refused((), "error", "authentication failure", False)
    assert wire.take(frame("ticker", 0, ticker())) == (Route("BTC-USD", "quote"),)


def test_a_refusal_is_final_only_where_it_says_that_a_product_does_not_exist() -> None:
    said = b'{"type":"error","message":"ETH-USD is not a valid product: not found"}'
    refused = new_wire().take(said)
    assert isinstance(refused, Refused)
    assert {route.symbol for route in refused.routes} == {"ETH-USD"}
    assert refused.is_final
    other = new_wire().take(b'{"type":"error","message":"ETH-USDC not found"}')
    assert isinstance(other, Refused)
    assert not other.routes
    assert not other.is_final


def test_the_opening_asks_for_heartbeats_first_and_for_books_last() -> None:
    (plan,) = FEED.plans("wss://x", (BTC, ETH), FeedOptions())
    said = [json.loads(message) for message in FEED.wire(plan, FeedOptions()).opening()]
    assert [message["channel"] for message in said] == ["heartbeats", "market_trades", "ticker", "level2"]
    assert all(message["type"] == "subscribe" for message in said)
    assert all(message["product_ids"] == ["BTC-USD", "ETH-USD"] for message in said[1:])


@recorded
def test_the_opening_says_what_the_recorded_client_said() -> None:
    told = [json.loads(line.data) for line in read_capture(RECORDING) if line.kind == "send"]
    said = {message["channel"]: message for message in map(json.loads, new_wire().opening())}
    assert {message["channel"] for message in told} == set(said)
    for message in told:
        if message["channel"] != "heartbeats":  # which has no products, whatever one asks
            assert said[message["channel"]] == message


def test_renewing_ends_one_subscription_and_begins_it_anew() -> None:
    off, on = map(json.loads, new_wire().renewing(Route("ETH-USD", "depth")))
    assert off == {"type": "unsubscribe", "channel": "level2", "product_ids": ["ETH-USD"]}
    assert on == {"type": "subscribe", "channel": "level2", "product_ids": ["ETH-USD"]}
    assert new_wire(BTC).renewing(Route("ETH-USD", "depth")) == ()
    assert new_wire().renewing(Route("ETH-USD", "funding")) == ()


def test_products_are_spread_over_connections_and_five_minute_candles_asked_for_only_where_wanted() -> None:
    many = [instrument(f"A{number}-USD") for number in range(23)]
    plans = FEED.plans("wss://x", many, FeedOptions())
    assert [len(plan.instruments) for plan in plans] == [10, 10, 3]
    assert [item for plan in plans for item in plan.instruments] == many
    assert all("candle" not in plan.channels for plan in plans)
    (plan,) = FEED.plans("wss://x", many[:1], FeedOptions(candle_interval_ms=300_000))
    assert "candle" in plan.channels


@pytest.mark.parametrize(
    ("address", "ours"),
    [
        ("wss://advanced-trade-ws.coinbase.com", True),
        ("wss://advanced-trade-ws.coinbase.com/", True),
        ("wss://advanced-trade-ws.coinbase.com:443/?x=1", True),
        ("wss://advanced-trade-ws-user.coinbase.com", False),
        ("wss://advanced-trade-ws.coinbase.com.example.org", False),
        ("wss://ws-feed.exchange.coinbase.com", False),
        ("wss://[", False),
    ],
)
def test_only_the_market_socket_is_ours(address: str, ours: bool) -> None:
    assert FEED.speaks(address) is ours


def test_the_list_of_products_is_told_from_other_reads() -> None:
    path = "https://api.coinbase.com/api/v3/brokerage/market/products"
    assert FEED.is_listing(path)
    assert FEED.is_listing(f"{path}?product_type=SPOT")
    assert not FEED.is_listing(f"{path}/BTC-USD/candles?start=1")
    assert not FEED.is_listing("https://api.coinbase.com/api/v3/brokerage/market/product_book?product_id=BTC-USD")
    assert all(FEED.is_listing(request.path) for request in FEED.listing)


def test_requests_ask_for_no_more_than_the_venue_gives() -> None:
    minute_ns = 60 * 10**9
    bars = FEED.bars_request(BTC, 60_000, 1_000 * minute_ns, 1_010 * minute_ns)
    assert bars.path == "/api/v3/brokerage/market/products/BTC-USD/candles"
    assert bars.params == {"start": "60000", "end": "60599", "granularity": "ONE_MINUTE"}
    many = FEED.bars_request(BTC, 60_000, 0, 1_010 * minute_ns)
    assert int(many.params["end"]) + 1 - int(many.params["start"]) == 350 * 60
    assert FEED.trades_request(BTC).params == {"limit": str(FEED.dialect.listed_trades)}
    assert FEED.snapshot_request(ETH).params["product_id"] == "ETH-USD"


def test_reads_have_candles_of_every_granularity_and_the_stream_only_those_of_five_minutes() -> None:
    granularities = {
        FEED.bars_request(BTC, interval_ms, 0, 10**18).params["granularity"]: interval_ms // 60_000
        for interval_ms in FEED.dialect.bar_intervals_ms
    }
    assert granularities == {
        "ONE_MINUTE": 1, "FIVE_MINUTE": 5, "FIFTEEN_MINUTE": 15, "THIRTY_MINUTE": 30,
        "ONE_HOUR": 60, "TWO_HOUR": 120, "SIX_HOUR": 360, "ONE_DAY": 1_440,
    }  # fmt: skip
    for interval_ms in FEED.dialect.bar_intervals_ms:
        (plan,) = FEED.plans("wss://x", (BTC,), FeedOptions(candle_interval_ms=interval_ms))
        assert ("candle" in plan.channels) is (interval_ms == 300_000)


def test_a_refused_read_is_told_by_its_code() -> None:
    assert FEED.refusal(200, b'{"products":[]}') == ""
    assert FEED.refusal(400, b'{"error":"INVALID_ARGUMENT","error_details":"","message":"x"}') == "INVALID_ARGUMENT"
    assert FEED.refusal(200, b'{"error":"unknown","message":"x"}') == "unknown"
    assert FEED.refusal(502, b"<html>") == "http-502"
    assert FEED.refusal(429, b'{"message":"slow down"}') == "http-429"


def test_public_reads_stay_below_the_limit_and_wait_after_a_refusal() -> None:
    budget = FEED.new_budget()
    taken = [budget.take(1, 0) for _ in range(10)]
    assert taken.count("") == 8
    assert budget.take(1, 10**9) == ""
    budget.deny(429, "http-429", 0, 10**9)
    assert budget.take(1, 15 * 10**8)
    assert budget.take(1, 25 * 10**8) == ""


PIECES = st.sampled_from(
    [b'{"channel":"', b'l2_data","timestamp":"', b'"sequence_num":', b"0,", b'"product_id":"BTC-USD"', b"}]}]}", b'"']
)


@given(st.one_of(st.binary(max_size=200), st.lists(st.one_of(PIECES, st.binary(max_size=4))).map(b"".join)))
def test_no_bytes_make_the_wire_raise_and_it_goes_on_after_them(raw: bytes) -> None:
    wire = new_wire()
    wire.take(raw)
    assert isinstance(wire.take(frame("ticker", 10**6, ticker())), Broken)
    assert wire.take(frame("ticker", 10**6 + 1, ticker())) == (Route("BTC-USD", "quote"),)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | inner))
def test_any_json_in_place_of_the_events_is_told_without_raising(events: object) -> None:
    whole = {"channel": "l2_data", "timestamp": "", "sequence_num": 0, "events": events}
    taken = new_wire().take(msgspec.json.encode(whole) if not _is_huge(events) else b"{}")
    assert taken == QUIET or isinstance(taken, Broken)


def _is_huge(value: object) -> bool:
    if isinstance(value, list):
        return any(map(_is_huge, value))
    return isinstance(value, int) and not -(2**63) <= value < 2**64
