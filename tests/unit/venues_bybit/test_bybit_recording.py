"""The recorded half minute, end to end: every frame read, every sequence right, every book the market's."""

from __future__ import annotations

from bisect import bisect_right
from math import isclose
from typing import Any

import pytest

from seawall_proto import FundingPosted
from seawall_venues.bybit.symbols import LINEAR, SPOT
from seawall_venues.feed import Verdict
from tests.paths import needs_recording

from .bybit_frames import RECORDING, Reader, decode, recorded, recorded_books

pytestmark = needs_recording(RECORDING)

UPDATES = {
    (LINEAR, "BTC-USDT-PERP"): 267,
    (LINEAR, "ETH-USDT-PERP"): 273,
    (LINEAR, "SOL-USDT-PERP"): 248,
    (LINEAR, "DOGE-USDT-PERP"): 242,
    (SPOT, "BTC-USDT"): 221,
    (SPOT, "ETH-USDT"): 169,
}

CANDLE_LAG_NS = 100_000_000  # a candle was seen to lack a trade of 65 ms before


def read_all(venue: str) -> Reader:
    part = recorded(venue)
    reader = Reader(part.feed, part.instruments)
    for frame in part.frames:
        reader.read(frame)
    return reader


def test_every_frame_of_both_sockets_is_read() -> None:
    linear, spot = read_all(LINEAR), read_all(SPOT)
    assert linear.taken == {"routed": 1_652, "quiet": 17}  # the acknowledgements
    assert spot.taken == {"routed": 413, "quiet": 7 + 49}  # and tickers, which tell nothing we carry
    assert sum((linear.taken + spot.taken).values()) == 2_138


@pytest.mark.parametrize("venue", [LINEAR, SPOT])
def test_every_update_follows_on_the_one_before(venue: str) -> None:
    reader = read_all(venue)
    assert reader.verdicts == {
        (symbol, Verdict.APPLIED): count for (where, symbol), count in UPDATES.items() if where == venue
    }


@pytest.mark.parametrize("venue", [LINEAR, SPOT])
def test_the_stream_keeps_exactly_two_hundred_levels_whole_and_never_crosses(venue: str) -> None:
    part = recorded(venue)
    for one, frames in recorded_books(venue).values():
        book = part.feed.dialect.new_book(one)
        for frame in frames:
            book.apply(part.feed.dialect.parse_depth(frame, one))
            assert (len(book.levels.bids), len(book.levels.asks)) == (200, 200)
            assert book.levels.trouble() == ""
            assert book.levels.knows_top()
            assert book.levels.reaches(200)


@pytest.mark.parametrize("venue", [LINEAR, SPOT])
def test_a_book_equals_one_built_from_the_bare_text(venue: str) -> None:
    part = recorded(venue)
    for one, frames in recorded_books(venue).values():
        book = part.feed.dialect.new_book(one)
        sides: tuple[dict[str, str], dict[str, str]] = ({}, {})
        for frame in frames:
            book.apply(part.feed.dialect.parse_depth(frame, one))
            data = decode(frame)["data"]
            for side, changes in zip(sides, (data["b"], data["a"]), strict=True):
                side |= dict(changes)
        bids, asks = (sorted((float(p), float(q)) for p, q in side.items() if float(q)) for side in sides)
        assert book.levels.bids.top(1_000) == tuple(reversed(bids))
        assert book.levels.asks.top(1_000) == tuple(asks)


def test_every_best_price_is_the_books_before_or_after_it_in_the_engines_own_order() -> None:
    """No ticker carries a number of the book, so each is held against the two books that it stands between."""
    part = recorded(LINEAR)
    checked, exact = 0, 0
    for venue_symbol, (one, frames) in recorded_books(LINEAR).items():
        book = part.feed.dialect.new_book(one)
        numbers, tops = [], []
        for frame in frames:
            book.apply(part.feed.dialect.parse_depth(frame, one))
            numbers.append(book.update_id)
            tops.append((book.levels.bids.best(), book.levels.asks.best()))
        merged: dict[str, Any] = {}
        for frame in part.frames:
            ticker = decode(frame)
            if ticker.get("topic") != f"tickers.{venue_symbol}":
                continue
            merged |= ticker["data"]
            after = bisect_right(numbers, ticker["cs"])
            exact += ticker["cs"] in numbers
            if 0 < after < len(numbers):
                for side, key in enumerate(("bid1Price", "ask1Price")):
                    checked += 1
                    assert float(merged[key]) in (tops[after - 1][side], tops[after][side])
    assert (checked, exact) == (1_002, 0)


def test_quotes_come_from_the_tickers_that_tell_both_sides() -> None:
    part = recorded(LINEAR)
    reader = read_all(LINEAR)
    complete = [
        (body["cs"], *(float(body["data"][key]) for key in ("bid1Price", "bid1Size", "ask1Price", "ask1Size")))
        for body in map(decode, part.frames)
        if body.get("topic", "").startswith("tickers.")
        and {"bid1Price", "bid1Size", "ask1Price", "ask1Size"} <= body["data"].keys()
    ]
    assert len(complete) == 91
    assert complete == [
        (quote.update_id, quote.bid_price, quote.bid_quantity, quote.ask_price, quote.ask_quantity)
        for quote in reader.quotes
    ]


def test_funding_is_what_all_the_tickers_so_far_add_up_to() -> None:
    part = recorded(LINEAR)
    reader = Reader(part.feed, part.instruments)
    merged: dict[str, dict[str, Any]] = {}
    posts, changes = set[str](), 0
    for frame in part.frames:
        reader.read(frame)
        body = decode(frame)
        if not body.get("topic", "").startswith("tickers."):
            continue
        data = merged.setdefault(body["data"]["symbol"], {})
        data |= body["data"]
        changes += bool({"markPrice", "indexPrice", "fundingRate", "nextFundingTime"} & body["data"].keys())
        posted = reader.funding[f"{data['symbol'].removesuffix('USDT')}-USDT-PERP"]
        posts.add(posted.id)
        assert _told(posted) == (
            float(data["markPrice"]),
            float(data["indexPrice"]),
            float(data["fundingRate"]),
            int(data["nextFundingTime"]) * 1_000_000,
        )
    assert len(posts) == changes > 0


def _told(posted: FundingPosted) -> tuple[float, float, float, int]:
    return posted.mark_price, posted.index_price, posted.funding_rate, posted.ts_next_funding_ns


@pytest.mark.parametrize(("venue", "count"), [(LINEAR, 167), (SPOT, 8)])
def test_every_trade_is_told_once(venue: str, count: int) -> None:
    reader = read_all(venue)
    assert len(reader.trades) == len({trade.id for trade in reader.trades}) == count


@pytest.mark.parametrize(("venue", "count"), [(LINEAR, 41), (SPOT, 11)])
def test_a_candle_holds_what_the_trades_of_its_minute_add_up_to(venue: str, count: int) -> None:
    reader = read_all(venue)
    whole_minute_ns = max(bar.ts_open_ns for bar in reader.candles)  # the only one whose first trade was recorded
    bars = [bar for bar in reader.candles if bar.ts_open_ns == whole_minute_ns]
    for bar in bars:
        trades = [
            trade for trade in reader.trades if trade.symbol == bar.symbol and trade.ts_venue_ns >= bar.ts_open_ns
        ]
        until = [trade for trade in trades if trade.ts_venue_ns <= bar.ts_venue_ns]
        surely = [trade for trade in until if trade.ts_venue_ns <= bar.ts_venue_ns - CANDLE_LAG_NS]
        assert any(
            isclose(sum(trade.quantity for trade in trades[:told]), bar.volume, rel_tol=1e-9)
            and isclose(sum(trade.quantity * trade.price for trade in trades[:told]), bar.quote_volume, rel_tol=1e-9)
            for told in range(len(surely), len(until) + 1)
        )
    assert len(bars) == count
    assert any(bar.volume for bar in bars)


@pytest.mark.parametrize("venue", [LINEAR, SPOT])
def test_a_candle_has_ended_exactly_where_its_time_is_its_close(venue: str) -> None:
    part = recorded(venue)
    reader = read_all(venue)
    confirmed = [
        candle["confirm"]
        for body in map(decode, part.frames)
        if body.get("topic", "").startswith("kline.")
        for candle in body["data"]
    ]
    assert confirmed.count(True) > 0
    assert confirmed == [bar.ts_venue_ns >= bar.ts_close_ns for bar in reader.candles]


@pytest.mark.parametrize(("venue", "count"), [(LINEAR, 800), (SPOT, 557)])
def test_every_listed_instrument_is_known_by_a_name_of_its_own(venue: str, count: int) -> None:
    part = recorded(venue)
    assert len(part.instruments) == len({one.symbol for one in part.instruments}) == count
    assert len({one.venue_symbol for one in part.instruments}) == count


def test_a_dated_contract_is_named_for_the_day_of_its_delivery() -> None:
    months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
    dated = [one for one in recorded(LINEAR).instruments if not one.symbol.endswith("-PERP")]
    assert len(dated) == 40
    for one in dated:
        day = one.venue_symbol.partition("-")[2]
        expected = f"{day[-2:]}{months.index(day[-5:-2]) + 1:02}{int(day[:-5]):02}"
        assert one.symbol == f"{one.base}-{one.quote}-{expected}"
