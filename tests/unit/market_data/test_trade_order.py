"""Trades with names instead of numbers stand in one line too: repeats are told, and holes after a break are mended."""

from __future__ import annotations

import msgspec

from seawall_market_data.bars import BarBuilder
from seawall_market_data.commands import FetchTrades
from seawall_market_data.trade_line import TradeLine
from seawall_market_data.trade_order import BACKDATED_NS, NamedTrades, Place
from seawall_proto import BarClosed, TradePrinted
from seawall_venues.feeds import FEEDS

SECOND = 1_000_000_000
DIALECT = FEEDS["bybit-linear"].dialect


def trade(name: str, at_s: float, price: float = 1.0) -> TradePrinted:
    return TradePrinted(
        id=f"t.{name}",
        venue="bybit-linear",
        symbol="BTC-USDT-PERP",
        ts_venue_ns=int(at_s * SECOND),
        ts_received_ns=int(at_s * SECOND),
        trade_id=name,
        price=price,
        quantity=1.0,
        aggressor="buy",
    )


def line() -> TradeLine:
    return TradeLine(BarBuilder("bybit-linear", "BTC-USDT-PERP", SECOND), DIALECT)


def request_of(said: list[msgspec.Struct]) -> int:
    return next(item.request for item in said if isinstance(item, FetchTrades))


def names(said: list[msgspec.Struct]) -> list[str]:
    return [item.trade_id for item in said if isinstance(item, TradePrinted)]


def bars(said: list[msgspec.Struct]) -> list[tuple[int, int]]:
    return [(bar.ts_open_ns // SECOND, bar.trade_count) for bar in said if isinstance(bar, BarClosed)]


def test_a_name_heard_before_is_a_repeat_and_so_is_a_trade_from_long_ago() -> None:
    order = NamedTrades()
    assert order.place(trade("a", 100)) is Place.NEXT
    assert order.place(trade("a", 101)) is Place.REPEAT
    assert order.place(trade("b", 99)) is Place.NEXT  # a little late is no matter
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
    assert bars(trades.take(trade("z", 33.0)))[-1][0] == 32


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
