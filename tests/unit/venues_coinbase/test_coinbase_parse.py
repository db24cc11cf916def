"""Coinbase bytes to events."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seawall_proto import FundingPosted
from seawall_venues.coinbase import parse
from seawall_venues.coinbase.dialect import DIALECT
from seawall_venues.feed_errors import MalformedFrameError
from tests.unit.venues_coinbase.coinbase_feed import BTC, ETH, candle, depth, frame, ticker, trade, trades

SECOND_NS = 1_786_309_500 * 10**9  # 2026-08-09T21:05:00Z
CANDLES = {"type": "update", "candles": [candle(1786309500)]}
LISTED_TRADES = msgspec.json.encode({"trades": [trade(2, bid="", ask=""), trade(1)], "best_bid": "", "best_ask": ""})
LISTED_CANDLES = msgspec.json.encode({"candles": [candle(1786309560), candle(1786309500)]})
BOOK = msgspec.json.encode(
    {
        "pricebook": {
            "product_id": "BTC-USD",
            "bids": [{"price": "10", "size": "1"}],
            "asks": [{"price": "11", "size": "2"}],
            "time": "2026-08-09T21:05:00.5Z",
        },
        "last": "10.5",
    }
)
PARSERS: dict[str, Callable[[bytes], Any]] = {
    "depth": lambda raw: DIALECT.parse_depth(raw, BTC),
    "snapshot": lambda raw: DIALECT.parse_snapshot(raw, BTC),
    "quote": lambda raw: DIALECT.parse_quote(raw, BTC, 1),
    "trade": lambda raw: DIALECT.parse_trade(raw, BTC, 1),
    "candle": lambda raw: DIALECT.parse_candle(raw, BTC, 1),
    "trades": lambda raw: DIALECT.parse_trades(raw, BTC, 1),
    "bars": lambda raw: DIALECT.parse_bars(raw, BTC, 60_000, 1),
}
GOOD = {
    "depth": frame("l2_data", 3, depth("update", [(10.0, 1.0)], [(11.0, 2.0)])),
    "snapshot": BOOK,
    "quote": frame("ticker", 4, ticker()),
    "trade": frame("market_trades", 5, trades(trade(2), trade(1))),
    "candle": frame("candles", 6, CANDLES),
    "trades": LISTED_TRADES,
    "bars": LISTED_CANDLES,
}


@given(st.integers(946_684_800, 4_102_444_799), st.integers(0, 10**9 - 1), st.integers(0, 9))
def test_times_stay_exact_to_the_nanosecond(seconds: int, nanosecond: int, decimals: int) -> None:
    kept = nanosecond // 10 ** (9 - decimals)
    second = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    text = second.strftime("%Y-%m-%dT%H:%M:%S") + (f".{kept:0{decimals}d}" if decimals else "") + "Z"
    assert parse.nanoseconds(text) == seconds * 10**9 + kept * 10 ** (9 - decimals)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Z",
        "2026-08-09",
        "2026-08-09T21:05:00",
        "2026-08-09T21:05:00.Z",
        "2026-08-09T21:05:00.1234567890Z",
        "2026-08-09T21:05:00.12",
        "2026-08-09T21:05:00.+1Z",
        "2026-08-09T21:05:00,12Z",
        "2026-08-09T21:05:00.1_2Z",
        "2026-08-09T21:05:00.\u0661Z",
        "2026-08-09T21:05:00+00:00",
        "2026-08-09T21:05:60Z",
        "2026-13-09T21:05:00Z",
        "2026-08-09 21:05:00Z",
        "1926-08-09T21:05:00Z",
        "2\u0660\u0662\u0666-08-09T21:05:00.1Z",
    ],
)
def test_what_is_no_time_in_utc_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse.nanoseconds(text)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        parse.nanoseconds(text)
    except ValueError:
        return
    assert text.endswith("Z")


def test_a_depth_frame_gives_the_levels_of_each_side_with_number_and_times() -> None:
    update = parse.parse_depth(GOOD["depth"], BTC)
    assert (update.bids, update.asks, update.is_snapshot) == ([(10.0, 1.0)], [(11.0, 2.0)], False)
    assert update.sequence_num == 3
    assert update.update_id == SECOND_NS + 3_000_000
    assert update.ts_venue_ns == SECOND_NS + 1


def test_a_book_without_a_level_has_the_time_of_its_frame() -> None:
    update = parse.parse_depth(frame("l2_data", 0, depth("snapshot"), at_ns=77), BTC)
    assert update.is_snapshot
    assert update.ts_venue_ns == update.update_id == SECOND_NS + 77


def test_a_depth_frame_is_read_for_one_product_only() -> None:
    both = frame("l2_data", 0, depth("update", [(1.0, 5.0)], product="ETH-USD"), depth("update", [(2.0, 6.0)]))
    assert parse.parse_depth(both, ETH).bids == [(1.0, 5.0)]
    assert parse.parse_depth(both, BTC).bids == [(2.0, 6.0)]
    with pytest.raises(MalformedFrameError, match="nothing of ETH-USD"):
        parse.parse_depth(GOOD["depth"], ETH)


def test_several_events_of_one_frame_are_taken_in_their_order() -> None:
    updates = frame("l2_data", 0, depth("update", [(1.0, 5.0)]), depth("update", [(1.0, 6.0)]))
    assert parse.parse_depth(updates, BTC).bids == [(1.0, 5.0), (1.0, 6.0)]
    old, new = depth("update", [(9.0, 9.0)]), depth("snapshot", [(1.0, 5.0), (2.0, 5.0)], [(3.0, 1.0)])
    told = parse.parse_depth(frame("l2_data", 0, old, new, depth("update", [(2.0, 0.0)])), BTC)
    assert told.is_snapshot
    assert told.bids == [(1.0, 5.0), (2.0, 0.0)]
    assert told.asks == [(3.0, 1.0)]


def test_a_ticker_is_a_quote_numbered_by_the_time_of_its_frame() -> None:
    quote = parse.parse_quote(GOOD["quote"], BTC, 9)
    assert quote is not None
    assert (quote.bid_price, quote.bid_quantity, quote.ask_price, quote.ask_quantity) == (10.0, 1.0, 11.0, 2.0)
    assert quote.update_id == quote.ts_venue_ns == SECOND_NS + 4_000_000
    assert quote.id == f"coinbase.BTC-USD.quote.{quote.update_id}"
    assert quote.ts_received_ns == 9
    assert parse.parse_quote(GOOD["quote"], ETH, 9) is None


def test_trades_come_newest_first_and_are_given_oldest_first() -> None:
    told = parse.parse_trade(frame("market_trades", 0, trades(trade(3), trade(2)), trades(trade(1))), BTC, 9)
    assert [item.trade_id for item in told] == ["1", "2", "3"]
    assert told[0].id == "coinbase.BTC-USD.trade.1"
    assert (told[0].price, told[0].quantity) == (10.5, 0.25)
    assert told[0].ts_venue_ns == SECOND_NS + 42_514_318_000


def test_the_side_of_a_trade_is_the_makers() -> None:
    told = parse.parse_trade(frame("market_trades", 0, trades(trade(2, side="SELL"), trade(1, side="BUY"))), BTC, 9)
    assert [item.aggressor for item in told] == ["sell", "buy"]


def test_trades_of_other_products_and_of_nothing_are_left_out() -> None:
    told = parse.parse_trade(frame("market_trades", 0, trades(trade(2, "ETH-USD"), trade(1, size="0"))), BTC, 9)
    assert told == ()


def test_listed_trades_are_given_oldest_first() -> None:
    assert [item.trade_id for item in parse.parse_trades(LISTED_TRADES, BTC, 9)] == ["1", "2"]


def test_streamed_candles_last_five_minutes_and_listed_ones_as_long_as_was_asked_for() -> None:
    (streamed,) = parse.parse_candle(GOOD["candle"], BTC, 9)
    assert (streamed.ts_open_ns, streamed.ts_close_ns) == (SECOND_NS, SECOND_NS + 300 * 10**9)
    assert (streamed.open, streamed.high, streamed.low, streamed.close, streamed.volume) == (10, 12, 9, 11, 3.5)
    assert streamed.repaired
    assert parse.parse_candle(GOOD["candle"], ETH, 9) == ()
    first, second = parse.parse_bars(LISTED_CANDLES, BTC, 60_000, 9)
    assert (first.ts_open_ns, second.ts_open_ns) == (SECOND_NS, SECOND_NS + 60 * 10**9)
    assert first.id == f"coinbase.BTC-USD.bar.60000000000.{SECOND_NS}"
    assert first.interval_ns == 60 * 10**9
    (single,) = parse.parse_bars(msgspec.json.encode({"candles": [candle(1786309200)]}), BTC, 3_600_000, 9)
    assert (single.interval_ns, single.ts_close_ns) == (3_600 * 10**9, (1786309200 + 3_600) * 10**9)
    with pytest.raises(MalformedFrameError, match="300000 ms"):
        parse.parse_bars(LISTED_CANDLES, BTC, 300_000, 9)


def test_a_book_over_rest_is_numbered_by_its_time() -> None:
    book = parse.parse_snapshot(BOOK, BTC)
    assert (book.bids, book.asks) == (((10.0, 1.0),), ((11.0, 2.0),))
    assert book.update_id == book.ts_venue_ns == SECOND_NS + 500_000_000
    with pytest.raises(MalformedFrameError):
        parse.parse_snapshot(BOOK, ETH)


def test_spot_has_no_funding() -> None:
    known: FundingPosted | None = None
    assert DIALECT.parse_funding(b"{}", BTC, 1, known) is None


@pytest.mark.parametrize("bad", ["0", "-1", "nan", "NaN", "inf", "1e13", "", "ten"])
def test_a_price_that_cannot_be_makes_the_frame_malformed(bad: str) -> None:
    level = depth("update", [(10.0, 1.0)])
    level["updates"][0]["price_level"] = bad
    for name, raw in {
        "depth": frame("l2_data", 0, level),
        "quote": frame("ticker", 0, ticker(best_bid=bad)),
        "trade": frame("market_trades", 0, trades(trade(1, price=bad))),
        "candle": frame("candles", 0, {"type": "update", "candles": [candle(1786309500, low=bad)]}),
        "trades": msgspec.json.encode({"trades": [trade(1, price=bad)]}),
        "bars": msgspec.json.encode({"candles": [candle(1786309500, close=bad)]}),
        "snapshot": BOOK.replace(b'"price":"10"', f'"price":"{bad}"'.encode()),
    }.items():
        with pytest.raises(MalformedFrameError):
            PARSERS[name](raw)


@pytest.mark.parametrize("bad", ["-1", "nan", "inf", "1e19", ""])
def test_a_quantity_that_cannot_be_makes_the_frame_malformed(bad: str) -> None:
    level = depth("update", [(10.0, 1.0)])
    level["updates"][0]["new_quantity"] = bad
    with pytest.raises(MalformedFrameError):
        parse.parse_depth(frame("l2_data", 0, level), BTC)
    with pytest.raises(MalformedFrameError):
        parse.parse_trade(frame("market_trades", 0, trades(trade(1, size=bad))), BTC, 1)


@pytest.mark.parametrize("name", ["depth", "quote", "trade", "candle"])
def test_a_frame_of_another_channel_is_malformed(name: str) -> None:
    for other, raw in GOOD.items():
        if other in {"depth", "quote", "trade", "candle"} and other != name:
            with pytest.raises(MalformedFrameError):
                PARSERS[name](raw)


def test_a_frame_whose_time_cannot_be_read_is_malformed() -> None:
    for name in ("depth", "quote", "trade", "snapshot", "trades"):
        raw = GOOD[name].replace(b"2026-08-09T21", b"2026-08-09T25")
        with pytest.raises(MalformedFrameError):
            PARSERS[name](raw)


@pytest.mark.parametrize("name", list(PARSERS))
def test_a_good_frame_cut_or_spoilt_anywhere_is_malformed(name: str) -> None:
    raw = GOOD[name]
    PARSERS[name](raw)
    for at in range(len(raw)):
        for damaged in (raw[:at], raw[:at] + b"\0" + raw[at + 1 :]):
            with pytest.raises(MalformedFrameError):
                PARSERS[name](damaged)


@pytest.mark.parametrize("name", list(PARSERS))
@given(raw=st.binary(max_size=120), at=st.integers(0, 600), kept=st.booleans())
@example(raw=b"[" * 100_000, at=0, kept=False)
@example(raw=b'{"events":' * 50_000, at=0, kept=False)
def test_any_bytes_are_read_or_refused_and_nothing_else(name: str, raw: bytes, at: int, kept: bool) -> None:
    good = GOOD[name]
    for tried in (raw, good[:at] + raw + good[at + (0 if kept else len(raw)) :]):
        with suppress(MalformedFrameError):
            PARSERS[name](tried)
