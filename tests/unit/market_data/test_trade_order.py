"""Trades with names instead of numbers stand in one line too: repeats are told, and holes after a break are mended."""

from __future__ import annotations

import msgspec
import pytest

from seawall_market_data.bars import BarBuilder
from seawall_market_data.commands import FetchBars, FetchTrades
from seawall_market_data.trade_line import HISTORY_AGE_NS, TradeLine
from seawall_market_data.trade_order import BACKDATED_NS, NamedTrades, Place
from seawall_proto import BarClosed, TradePrinted
from seawall_venues.feeds import FEEDS
from seawall_venues.instruments import unlisted

SECOND = 1_000_000_000
DIALECT = FEEDS["bybit-linear"].dialect


def trade(name: str, at_s: float, price: float = 1.0, *, received_s: float = 0.0) -> TradePrinted:
    return TradePrinted(
        id=f"t.{name}",
        venue="bybit-linear",
        symbol="BTC-USDT-PERP",
        ts_venue_ns=int(at_s * SECOND),
        ts_received_ns=int((received_s or at_s) * SECOND),
        trade_id=name,
        price=price,
        quantity=1.0,
        aggressor="buy",
    )


def line(venue: str = "bybit-linear") -> TradeLine:
    return TradeLine(BarBuilder("bybit-linear", "BTC-USDT-PERP", SECOND), FEEDS[venue].dialect)


def request_of(said: list[msgspec.Struct]) -> int:
    return next(item.request for item in said if isinstance(item, FetchTrades))


def names(said: list[msgspec.Struct]) -> list[str]:
    return [item.trade_id for item in said if isinstance(item, TradePrinted)]


def bars(said: list[msgspec.Struct]) -> list[tuple[int, int]]:
    return [(bar.ts_open_ns // SECOND, bar.trade_count) for bar in said if isinstance(bar, BarClosed)]


def test_a_name_heard_before_is_a_repeat_and_so_is_a_trade_from_long_ago() -> None:
    order = NamedTrades()
    assert order.place(trade("a", 100)) is not Place.REPEAT
    assert order.place(trade("a", 101)) is Place.REPEAT
    assert order.place(trade("b", 99)) is not Place.REPEAT  # a little late is no matter
    assert order.place(trade("old", 100 - BACKDATED_NS / SECOND - 1)) is Place.REPEAT


def test_after_a_break_what_the_list_has_more_is_said_and_put_into_its_bar() -> None:
    trades = line()
    said = trades.connected()
    listed = [trade("a", 10.1), trade("b", 10.2)]
    trades.listed(request_of(said), listed)  # fewer than the venue lists: all there is
    trades.take(trade("c", 10.5))
    trades.disconnected()
    said = trades.connected()
    assert names(trades.take(trade("f", 11.5))) == ["f"]
    early = [*listed, trade("c", 10.5), trade("d", 10.9), trade("e", 11.1)]
    said = trades.listed(request_of(said), early)
    assert not names(said)  # the list lags behind the stream: something may still lie between
    said = trades.listed(request_of(said), [*early, trade("f", 11.5)])
    assert names(said) == ["d", "e"]
    said = trades.take(trade("g", 12.0))
    assert bars(said) == [(11, 2)]  # e and f


def test_a_list_without_a_trade_in_common_leaves_the_bars_it_does_not_reach_out() -> None:
    trades = line()
    trades.listed(request_of(trades.connected()), [trade("a", 10.1)])
    trades.take(trade("b", 10.2))
    trades.disconnected()
    said = trades.connected()
    full = [trade(f"n{number}", 30 + number / 1_000) for number in range(DIALECT.listed_trades)]
    said = trades.listed(request_of(said), full)
    assert not names(said)  # nobody knows what lies between: the bars begin anew
    said = trades.take(trade("z", 33.0))
    assert bars(trades.listed(request_of(said), [*full[1:], trade("z", 33.0)]))[-1][0] == 32


def test_while_the_stream_is_away_the_list_is_polled_and_goes_into_the_bars() -> None:
    trades = line()
    trades.listed(request_of(trades.connected()), [trade("a", 10.1)])
    assert not trades.poll()  # connected: the stream is enough
    trades.disconnected()
    said = trades.listed(request_of(trades.poll()), [trade("a", 10.1), trade("b", 10.4), trade("c", 11.2)])
    assert names(said) == ["b", "c"]
    assert bars(said) == [(10, 2)]
    assert not trades.listed(request_of(trades.poll()), None)
    said = trades.listed(request_of(trades.poll()), [trade("b", 10.4), trade("c", 11.2), trade("d", 12.1)])
    assert (names(said), bars(said)) == (["d"], [(11, 1)])
    said = trades.listed(request_of(trades.connected()), [trade("c", 11.2), trade("d", 12.1), trade("e", 13.0)])
    assert (names(said), bars(said)) == (["e"], [(12, 1)])
    assert trades.is_whole


HISTORY_AGE_S = HISTORY_AGE_NS / SECOND
VENUES_OF_EACH_ORDER = pytest.mark.parametrize("venue", ["coinbase", "kraken-futures"])  # numbered, named


def take_all(trades: TradeLine, *taken: TradePrinted) -> list[msgspec.Struct]:
    return [item for one in taken for item in trades.take(one)]


@VENUES_OF_EACH_ORDER
def test_past_trades_with_which_a_first_subscription_begins_go_into_the_bars_and_are_not_said(venue: str) -> None:
    trades = line(venue)
    said = trades.connected()
    past = [trade(name, at_s, received_s=7_300) for name, at_s in (("1", 100.1), ("2", 100.4), ("3", 101.2))]
    assert not names(take_all(trades, *past))
    said = trades.listed(request_of(said), past)  # fewer than the venue lists: all there is
    assert (names(said), bars(said)) == ([], [(100, 2)])
    assert names(trades.take(trade("4", 101.9))) == ["4"]
    assert (101, 2) in bars(trades.take(trade("5", 102.1)))


@VENUES_OF_EACH_ORDER
def test_past_trades_that_come_after_the_list_that_holds_them_are_not_said_either(venue: str) -> None:
    trades = line(venue)
    length = FEEDS[venue].dialect.listed_trades
    past = [trade(str(number), 100 + number / 1_000, received_s=160) for number in range(1, length + 1)]
    past.append(trade(str(length + 1), 102.2, received_s=160))
    assert not names(trades.listed(request_of(trades.connected()), past[1:]))
    assert take_all(trades, *past[2:]) == []
    assert names(trades.take(trade(str(length + 2), 161.0))) == [str(length + 2)]


@VENUES_OF_EACH_ORDER
def test_past_trades_are_not_said_where_the_list_could_not_be_read(venue: str) -> None:
    trades = line(venue)
    said = trades.connected()
    while any(isinstance(item, FetchTrades) for item in said):
        said = trades.listed(request_of(said), None)
    past = [trade(name, at_s, received_s=160) for name, at_s in (("1", 100.1), ("2", 100.4), ("3", 100.5))]
    assert not names(take_all(trades, *past))
    assert names(trades.take(trade("4", 101.0, received_s=161))) == ["4"]  # however far ahead our clock is


def test_a_trade_as_late_as_a_stream_may_be_is_said_from_the_first_on() -> None:
    trades = line()
    trades.connected()
    assert names(trades.take(trade("a", 100.0, received_s=100 + HISTORY_AGE_S))) == ["a"]
    assert not names(trades.take(trade("b", 100.0, received_s=100.001 + HISTORY_AGE_S)))
    assert names(trades.take(trade("c", 100.0, received_s=97))) == ["c"]  # our clock is slow


@VENUES_OF_EACH_ORDER
def test_trades_missed_while_disconnected_are_said_however_old_they_are(venue: str) -> None:
    trades = line(venue)
    first = trade("1", 100.1)
    trades.listed(request_of(trades.connected()), [first])
    trades.disconnected()
    said = trades.connected()
    assert names(take_all(trades, trade("3", 105.0, received_s=700))) == ["3"]
    listed = [first, trade("2", 104.0, received_s=701), trade("3", 105.0, received_s=701)]
    assert names(trades.listed(request_of(said), listed)) == ["2"]


def test_a_venues_week_that_begins_on_another_day_than_ours_is_none_of_our_bars() -> None:
    dialect, week_s = FEEDS["kraken-futures"].dialect, 604_800
    trades = TradeLine(BarBuilder("kraken-futures", "BTC-USD-PERP", week_s * SECOND), dialect)
    full = [trade(str(number), 2_900 * week_s + number) for number in range(dialect.listed_trades)]
    (wanted,) = trades.listed(request_of(trades.connected()), full)
    assert isinstance(wanted, FetchBars)

    def candle_of(open_s: int) -> tuple[BarClosed, ...]:
        row = {"time": open_s * 1_000, "open": "1", "high": "1", "low": "1", "close": "1", "volume": "1"}
        told = unlisted("kraken-futures", "PF_XBTUSD", "BTC-USD-PERP")
        return dialect.parse_bars(msgspec.json.encode({"candles": [row]}), told, wanted.interval_ms, 0)

    monday_s, thursday_s = 2_899 * week_s - 3 * 86_400, 2_899 * week_s
    assert trades.candles(candle_of(monday_s), 2_900 * week_s * SECOND) == []
    assert bars(trades.candles(candle_of(thursday_s), 2_900 * week_s * SECOND)) == [(thursday_s, 0)]
