"""OKX frames to events: base units, the venue's own numbers, and nothing but our error for anything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isfinite
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seawall_proto import BarClosed, FundingPosted, QuoteTicked
from seawall_venues.feed_errors import MalformedFrameError
from seawall_venues.okx import parse
from seawall_venues.okx.book import DepthBook
from seawall_venues.okx.parse import (
    DepthUpdate,
    parse_bars,
    parse_candle,
    parse_depth,
    parse_funding,
    parse_quote,
    parse_snapshot,
    parse_trade,
    parse_trades,
)
from tests.unit.venues_okx.okx_frames import INVERSE, SPOT, SWAP, frame, instrument

BTC, PERP, COIN = instrument(SPOT), instrument(SWAP), instrument(INVERSE)
TS = "1787612486107"
TS_NS = 1_787_612_486_107_000_000
DEPTH = {
    "asks": [["78722.3", "400", "0", "10"]],
    "bids": [["78722.2", "3", "0", "2"], ["78721", "0", "0", "0"]],
    "ts": TS,
    "checksum": 0,
    "seqId": 15,
    "prevSeqId": 10,
}
BEST = {"asks": [["20000", "4", "0", "1"]], "bids": [["19999.5", "8", "0", "2"]], "ts": TS, "seqId": 77}
TICKER = {"instType": "SPOT", "last": "1", "askPx": "101", "askSz": "2", "bidPx": "100", "bidSz": "3", "ts": TS}
TRADE = {"instId": "X", "tradeId": "123", "px": "20000", "sz": "4", "side": "sell", "ts": TS, "count": "3", "seqId": 9}
CANDLE = ["1787612460000", "10.5", "11", "10", "10.8", "300", "3", "32", "0"]
MARK = {"instType": "SWAP", "markPx": "42310.6", "ts": TS}
INDEX = {"idxPx": "42300.1", "high24h": "0.5", "ts": TS}
RATE = {"fundingRate": "-0.00012", "fundingTime": "1787616000000", "nextFundingRate": "", "ts": TS}


def answer(*data: object) -> bytes:
    return json.dumps({"code": "0", "msg": "", "data": data}).encode()


def test_depth_is_told_in_base_units() -> None:
    spot = parse_depth(frame("books", "X", DEPTH, action="update"), BTC)
    assert spot.bids == ((78_722.2, 3.0), (78_721.0, 0.0))
    assert (spot.sequence_id, spot.previous_id, spot.ts_ms) == (15, 10, 1_787_612_486_107)
    assert not spot.is_snapshot
    assert not spot.bid_texts
    linear = parse_depth(frame("books", "X", DEPTH, action="snapshot"), PERP)
    assert linear.is_snapshot
    assert linear.asks == ((78_722.3, 4.0),)
    inverse = parse_depth(frame("books", "X", DEPTH, action="update"), COIN)
    assert inverse.asks == ((78_722.3, 40_000 / 78_722.3),)
    assert inverse.bids[1] == (78_721.0, 0.0)


def test_texts_are_kept_as_sent_where_there_is_a_checksum() -> None:
    depth = parse_depth(
        frame("books", "X", DEPTH | {"checksum": -7, "bids": [["1.50", "2.10", "0", "1"]]}, action="update"), PERP
    )
    assert depth.bid_texts == ("1.50:2.10",)
    assert depth.ask_texts == ("78722.3:400",)


def test_old_depth_has_no_numbers() -> None:
    old = {name: DEPTH[name] for name in ("asks", "bids", "ts")} | {"checksum": 5}
    depth = parse_depth(frame("books", "X", old, action="snapshot"), BTC)
    assert (depth.sequence_id, depth.previous_id) == (parse.NUMBERLESS, parse.NUMBERLESS)


def test_a_book_over_rest_has_the_number_of_the_stream() -> None:
    book = parse_snapshot(answer({"asks": DEPTH["asks"], "bids": DEPTH["bids"], "ts": TS, "seqId": 99}), PERP)
    assert (book.update_id, book.ts_venue_ns, book.limit) == (99, TS_NS, 400)
    assert book.asks == ((78_722.3, 4.0),)
    assert parse_snapshot(answer({"asks": [], "bids": [], "ts": TS}), PERP).update_id == TS_NS


def test_the_best_quote_has_the_number_of_the_book() -> None:
    quote = parse_quote(frame("bbo-tbt", "X", BEST), COIN, 5)
    assert quote is not None
    assert quote.id == "okx.BTC-USD-PERP.quote.77"
    assert (quote.update_id, quote.ts_venue_ns, quote.ts_received_ns) == (77, TS_NS, 5)
    assert (quote.bid_price, quote.bid_quantity) == (19_999.5, 800 / 19_999.5)
    assert (quote.ask_price, quote.ask_quantity) == (20_000.0, 0.02)


def test_book_and_quote_of_the_same_contracts_are_the_same_to_the_last_bit() -> None:
    for listed in (BTC, PERP, COIN):
        for contracts in range(1, 300):
            level = [["19999.7", str(contracts), "0", "1"]]
            quote = parse_quote(frame("bbo-tbt", "X", BEST | {"bids": level}), listed, 0)
            depth = parse_depth(frame("books", "X", DEPTH | {"bids": level}, action="update"), listed)
            assert quote is not None
            assert depth.bids == ((quote.bid_price, quote.bid_quantity),)


def test_a_market_that_nobody_quotes_has_no_best_quote() -> None:
    assert parse_quote(frame("bbo-tbt", "X", BEST | {"asks": []}), BTC, 0) is None
    assert parse_quote(frame("bbo-tbt", "X", BEST | {"bids": []}), BTC, 0) is None
    assert parse_quote(frame("tickers", "X", TICKER | {"bidPx": "", "bidSz": ""}), BTC, 0) is None


def test_a_quote_of_the_tickers_is_numbered_by_its_time() -> None:
    quote = parse_quote(frame("tickers", "X", TICKER), PERP, 0)
    assert quote is not None
    assert quote.update_id == TS_NS
    assert (quote.bid_price, quote.bid_quantity, quote.ask_price, quote.ask_quantity) == (100.0, 0.03, 101.0, 0.02)


def test_a_trade_is_told_in_base_units_with_the_takers_side() -> None:
    (trade,) = parse_trade(frame("trades-all", "X", TRADE), PERP, 6)
    assert trade.id == "okx.BTC-USDT-PERP.trade.123"
    assert (trade.trade_id, trade.price, trade.quantity, trade.aggressor) == ("123", 20_000.0, 0.04, "sell")
    assert (trade.ts_venue_ns, trade.ts_received_ns) == (TS_NS, 6)
    (trade,) = parse_trade(frame("trades-all", "X", TRADE), COIN, 6)
    assert trade.quantity == 0.02


def test_listed_trades_come_oldest_first() -> None:
    trades = parse_trades(answer(TRADE | {"tradeId": "9"}, TRADE | {"tradeId": "8"}, TRADE | {"tradeId": "10"}), BTC, 0)
    assert [trade.trade_id for trade in trades] == ["8", "9", "10"]


@pytest.mark.parametrize(("listed", "volume"), [(BTC, 300.0), (PERP, 3.0), (COIN, 3.0)])
def test_a_candle_has_its_volume_in_base_units(listed: Any, volume: float) -> None:
    (bar,) = parse_candle(frame("candle1m", "X", CANDLE), listed, 4)
    assert bar.id == f"okx.{listed.symbol}.bar.60000000000.1787612460000000000"
    assert (bar.open, bar.high, bar.low, bar.close) == (10.5, 11.0, 10.0, 10.8)
    assert (bar.volume, bar.quote_volume) == (volume, 32.0)
    assert bar.ts_close_ns == bar.ts_open_ns + bar.interval_ns == 1_787_612_520_000_000_000
    assert bar.repaired


def test_every_interval_has_its_own_channel() -> None:
    for interval_ms, name in parse.CANDLES.items():
        (bar,) = parse_candle(frame(f"candle{name}", "X", CANDLE), BTC, 0)
        assert bar.interval_ns == interval_ms * 1_000_000
    with pytest.raises(MalformedFrameError, match="candle3M"):
        parse_candle(frame("candle3M", "X", CANDLE), BTC, 0)


def bars_of(*opens_ms: int, interval_ms: int = 60_000) -> tuple[BarClosed, ...]:
    return parse_bars(answer(*([str(opens), *CANDLE[1:]] for opens in opens_ms)), BTC, interval_ms, 0)


def test_listed_candles_last_as_long_as_was_asked_for() -> None:
    bars = bars_of(900_000, 600_000, 480_000)
    assert [bar.ts_open_ns // 1_000_000 for bar in bars] == [480_000, 600_000, 900_000]
    assert {bar.interval_ns for bar in bars} == {60_000_000_000}
    (single,) = bars_of(600_000, interval_ms=300_000)
    assert single.ts_close_ns == 900_000_000_000
    for opens_ms in ((420_000, 420_000), (420_000, 479_999), (900_000, 600_000, 840_001)):
        with pytest.raises(MalformedFrameError, match="60000 ms"):
            bars_of(*opens_ms)


def posted(*payloads: bytes) -> FundingPosted | None:
    known: FundingPosted | None = None
    for payload in payloads:
        known = parse_funding(payload, PERP, 3, known)
    return known


MARKED, INDEXED, RATED = (
    frame("mark-price", "X", MARK),
    frame("index-tickers", "X", INDEX),
    frame("funding-rate", "X", RATE),
)


def test_funding_is_what_three_channels_say_together() -> None:
    funding = posted(MARKED, INDEXED, RATED)
    assert funding is not None
    assert (funding.mark_price, funding.index_price, funding.funding_rate) == (42_310.6, 42_300.1, -0.00012)
    assert funding.ts_next_funding_ns == 1_787_616_000_000_000_000
    assert funding.id == "okx.BTC-USDT-PERP.funding.1787612486107"
    later = parse_funding(frame("mark-price", "X", MARK | {"markPx": "42000", "ts": "1787612486307"}), PERP, 4, funding)
    assert later is not None
    assert (later.mark_price, later.index_price, later.funding_rate) == (42_000.0, 42_300.1, -0.00012)
    assert later.ts_venue_ns == 1_787_612_486_307_000_000


def test_funding_needs_a_mark_price_and_says_what_it_does_not_know() -> None:
    assert posted(INDEXED) is None
    assert posted(RATED) is None
    funding = posted(MARKED)
    assert funding is not None
    assert (funding.index_price, funding.ts_next_funding_ns) == (0.0, 0)
    with pytest.raises(MalformedFrameError):
        posted(frame("mark-price", "X", {"ts": TS}))


def test_funding_never_goes_back_in_time_between_its_channels() -> None:
    funding = posted(MARKED, frame("index-tickers", "X", INDEX | {"ts": "1787612486000"}))
    assert funding is not None
    assert (funding.ts_venue_ns, funding.index_price) == (TS_NS, 42_300.1)


def test_a_rate_of_zero_replaces_another() -> None:
    funding = posted(MARKED, RATED, frame("funding-rate", "X", RATE | {"fundingRate": "0"}))
    assert funding is not None
    assert funding.funding_rate == 0.0


READERS: dict[str, Callable[[bytes], object]] = {
    "depth": lambda payload: parse_depth(payload, COIN),
    "snapshot": lambda payload: parse_snapshot(payload, COIN),
    "quote": lambda payload: parse_quote(payload, COIN, 0),
    "trade": lambda payload: parse_trade(payload, COIN, 0),
    "trades": lambda payload: parse_trades(payload, COIN, 0),
    "candle": lambda payload: parse_candle(payload, COIN, 0),
    "bars": lambda payload: parse_bars(payload, COIN, 60_000, 0),
    "funding": lambda payload: parse_funding(payload, COIN, 0, None),
}
SAMPLES: dict[str, bytes] = {
    "depth": frame("books", "BTC-USD-SWAP", DEPTH | {"checksum": 9}, action="snapshot"),
    "snapshot": answer(DEPTH),
    "quote": frame("bbo-tbt", "X", BEST),
    "trade": frame("trades-all", "X", TRADE),
    "trades": answer(TRADE, TRADE),
    "candle": frame("candle1m", "X", CANDLE),
    "bars": answer(CANDLE, ["1787612400000", *CANDLE[1:]]),
    "funding": frame("mark-price", "X", MARK),
}
NUMBERS = {
    "depth": ("78722.3", "400"),
    "snapshot": ("78722.2", "3"),
    "quote": ("20000", "8"),
    "trade": ("20000", "4"),
    "trades": ("20000", "4"),
    "candle": ("10.8", "300"),
    "bars": ("10.8", "300"),
    "funding": ("42310.6", None),
}


@pytest.mark.parametrize("kind", READERS)
def test_the_samples_are_read(kind: str) -> None:
    assert READERS[kind](SAMPLES[kind])


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("bad", ["NaN", "nan", "Infinity", "-1", "0", "1e13", "1e-320", "", "x", "1,5", " 1"])
def test_a_price_that_cannot_be_makes_the_whole_frame_malformed(kind: str, bad: str) -> None:
    price, _ = NUMBERS[kind]
    with pytest.raises(MalformedFrameError):
        READERS[kind](SAMPLES[kind].replace(f'"{price}"'.encode(), f'"{bad}"'.encode()))


@pytest.mark.parametrize("kind", [kind for kind, (_, amount) in NUMBERS.items() if amount])
@pytest.mark.parametrize("bad", ["NaN", "inf", "-1", "1e19", "", "x"])
def test_an_amount_that_cannot_be_makes_the_whole_frame_malformed(kind: str, bad: str) -> None:
    _, amount = NUMBERS[kind]
    with pytest.raises(MalformedFrameError):
        READERS[kind](SAMPLES[kind].replace(f'"{amount}"'.encode(), f'"{bad}"'.encode()))


@pytest.mark.parametrize("bad", ["NaN", "10", "-10", "", "x"])
def test_a_rate_that_cannot_be_makes_the_whole_frame_malformed(bad: str) -> None:
    with pytest.raises(MalformedFrameError):
        posted(MARKED, frame("funding-rate", "X", RATE | {"fundingRate": bad}))


@pytest.mark.parametrize("bad", ["-1", "1e99", str(2**63), "x", "", None])
def test_numbers_and_times_that_cannot_be_make_the_whole_frame_malformed(bad: str | None) -> None:
    for name in ("ts", "seqId"):
        with pytest.raises(MalformedFrameError):
            parse_depth(frame("books", "X", DEPTH | {name: bad}, action="update"), BTC)


@pytest.mark.parametrize("kind", ["snapshot", "trades", "bars"])
def test_a_refusal_is_no_answer(kind: str) -> None:
    with pytest.raises(MalformedFrameError):
        READERS[kind](b'{"code":"51001","msg":"Instrument ID does not exist","data":[]}')


@pytest.mark.parametrize("kind", READERS)
@given(payload=st.binary(max_size=300))
@example(payload=b"")
@example(payload=b"pong")
@example(payload=b"[" * 5_000)
@example(payload=b'{"data":[' + b"[" * 5_000)
def test_no_bytes_are_more_than_malformed(kind: str, payload: bytes) -> None:
    with pytest.raises(MalformedFrameError):
        READERS[kind](payload)


@pytest.mark.parametrize("kind", READERS)
@given(data=st.data())
def test_damaged_frames_are_malformed_or_say_what_can_be(kind: str, data: st.DataObject) -> None:
    sample = SAMPLES[kind]
    start = data.draw(st.integers(0, len(sample)))
    end = data.draw(st.integers(start, min(len(sample), start + 12)))
    filling = data.draw(st.binary(max_size=12) | st.sampled_from([b"1e308", b"null", b'""', b"-1", b"1e-300"]))
    try:
        read = READERS[kind](sample[:start] + filling + sample[end:])
    except MalformedFrameError:
        return
    if isinstance(read, DepthUpdate):
        DepthBook(COIN).apply(read)
        assert all(0 < price < 1e12 and isfinite(quantity) for price, quantity in (*read.bids, *read.asks))
    if isinstance(read, QuoteTicked):
        assert 0 < read.bid_price < 1e12
        assert isfinite(read.bid_quantity)
