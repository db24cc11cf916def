"""Trailing: the stop follows a market that moves in favour, and never the other way."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from seawall_proto import PositionChanged, PositionFlattened, StopChanged
from seawall_stop_guardian import commands as c
from tests.story.stop_guardian.world import WHO, World, d


def opened(quantity: str, **options: int) -> World:
    world = World(**options)
    world.run(500)
    world.trade(quantity)
    world.run(500)
    return world


def test_the_stop_stays_until_the_price_has_moved_the_trailing_distance() -> None:
    world = opened("1", trail_bps=200)
    world.move("101.9")
    world.run(4_000)
    assert world.only_stop().trigger_price == d("97.0")


def test_the_stop_of_a_long_follows_a_rising_price() -> None:
    world = opened("1", trail_bps=200)
    world.move("110")
    world.run(4_000)
    assert world.only_stop().trigger_price == d("107.8")
    world.move("120")
    world.run(4_000)
    assert world.only_stop().trigger_price == d("117.6")


def test_the_stop_of_a_short_follows_a_falling_price() -> None:
    world = opened("-1", trail_bps=200)
    world.move("90")
    world.run(4_000)
    assert world.only_stop().trigger_price == d("91.8")


def test_stop_never_follows_a_falling_price() -> None:
    world = opened("1", trail_bps=200)
    world.move("110")
    world.run(4_000)
    world.move("108.5")
    world.run(4_000)
    assert world.only_stop().trigger_price == d("107.8")


def test_a_move_smaller_than_a_step_moves_nothing() -> None:
    world = opened("1", trail_bps=200, trail_step_bps=50)
    world.move("110")
    world.run(4_000)
    world.move("110.4")
    world.run(4_000)
    assert world.only_stop().trigger_price == d("107.8")
    world.move("111")
    world.run(4_000)
    assert world.only_stop().trigger_price == d("108.8")


def test_while_trailing_there_is_always_a_verified_stop() -> None:
    world = opened("1", trail_bps=200)
    for mark in range(103, 140, 3):
        world.move(mark)
        for _ in range(20):
            world.run(100)
            assert sum(stop.quantity for stop in world.stops.values()) >= 1
    assert [state for state, _ in world.protections()] == ["unprotected", "protected"]


def test_one_bad_mark_price_moves_nothing() -> None:
    world = opened("1", trail_bps=200)
    world.move("1000")
    world.run(1_000)
    world.move("100")
    world.run(5_000)
    assert world.only_stop().trigger_price == d("97.0")
    assert not world.heard(c.FlattenPosition)


def test_adding_at_a_worse_price_does_not_loosen_the_stop() -> None:
    world = opened("1")
    world.move("98")
    world.trade("1")
    world.run(2_000)
    assert world.only_stop().quantity == d(2)
    assert world.only_stop().trigger_price == d("97.0")


def test_a_wider_distance_told_late_does_not_loosen_the_stop() -> None:
    world = opened("1")
    world.tell(_position_changed(900))
    world.run(2_000)
    assert world.only_stop().trigger_price == d("97.0")
    world.tell(_position_changed(100))
    world.run(2_000)
    assert world.only_stop().trigger_price == d("99.0")


def test_a_trailing_stop_refused_by_a_market_that_turned_leaves_the_old_one_in_place() -> None:
    world = opened("1", trail_bps=200)
    world.move("110")
    world.place_outcomes = ["reject:-2021"]
    world.run(1_150)
    assert world.only_stop().trigger_price == d("97.0")
    assert not world.heard(PositionFlattened)
    world.run(3_000)
    assert world.only_stop().trigger_price == d("107.8"), "and is tried again"


@settings(max_examples=40, deadline=None)
@given(
    long=st.booleans(),
    marks=st.lists(st.integers(min_value=80, max_value=130), min_size=1, max_size=12),
    trail_bps=st.integers(min_value=20, max_value=600),
)
def test_whatever_the_market_does_the_trigger_only_tightens(long: bool, marks: list[int], trail_bps: int) -> None:
    world = opened("1" if long else "-1", trail_bps=trail_bps)
    for mark in marks:
        world.move(mark)
        world.run(1_200)
    triggers: list[Decimal] = [item.trigger_price for item in world.said if isinstance(item, c.PlaceStop)]
    assert triggers == sorted(triggers, reverse=not long)
    verified = [item for item in world.heard(StopChanged) if item.verified]
    assert verified, "the first stop was there before the market moved"


def _position_changed(distance_bps: int) -> PositionChanged:
    return PositionChanged(
        **WHO,
        id=f"position-{distance_bps}",
        quantity=d(1),
        entry_price=d(100),
        realised_pnl=d(0),
        sequence=1,
        stop_distance_bps=distance_bps,
    )
