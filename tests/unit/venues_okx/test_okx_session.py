"""What is said on OKX's sockets and asked over REST, and whom each frame concerns."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seawall_venues.okx.limits import BOOKS_PER_CONNECTION, MAX_MESSAGE_BYTES
from seawall_venues.okx.session import FEED, OkxWire
from seawall_venues.port import Instrument
from seawall_venues.wire import QUIET, Broken, FeedOptions, Leaving, Plan, Refused, Route, Stray
from tests.unit.venues_okx.okx_frames import FUTURE, INVERSE, SPOT, SWAP, frame, instrument, instruments

URL = "wss://ws.okx.com:8443"
LISTED = instruments(SPOT, SWAP, INVERSE, FUTURE)
MINUTE = FeedOptions()
SECOND_NS = 1_000_000_000


def many(count: int) -> tuple[Instrument, ...]:
    return instruments(
        *(SWAP | {"instId": f"A{at}-USDT-SWAP", "uly": f"A{at}-USDT", "ctValCcy": f"A{at}"} for at in range(count))
    )


def args_of(messages: Sequence[str], operation: str = "subscribe") -> list[tuple[str, str]]:
    bodies = [json.loads(message) for message in messages]
    assert {body["op"] for body in bodies} == {operation}
    return [(arg["channel"], arg["instId"]) for body in bodies for arg in body["args"]]


def live(*listed: Instrument) -> list[OkxWire]:
    return [OkxWire(plan, MINUTE) for plan in FEED.plans(URL, listed, MINUTE)]


def replay(*listed: Instrument) -> OkxWire:
    return OkxWire(Plan("", listed, ()), MINUTE)


def test_books_and_quotes_are_at_one_address_trades_and_candles_at_another() -> None:
    public, business = FEED.plans(URL + "/", LISTED, MINUTE)
    assert public == Plan("wss://ws.okx.com:8443/ws/v5/public", LISTED, ("depth", "quote", "funding"))
    assert business == Plan("wss://ws.okx.com:8443/ws/v5/business", LISTED, ("trade", "candle"))
    assert FEED.speaks(public.url)
    assert FEED.speaks(business.url)
    assert not FEED.speaks("wss://stream.bybit.com/v5/public/linear")


def test_only_swaps_have_funding_and_only_known_intervals_candles() -> None:
    public, business = FEED.plans(URL, (instrument(SPOT), instrument(FUTURE)), FeedOptions(candle_interval_ms=77))
    assert public.channels == ("depth", "quote")
    assert business.channels == ("trade",)


def test_every_instrument_is_in_one_plan_of_each_kind_and_no_plan_is_too_large() -> None:
    listed = many(101)
    made = FEED.plans(URL, listed, MINUTE)
    for path in ("public", "business"):
        assert [one for plan in made if plan.url.endswith(path) for one in plan.instruments] == list(listed)
    assert max(len(plan.instruments) for plan in made if "public" in plan.url) == BOOKS_PER_CONNECTION < 30


def test_a_wire_opens_with_every_channel_of_its_plan_once() -> None:
    public, business = live(*LISTED)
    assert args_of(public.opening()) == [
        ("books", "BTC-USDT"),
        ("bbo-tbt", "BTC-USDT"),
        ("books", "BTC-USDT-SWAP"),
        ("bbo-tbt", "BTC-USDT-SWAP"),
        ("mark-price", "BTC-USDT-SWAP"),
        ("index-tickers", "BTC-USDT"),
        ("funding-rate", "BTC-USDT-SWAP"),
        ("books", "BTC-USD-SWAP"),
        ("bbo-tbt", "BTC-USD-SWAP"),
        ("mark-price", "BTC-USD-SWAP"),
        ("index-tickers", "BTC-USD"),
        ("funding-rate", "BTC-USD-SWAP"),
        ("books", "BTC-USD-220527"),
        ("bbo-tbt", "BTC-USD-220527"),
    ]
    assert args_of(business.opening())[:2] == [("trades-all", "BTC-USDT"), ("candle1m", "BTC-USDT")]
    assert replay(*LISTED).opening() == ()


def test_an_index_that_several_swaps_follow_is_asked_for_once() -> None:
    public, _ = live(instrument(SWAP), instrument(SWAP | {"instId": "BTC-USDT_X-SWAP"}))
    topics = args_of(public.opening())
    assert topics.count(("index-tickers", "BTC-USDT")) == 1
    assert len(topics) == 9


def test_messages_stay_within_the_venues_size_and_few() -> None:
    for wire in live(*many(200)):
        opening = wire.opening()
        assert max(map(len, opening)) <= MAX_MESSAGE_BYTES
        assert len(opening) <= 6
        topics = args_of(opening)
        assert len(topics) == len(set(topics))


def test_a_subscription_is_renewed_by_ending_it_and_beginning_it_anew() -> None:
    public, _ = live(*LISTED)
    end, begin = public.renewing(Route("BTC-USDT-PERP", "depth"))
    assert args_of([end], "unsubscribe") == args_of([begin]) == [("books", "BTC-USDT-SWAP")]
    end, begin = public.renewing(Route("BTC-USDT-PERP", "funding"))
    assert [channel for channel, _ in args_of([begin])] == ["mark-price", "index-tickers", "funding-rate"]
    assert public.renewing(Route("ETH-USDT", "depth")) == ()


def test_frames_go_to_whom_they_concern() -> None:
    wire = replay(*LISTED)
    for name, channel in (
        ("books", "depth"),
        ("bbo-tbt", "quote"),
        ("tickers", "quote"),
        ("trades", "trade"),
        ("trades-all", "trade"),
        ("candle1m", "candle"),
        ("mark-price", "funding"),
        ("funding-rate", "funding"),
    ):
        assert wire.take(frame(name, "BTC-USDT-SWAP", {})) == (("BTC-USDT-PERP", channel),)


def test_an_index_concerns_every_swap_that_follows_it() -> None:
    other = instrument(SWAP | {"instId": "BTC-USDT_X-SWAP"})
    wire = replay(*LISTED, other)
    assert wire.take(frame("index-tickers", "BTC-USDT", {})) == (
        Route("BTC-USDT-PERP", "funding"),
        Route("BTC-USDT_X-PERP", "funding"),
    )
    assert wire.take(frame("index-tickers", "DOGE-USDT", {})) == QUIET


def test_a_frame_that_is_laid_out_differently_is_attributed_too() -> None:
    wire = replay(*LISTED)
    pretty = json.dumps(json.loads(frame("books", "BTC-USDT", {}, action="update")), indent=1).encode()
    turned = b'{"data":[{}],"action":"update","arg":{"instId":"BTC-USDT","channel":"books"}}'
    assert wire.take(pretty) == wire.take(turned) == (Route("BTC-USDT", "depth"),)


def test_only_what_was_asked_for_is_routed_live() -> None:
    public, business = live(*LISTED)
    assert public.take(frame("bbo-tbt", "BTC-USDT", {})) == (Route("BTC-USDT", "quote"),)
    assert public.take(frame("tickers", "BTC-USDT", {})) == QUIET
    assert business.take(frame("trades", "BTC-USDT", {})) == QUIET


def test_a_stranger_is_named_once_added_no_more() -> None:
    wire = replay()
    assert wire.take(frame("books", "BTC-USDT-SWAP", {})) == Stray("BTC-USDT-SWAP")
    wire.add(instrument(SWAP))
    wire.add(instrument(SWAP))
    assert wire.take(frame("books", "BTC-USDT-SWAP", {})) == (Route("BTC-USDT-PERP", "depth"),)
    assert wire.take(frame("index-tickers", "BTC-USDT", {})) == (Route("BTC-USDT-PERP", "funding"),)


@pytest.mark.parametrize(
    "text",
    [
        b"pong",
        b'{"event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"a4d3ae55"}',
        b'{"event":"unsubscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"a4d3ae55"}',
        b'{"event":"channel-conn-count","channel":"orders","connCount":"2","connId":"abcd1234"}',
        b'{"event":"notice","code":"1","msg":"something else"}',
        b'{"arg":{"channel":"instruments","instType":"SPOT"},"data":[]}',
    ],
)
def test_what_tells_nothing_of_a_market_is_quiet(text: bytes) -> None:
    assert replay(*LISTED).take(text) == QUIET


def refused(code: str, message: str) -> Refused:
    public, _ = live(*LISTED)
    taken = public.take(json.dumps({"event": "error", "code": code, "msg": message, "connId": "a4d3ae55"}).encode())
    assert isinstance(taken, Refused)
    return taken


def test_a_refusal_says_which_subscription_and_whether_for_good() -> None:
    message = "Wrong URL or channel:books,instId:BTC-USDT-SWAP doesn't exist. Please use the correct URL."
    assert refused("60018", message) == Refused((Route("BTC-USDT-PERP", "depth"),), "60018", message, True)
    message = (
        'Invalid request: {"op": "subscribe", "argss":[{ "channel" : "books", "instId" : "BTC-USDT"},'
        '{"channel":"bbo-tbt","instId":"BTC-USDT"},{"channel":"books","instId":"NO-SUCH"}]}'
    )
    taken = refused("60012", message)
    assert taken.routes == (Route("BTC-USDT", "depth"), Route("BTC-USDT", "quote"))
    assert taken.is_final


def test_a_refusal_that_passes_may_be_asked_again() -> None:
    assert refused("60014", "Requests too frequent") == Refused((), "60014", "Requests too frequent", False)


def test_the_venue_says_that_it_will_leave() -> None:
    message = "The connection will soon be closed for a service upgrade. Please reconnect."
    taken = replay().take(json.dumps({"event": "notice", "code": "64008", "msg": message}).encode())
    assert taken == Leaving(message)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"ping",
        b"{}",
        b"[]",
        b'"pong"',
        b"\xff",
        b'{"arg":{"channel":"books","instId":"BTC',
        b'{"arg":7}',
        b"[" * 9_000,
    ],
)
def test_what_cannot_be_attributed_may_have_been_anything(text: bytes) -> None:
    assert isinstance(replay(*LISTED).take(text), Broken)


@given(text=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(text=b'{"arg":{"channel":"\\ud800","instId":"\\ud800"}}')
@example(text=b'{"event":"error","msg":"channel' + b"-" * 20_000 + b'"}')
@example(text=b'{"event":"error","msg":"' + b"channel:a" * 5_000 + b'"}')
def test_a_wire_never_raises(text: bytes) -> None:
    taken = replay(*LISTED).take(text)
    assert isinstance(taken, tuple | Stray | Refused | Broken | Leaving)


@given(data=st.data())
def test_a_wire_never_raises_on_damaged_frames(data: st.DataObject) -> None:
    sample = frame("books", "BTC-USDT", {"asks": []}, action="update")
    start = data.draw(st.integers(0, len(sample)))
    end = data.draw(st.integers(start, len(sample)))
    taken = replay(*LISTED).take(sample[:start] + data.draw(st.binary(max_size=9)) + sample[end:])
    assert isinstance(taken, tuple | Stray | Refused | Broken | Leaving)


def test_the_reads_ask_for_all_there_is() -> None:
    swap = instrument(SWAP)
    assert FEED.snapshot_request(swap) == ("/api/v5/market/books", {"instId": "BTC-USDT-SWAP", "sz": "400"}, 1)
    assert FEED.trades_request(swap) == ("/api/v5/market/trades", {"instId": "BTC-USDT-SWAP", "limit": "500"}, 1)
    assert FEED.dialect.listed_trades == 500
    assert [request.params["instType"] for request in FEED.listing] == ["SPOT", "SWAP", "FUTURES"]


def test_candles_are_asked_for_by_when_they_open() -> None:
    minute_ns = 60 * SECOND_NS
    request = FEED.bars_request(instrument(SPOT), 60_000, 100 * minute_ns, 103 * minute_ns)
    assert request.params == {
        "instId": "BTC-USDT",
        "bar": "1m",
        "after": str(103 * 60_000),  # exclusive, as is the other
        "before": str(100 * 60_000 - 1),
        "limit": "3",
    }
    newest = FEED.bars_request(instrument(SPOT), 3_600_000, 0, 10_000 * 60 * minute_ns)
    assert (newest.params["bar"], newest.params["limit"]) == ("1H", "300")
    assert newest.params["before"] == str(9_700 * 3_600_000 - 1)


def test_lists_of_options_are_not_asked_for_nor_read() -> None:
    assert FEED.is_listing("https://www.okx.com/api/v5/public/instruments?instType=SWAP")
    assert FEED.is_listing("/api/v5/public/instruments?uly=BTC-USD&instType=FUTURES")
    assert not FEED.is_listing("https://www.okx.com/api/v5/public/instruments?instType=OPTION&uly=BTC-USD")
    assert not FEED.is_listing("https://www.okx.com/api/v5/market/books?instType=SPOT")
    assert not FEED.is_listing("https://www.okx.com/api/v5/public/instruments")


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, b'{"code":"0","msg":"","data":[]}', ""),
        (200, b'{"code":"51001","msg":"Instrument ID does not exist","data":[]}', "51001"),
        (429, b'{"msg":"Too Many Requests","code":"50011"}', "50011"),
        (503, b"<html>", "http-503"),
        (200, b"<html>", ""),
        (500, b'{"code":"0"}', "http-500"),
    ],
)
def test_an_answer_says_why_it_is_none(status: int, body: bytes, code: str) -> None:
    assert FEED.refusal(status, body) == code


def test_reads_are_held_back_below_the_venues_limit_and_after_a_refusal() -> None:
    budget = FEED.new_budget()
    assert [budget.take(1, 0) for _ in range(32)] == [""] * 32
    assert budget.take(1, 1)
    assert budget.take(FEED.listing[0].cost, 2 * SECOND_NS) == ""
    budget.deny(200, "50011", 0, 2 * SECOND_NS)
    assert "wait" in budget.take(1, 3 * SECOND_NS)
    assert budget.take(1, 5 * SECOND_NS) == ""


def test_the_venue_hears_a_ping_before_it_would_close() -> None:
    rules = FEED.rules
    assert rules.keepalive is not None
    assert rules.keepalive.text == "ping"
    assert rules.keepalive.every_s < rules.idle_s <= 30
    assert replay().take(b"pong") == QUIET
