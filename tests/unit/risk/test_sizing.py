"""Rounding, depth, slippage and minima: the arithmetic under every order."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from seawall_risk.sizing import (
    average_fill,
    below_minimum,
    clean,
    depth_within,
    is_usable,
    largest_order,
    round_down,
    slippage_bps,
    worst_price,
)
from tests.worlds.risk_world import BTC, World

D = Decimal
steps = st.sampled_from([D("0.001"), D("0.01"), D("0.5"), D(1), D(10)])
amounts = st.decimals(min_value=0, max_value=1_000_000, places=9)


@given(amounts, steps)
def test_a_size_is_a_whole_number_of_lots_and_never_more_than_asked(value: Decimal, step: Decimal) -> None:
    rounded = round_down(value, step)
    assert rounded % step == 0
    assert rounded <= value < rounded + step


def test_the_worst_price_is_on_a_tick_and_on_the_safe_side() -> None:
    assert worst_price(D("61800.25"), "buy", 50, D("0.10")) == D("62109.2")  # 62109.25125 rounded down
    assert worst_price(D("61800.25"), "sell", 50, D("0.10")) == D("61491.3")  # 61491.24875 rounded up


def test_depth_counts_only_levels_within_one_percent() -> None:
    levels = ((100.5, 2.0), (101.0, 3.0), (101.01, 50.0))
    assert depth_within(levels, D(100)) == D("5.0")


def test_a_market_order_pays_the_average_of_the_levels_it_walks() -> None:
    levels = ((100.0, 1.0), (101.0, 1.0), (110.0, 5.0))
    assert average_fill(levels, D("0.5")) == D("100.0")
    assert average_fill(levels, D(2)) == D("100.5")
    assert average_fill(levels, D(3)) == D(str(311 / 3))


def test_a_book_too_thin_for_the_order_has_no_average() -> None:
    assert average_fill(((100.0, 1.0),), D("1.001")) is None
    assert average_fill((), D(1)) is None


def test_binary_fractions_do_not_leave_a_crumb_unfilled() -> None:
    levels = tuple((100.0, 0.1) for _ in range(10))
    assert average_fill(levels, D(1)) is not None


def test_slippage_is_what_is_paid_too_much_whatever_the_side() -> None:
    assert slippage_bps("buy", D(100), D(101)) == 100
    assert slippage_bps("sell", D(100), D(99)) == 100
    assert slippage_bps("sell", D(100), D(101)) == -100


def test_an_order_below_any_of_the_venues_minima_is_named() -> None:
    rules = World().listed(BTC)
    assert below_minimum(rules, D("0.002"), D(60_000)) is None
    assert "one lot" in str(below_minimum(rules, D(0), D(60_000)))
    assert "0.001 at 60000 is 60.00, below the venue's minimum of 100" in str(
        below_minimum(rules, D("0.001"), D(60_000))
    )
    tight = World().listed(BTC, min_quantity=D("0.01"))
    assert "below the venue's minimum 0.01" in str(below_minimum(tight, D("0.002"), D(60_000)))


def test_a_market_order_keeps_to_the_smaller_of_both_limits_and_zero_means_none() -> None:
    world = World()
    assert largest_order(world.listed(BTC)) == 120
    assert largest_order(world.listed(BTC, market_max_quantity=D(0))) == 1_000
    assert largest_order(world.listed(BTC, market_max_quantity=D(0), max_quantity=D(0))).is_infinite()


def test_rules_that_no_order_could_follow_are_not_used() -> None:
    world = World()
    assert is_usable(world.listed(BTC))
    for broken in ({"lot_size": D(0)}, {"tick_size": D("-1")}, {"min_notional": D("NaN")}, {"max_quantity": D("inf")}):
        assert not is_usable(world.listed(BTC, **broken))


def test_a_book_with_a_figure_that_is_none_is_not_a_book() -> None:
    assert clean(((1.0, 1.0), (2.0, 1.0)))
    for bad in (0.0, -1.0, float("nan"), float("inf")):
        assert not clean(((1.0, bad),))
        assert not clean(((bad, 1.0),))
