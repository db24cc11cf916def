"""Bars by activity hold every trade once, end with the trade that fills them, and are never published in part."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall_market_data.activity_bars import ActivityBarBuilder, ActivitySpecError, parse_spec
from seawall_proto import ActivityBarClosed, ActivityKind, Side, TradePrinted

VENUE, SYMBOL = "binance-spot", "BTC-USDT"
MS = 1_000_000
KINDS: tuple[ActivityKind, ...] = ("tick", "volume", "dollar")


def trade(number: int, price: float = 100.0, quantity: float = 1.0, aggressor: Side = "buy") -> TradePrinted:
    return TradePrinted(
        id=f"{VENUE}.{SYMBOL}.trade.{number}",
        venue=VENUE,
        symbol=SYMBOL,
        ts_venue_ns=number * MS,
        ts_received_ns=number * MS + 7,
        trade_id=str(number),
        price=price,
        quantity=quantity,
        aggressor=aggressor,
    )


def builder(spec: str) -> ActivityBarBuilder:
    return ActivityBarBuilder(VENUE, SYMBOL, *parse_spec(spec))


def bars(built: ActivityBarBuilder, *trades: TradePrinted) -> list[ActivityBarClosed]:
    return [bar for one in trades for bar in built.add(one, one.ts_received_ns)]


def test_a_tick_bar_ends_with_the_trade_that_makes_it_full() -> None:
    built = builder("tick:3")
    given = [trade(1, 100.0, 2.0), trade(2, 103.0, 0.5, "sell"), trade(3, 99.0, 1.0), trade(4, 50.0)]
    (bar,) = bars(built, *given)
    assert (bar.open, bar.high, bar.low, bar.close) == (100.0, 103.0, 99.0, 99.0)
    assert (bar.volume, bar.quote_volume, bar.buy_volume, bar.trade_count) == (3.5, 350.5, 3.0, 3)
    assert (bar.first_trade_id, bar.last_trade_id) == ("1", "3")
    assert (bar.ts_open_ns, bar.ts_close_ns, bar.ts_venue_ns) == (1 * MS, 3 * MS, 3 * MS)
    assert (bar.id, bar.causes) == (f"{VENUE}.{SYMBOL}.bar.tick-3.1", (given[2].id,))
    assert bar.ts_received_ns == given[2].ts_received_ns
    assert not bar.repaired


def test_a_trade_that_reaches_the_size_is_not_split() -> None:
    first, second = bars(builder("volume:1.5"), trade(1, quantity=1.0), trade(2, quantity=7.0), trade(3, quantity=1.5))
    assert (first.volume, first.trade_count) == (8.0, 2)
    assert (second.volume, second.first_trade_id, second.id) == (1.5, "3", f"{VENUE}.{SYMBOL}.bar.volume-1.5.3")


def test_a_dollar_bar_counts_what_was_paid() -> None:
    (bar,) = bars(builder("dollar:1000000"), trade(1, 60_000.0, 10.0), trade(2, 50_000.0, 7.9), trade(3, 50_000.0, 0.1))
    assert (bar.quote_volume, bar.trade_count) == (1_000_000.0, 3)
    assert bar.id == f"{VENUE}.{SYMBOL}.bar.dollar-1000000.1"


def test_ten_trades_of_a_tenth_are_one() -> None:
    (bar,) = bars(builder("volume:1"), *(trade(number, quantity=0.1) for number in range(10)))
    assert bar.volume == 1.0


def test_doubt_drops_the_bar_in_progress_and_the_next_begins_with_the_next_trade() -> None:
    built = builder("tick:2")
    assert not bars(built, trade(1, 500.0, 9.0))
    built.doubt()
    (bar,) = bars(built, trade(5), trade(6))
    assert (bar.first_trade_id, bar.high, bar.volume) == ("5", 100.0, 2.0)


def test_the_same_trades_make_the_same_bars() -> None:
    given = [trade(number, 100.0 + number % 7, 0.3) for number in range(50)]
    assert bars(builder("volume:2"), *given) == bars(builder("volume:2"), *given)


prices = st.decimals("0.00000001", "150000", places=8).filter(lambda price: price > 0)
quantities = st.decimals("0.00000001", "5000", places=8).filter(lambda quantity: quantity > 0)
trades = st.lists(st.tuples(prices, quantities, st.sampled_from(["buy", "sell"])), max_size=80)
sizes = {"tick": st.integers(1, 12), "volume": st.integers(1, 9_000), "dollar": st.integers(1, 10**8)}


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_nothing_is_lost_and_every_bar_is_as_large_as_it_must_be_and_no_larger(
    kind: ActivityKind, data: st.DataObject
) -> None:
    size = data.draw(sizes[kind])
    given = data.draw(trades)
    printed = [trade(n, float(price), float(quantity), side) for n, (price, quantity, side) in enumerate(given)]
    closed = bars(ActivityBarBuilder(VENUE, SYMBOL, kind, float(size)), *printed)
    counts = {"tick": [Fraction(1) for _ in given], "volume": [Fraction(quantity) for _, quantity, _ in given]}
    counts["dollar"] = [Fraction(price) * Fraction(quantity) for price, quantity, _ in given]
    start = 0
    for bar in closed:
        end = start + bar.trade_count
        part = given[start:end]
        assert (bar.first_trade_id, bar.last_trade_id) == (str(start), str(end - 1)), "a hole, or a trade twice"
        assert bar.volume == pytest.approx(float(sum(Fraction(quantity) for _, quantity, _ in part)), rel=1e-15)
        assert bar.quote_volume == pytest.approx(float(sum(counts["dollar"][start:end])), rel=1e-14)
        bought = float(sum(Fraction(quantity) for _, quantity, side in part if side == "buy"))
        assert bar.buy_volume == pytest.approx(bought, rel=1e-15)
        assert (bar.open, bar.close) == (float(part[0][0]), float(part[-1][0]))
        assert (bar.high, bar.low) == (float(max(row[0] for row in part)), float(min(row[0] for row in part)))
        measured = sum(counts[kind][start:end])
        slack = Fraction(size) / 10**12  # prices times quantities have more digits than a trillionth
        assert measured >= size - slack, "it ended early"
        assert measured - counts[kind][end - 1] < size + slack, "it ended late"
        start = end
    assert sum(counts[kind][start:]) < size + Fraction(size) / 10**12, "what is left would have been a bar"


@pytest.mark.parametrize(
    ("text", "kind", "size"),
    [("tick:1000", "tick", 1_000.0), ("volume:0.5", "volume", 0.5), ("dollar:1000000", "dollar", 1e6)],
)
def test_a_spec_names_a_kind_and_a_size(text: str, kind: str, size: float) -> None:
    assert parse_spec(text) == (kind, size)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "found '', expected one of tick, volume, dollar, a colon and a number"),
        ("ticks:5", "found 'ticks:5'"),
        ("tick", "a colon and a number"),
        ("volume:", "a colon and a number"),
        ("volume:-1", "a colon and a number"),
        ("volume:nan", "a colon and a number"),
        ("volume:1_000", "a colon and a number"),
        ("volume:5\n", "a colon and a number"),
        ("volume:0", "found size 0 in 'volume:0', expected above 0"),
        ("dollar:9999999999999999", "at most 1e+15"),
        ("tick:2.5", "found size 2.5 in 'tick:2.5', expected a whole number of trades"),
    ],
)
def test_a_spec_that_names_no_bar_says_what_was_found_and_expected(text: str, words: str) -> None:
    with pytest.raises(ActivitySpecError) as refusal:
        parse_spec(text)
    assert words in str(refusal.value)
