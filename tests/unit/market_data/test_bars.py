"""Bars hold exactly the trades of their time, end on time, and are never published in part."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seawall_market_data.commands import FetchBars, FetchTrades
from seawall_market_data.facts import TradesFetched
from seawall_proto import BarClosed, TradePrinted
from tests.worlds.feed_story import MS, SYMBOL, VENUE, FeedStory

T0 = 1_700_000_000_000  # a whole second, and a whole minute but for 20 s


def trade(number: int, at_ms: int, price: float = 100.0, quantity: float = 1.0, *, seller: bool = False) -> bytes:
    data = {"e": "trade", "E": at_ms, "T": at_ms, "s": "BTCUSDT", "t": number, "p": f"{price}", "q": f"{quantity}"}
    return json.dumps(
        {"stream": "btcusdt@trade", "data": {**data, "X": "MARKET", "m": seller}}, separators=(",", ":")
    ).encode()


def listed(*trades: tuple[int, int, float]) -> bytes:
    return json.dumps(
        [
            {"id": number, "price": str(price), "qty": "1", "quoteQty": "1", "time": at_ms, "isBuyerMaker": False}
            for number, at_ms, price in trades
        ]
    ).encode()


def many(last: int, at_ms: int) -> list[tuple[int, int, float]]:
    """A full list: a thousand trades that end with ``last``, a millisecond apart."""
    return [(last - back, at_ms - back, 50.0) for back in range(999, -1, -1)]


def story() -> FeedStory:
    """A feed whose venue has no trades yet."""
    told = FeedStory()
    told.trades(b"[]")
    return told


def opens(told: FeedStory) -> list[int]:
    return [bar.ts_open_ns // MS - T0 for bar in told.all(BarClosed)]


def test_a_trade_of_the_next_second_closes_the_bar_at_once() -> None:
    told = story()
    told.frame(trade(1, T0 + 100, 100.0, 1.0))
    told.frame(trade(2, T0 + 500, 103.0, 2.0, seller=True))
    told.frame(trade(3, T0 + 900, 99.0, 0.5))
    said = told.frame(trade(4, T0 + 1_000, 101.0))
    bar = next(item for item in said if isinstance(item, BarClosed))
    assert (bar.open, bar.high, bar.low, bar.close) == (100.0, 103.0, 99.0, 99.0)
    assert (bar.volume, bar.quote_volume, bar.buy_volume, bar.trade_count) == (3.5, 355.5, 1.5, 3)
    assert (bar.ts_open_ns, bar.ts_close_ns) == (T0 * MS, (T0 + 1_000) * MS)
    assert bar.id == f"{VENUE}.{SYMBOL}.bar.1000000000.{T0 * MS}"
    assert bar.causes == (f"{VENUE}.{SYMBOL}.trade.3",)
    assert bar.ts_received_ns == told.now_ns
    assert not bar.repaired


def test_a_bar_ends_on_time_without_a_trade_and_the_next_repeats_its_close() -> None:
    told = story()
    told.now_ns = T0 * MS
    told.frame(trade(1, T0, 100.0))
    assert not told.wait(990)
    for _ in range(45):
        told.wait(50)
    first, second = told.all(BarClosed)
    assert (second.open, second.high, second.low, second.close) == (100.0,) * 4
    assert (second.volume, second.trade_count) == (0.0, 0)
    assert second.causes == (first.id,)
    assert first.ts_received_ns - first.ts_close_ns <= 1_050 * MS


def test_a_frame_of_a_later_time_lets_the_bar_end_after_a_short_grace() -> None:
    told = story()
    told.now_ns = T0 * MS
    told.frame(trade(1, T0, 100.0))
    quote = {
        "e": "bookTicker",
        "u": 1,
        "s": "BTCUSDT",
        "b": "1",
        "B": "1",
        "a": "2",
        "A": "1",
        "T": T0 + 1_000,
        "E": T0,
    }
    told.frame(
        json.dumps({"stream": "btcusdt@bookTicker", "data": quote}, separators=(",", ":")).encode(), after_ms=1_001
    )
    assert not told.wait(150)
    assert [type(item) for item in told.wait(60)] == [BarClosed]


def test_a_slow_clock_of_ours_does_not_close_bars_early_nor_late() -> None:
    told = story()
    told.now_ns = (T0 - 1_270) * MS  # as in the recordings: our clock is 1.27 s behind
    told.frame(trade(1, T0, 100.0))
    told.wait(1_100)
    assert not told.all(BarClosed)
    told.wait(950)
    assert opens(told) == [0]


def test_a_trade_later_than_its_bar_is_said_and_counted_but_changes_no_bar() -> None:
    told = story()
    told.frame(trade(1, T0 + 100))
    told.frame(trade(2, T0 + 1_100))
    said = told.frame(trade(3, T0 + 900, 500.0))
    assert [item.trade_id for item in said if isinstance(item, TradePrinted)] == ["3"]
    assert told.troubles() == ["late_trade"]
    told.frame(trade(4, T0 + 2_000))
    assert told.all(BarClosed)[-1].high == 100.0


def test_a_trade_said_twice_is_said_once() -> None:
    told = story()
    told.frame(trade(1, T0 + 100))
    assert told.frame(trade(1, T0 + 100)) == []
    told.frame(trade(2, T0 + 1_100))
    assert told.all(BarClosed)[0].trade_count == 1


def test_after_a_start_the_first_bar_is_whole_where_the_venues_list_reaches_back() -> None:
    told = FeedStory()
    told.frame(trade(1_000, T0 + 2_600, 7.0))
    told.trades(listed(*many(1_000, T0 + 2_600)))
    told.frame(trade(1_001, T0 + 3_050))
    bars = told.all(BarClosed)
    assert opens(told) == [2_000]
    # of the thousand trades a millisecond apart those of 2.000 s to 2.600 s are the bar's
    assert bars[0].trade_count == 601
    assert bars[0].close == 7.0
    assert not bars[0].repaired  # it ended in its own time


def test_bars_that_ended_while_nobody_looked_are_said_as_repaired() -> None:
    told = FeedStory()
    told.trades(listed(*[(number, T0 + 500 * number, 10.0 + number) for number in range(1, 9)]))
    assert opens(told) == [0, 1_000, 2_000, 3_000]
    assert all(bar.repaired for bar in told.all(BarClosed))
    assert not told.all(TradePrinted)  # they were said by whoever looked before, or by nobody


def test_the_first_bar_in_part_is_never_said() -> None:
    told = FeedStory()
    told.frame(trade(10, T0 + 500))
    for _ in range(4):
        told.trades(None)
    told.frame(trade(11, T0 + 1_100))
    assert not told.all(BarClosed)
    told.frame(trade(12, T0 + 2_000))
    assert opens(told) == [1_000]


def test_trades_missed_while_disconnected_are_fetched_said_and_put_into_their_bars() -> None:
    told = story()
    told.frame(trade(1, T0 + 100, 100.0))
    told.connect(False)
    told.connect(True)
    told.frame(trade(5, T0 + 2_200, 104.0))
    assert opens(told) == []  # bars wait for what was missed
    told.trades(
        listed(
            (1, T0 + 100, 100.0),
            (2, T0 + 800, 101.0),
            (3, T0 + 1_500, 102.0),
            (4, T0 + 2_100, 103.0),
            (5, T0 + 2_200, 104.0),
        )
    )
    assert [one.trade_id for one in told.all(TradePrinted)] == ["1", "5", "2", "3", "4"]
    assert [(bar.close, bar.trade_count, bar.repaired) for bar in told.all(BarClosed)] == [
        (101.0, 2, True),
        (102.0, 1, True),
    ]
    told.frame(trade(6, T0 + 3_000, 105.0))
    last = told.all(BarClosed)[-1]
    assert (last.open, last.close, last.trade_count, last.repaired) == (103.0, 104.0, 2, False)


def test_a_missing_number_is_a_missing_trade_and_is_mended() -> None:
    told = story()
    told.frame(trade(1, T0 + 100))
    told.frame(trade(3, T0 + 300))
    assert told.troubles() == ["trade_hole"]
    told.trades(listed((1, T0 + 100, 100.0), (2, T0 + 200, 90.0), (3, T0 + 300, 100.0)))
    told.frame(trade(4, T0 + 1_000))
    (bar,) = told.all(BarClosed)
    assert (bar.low, bar.trade_count) == (90.0, 3)


def test_a_number_that_never_was_a_trade_costs_nothing() -> None:
    told = story()
    told.frame(trade(1, T0 + 100))
    told.frame(trade(3, T0 + 300))
    told.trades(listed((1, T0 + 100, 100.0), (3, T0 + 300, 100.0)))
    told.frame(trade(4, T0 + 1_000))
    (bar,) = told.all(BarClosed)
    assert bar.trade_count == 2


def test_a_list_that_lags_behind_the_stream_is_asked_for_again() -> None:
    told = story()
    told.frame(trade(1, T0 + 100))
    told.frame(trade(4, T0 + 300))
    said = told.trades(listed((1, T0 + 100, 100.0), (2, T0 + 200, 90.0)))
    assert [item.attempt for item in said if isinstance(item, FetchTrades)] == [1]
    told.trades(listed((1, T0 + 100, 100.0), (2, T0 + 200, 90.0), (3, T0 + 250, 95.0), (4, T0 + 300, 100.0)))
    told.frame(trade(5, T0 + 1_000))
    assert told.all(BarClosed)[0].trade_count == 4


def test_a_hole_deeper_than_the_list_leaves_out_every_bar_it_touches() -> None:
    told = story()
    told.frame(trade(1, T0 + 100))
    told.connect(False)
    told.connect(True)
    told.trades(listed(*many(9_000, T0 + 60_500)))
    told.frame(trade(9_001, T0 + 61_000))
    assert opens(told) == [60_000]
    assert told.all(BarClosed)[0].trade_count == 501
    assert "bar_skipped" in told.troubles()


def test_a_venue_that_counts_afresh_is_followed_and_not_taken_for_old() -> None:
    told = story()
    told.frame(trade(5_000, T0 + 100))
    said = told.frame(trade(7, T0 + 5_200))
    assert [one.trade_id for one in said if isinstance(one, TradePrinted)] == ["7"]
    told.trades(listed((6, T0 + 5_100, 1.0), (7, T0 + 5_200, 2.0)))
    told.frame(trade(8, T0 + 6_000))
    assert opens(told) == [5_000]


def test_an_answer_from_before_the_last_break_is_ignored() -> None:
    told = story()
    told.frame(trade(1, T0 + 100))
    told.connect(False)
    told.connect(True)
    old = told.last(FetchTrades).request
    told.connect(False)
    told.connect(True)
    assert told.last(FetchTrades).request != old
    told.frame(trade(3, T0 + 300))
    stale = TradesFetched(venue=VENUE, symbol=SYMBOL, request=old, payload=b"[]", ts_received_ns=told.now_ns)
    assert told.tell(stale) == []
    assert not told.state.trades.is_whole


def test_an_answer_that_comes_while_disconnected_mends_nothing() -> None:
    told = FeedStory()
    asked = told.last(FetchTrades).request
    told.connect(False)
    late = TradesFetched(venue=VENUE, symbol=SYMBOL, request=asked, payload=b"[]", ts_received_ns=told.now_ns)
    assert told.tell(late) == []
    assert not told.state.trades.is_whole


def test_a_clock_that_leaps_a_day_does_not_flood_the_bus_with_empty_bars() -> None:
    told = story()
    told.frame(trade(1, T0 + 100))
    told.frame(trade(2, T0 + 86_400_000))
    assert 0 < len(told.all(BarClosed)) <= 601


CANDLE: list[Any] = ["100", "110", "90", "105", "12", 0, "1200", 34, "5", "500", "0"]


def candle(open_ms: int) -> list[Any]:
    row = [open_ms, *CANDLE]
    row[6] = open_ms + 59_999
    return row


def test_a_minute_in_part_is_taken_from_the_venues_own_candles() -> None:
    minute = T0 - T0 % 60_000
    told = FeedStory(bar_interval_ms=60_000)
    told.frame(trade(10, minute + 30_000))
    for _ in range(4):
        told.trades(None)
    history = told.last(FetchBars)
    assert (history.ts_from_ns, history.ts_to_ns) == ((minute - 100 * 60_000) * MS, minute * MS)
    told.candles(json.dumps([candle(minute - 60_000), candle(minute)]).encode())
    told.now_ns = (minute + 60_010) * MS
    told.frame(trade(11, minute + 60_010))
    wanted = told.last(FetchBars)
    assert (wanted.ts_from_ns, wanted.ts_to_ns, wanted.interval_ms) == (minute * MS, (minute + 60_000) * MS, 60_000)
    told.candles(json.dumps([candle(minute), candle(minute + 60_000)]).encode())
    before, mended = told.all(BarClosed)
    assert [bar.ts_open_ns // MS for bar in (before, mended)] == [minute - 60_000, minute]
    assert (mended.close, mended.volume, mended.repaired) == (105.0, 12.0, True)


@pytest.mark.parametrize("body", [b"", b"{}", b"[[1]]", b"null"])
def test_candles_that_cannot_be_read_are_no_candles(body: bytes) -> None:
    told = story()
    told.candles(body)
    assert told.troubles() == ["malformed_frame"]
    assert not told.all(BarClosed)
