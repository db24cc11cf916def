"""Where a stop belongs."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall_stop_guardian import trail

TICK = Decimal("0.1")
prices = st.decimals(min_value="0.5", max_value="100000", places=3)
sides = st.sampled_from(["buy", "sell"])


@pytest.mark.parametrize(
    ("side", "entry", "distance_bps", "expected"),
    [("sell", "100", 300, "97.0"), ("buy", "100", 300, "103.0"), ("sell", "64321.7", 300, "62392.1")],
)
def test_the_initial_trigger_is_the_distance_below_a_long_and_above_a_short(
    side: trail.Side, entry: str, distance_bps: int, expected: str
) -> None:
    assert trail.initial_trigger(side, Decimal(entry), distance_bps, TICK) == Decimal(expected)


@given(sides, prices)
def test_rounding_is_on_the_grid_and_never_adds_risk(side: trail.Side, price: Decimal) -> None:
    rounded = trail.round_tighter(side, price, TICK)
    assert rounded % TICK == 0
    assert rounded > 0
    assert not trail.is_tighter(side, price, rounded) or rounded == TICK
    assert abs(rounded - price) < TICK or rounded == TICK


@given(sides, prices, prices, st.integers(min_value=1, max_value=5_000))
def test_trailing_waits_until_the_price_moved_its_distance_in_favour(
    side: trail.Side, entry: Decimal, best: Decimal, trail_bps: int
) -> None:
    found = trail.trail_trigger(side, entry, best, trail_bps, TICK)
    gain = (best - entry) / entry if side == "sell" else (entry - best) / entry
    assert (found is not None) == (gain * 10_000 >= trail_bps)
    if found is not None:
        assert not trail.is_tighter(side, found, best + (TICK if side == "sell" else -TICK))


@given(sides, prices, prices)
def test_the_tightest_of_two_is_the_one_that_acts_first(side: trail.Side, first: Decimal, second: Decimal) -> None:
    chosen = trail.tightest(side, first, second)
    assert not trail.is_tighter(side, first, chosen)
    assert not trail.is_tighter(side, second, chosen)


def test_a_move_counts_only_from_a_whole_step() -> None:
    current = Decimal(100)
    assert trail.is_worth_moving("sell", current, Decimal("100.1"), 10)
    assert not trail.is_worth_moving("sell", current, Decimal("100.09"), 10)
    assert not trail.is_worth_moving("sell", current, Decimal(90), 10)
    assert trail.is_worth_moving("buy", current, Decimal("99.9"), 10)


def test_the_mark_has_crossed_only_beyond_the_margin() -> None:
    assert not trail.is_crossed("sell", Decimal("97.0"), Decimal("97.0"), 10)
    assert trail.is_crossed("sell", Decimal("96.9"), Decimal("97.0"), 10)
    assert trail.is_crossed("buy", Decimal("103.2"), Decimal("103.0"), 10)
    assert not trail.is_crossed("buy", Decimal("102"), Decimal("103.0"), 10)
