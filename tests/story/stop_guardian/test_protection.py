"""Every position gets a stop that was read back; nothing less is called protection."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from seawall_proto import OrderApproved, PositionFlattened, StopChanged
from seawall_stop_guardian import commands as c
from seawall_stop_guardian import facts as f
from seawall_venues.port import VenueStop
from tests.story.stop_guardian.world import LOT, MS, WHO, World, d


def test_a_fill_gets_a_verified_stop_within_300_ms() -> None:
    world = World()
    world.run(500)
    world.trade("0.5")
    world.run(300)
    stop = world.only_stop()
    assert (stop.side, stop.quantity, stop.trigger_price) == ("sell", d("0.5"), d("97.0"))
    assert [state for state, _ in world.protections()] == ["unprotected", "protected"]
    assert 50 <= world.protections()[-1][1] <= 300


def test_a_short_gets_its_stop_above_the_entry() -> None:
    world = World()
    world.run(500)
    world.trade("-0.5")
    world.run(300)
    stop = world.only_stop()
    assert (stop.side, stop.trigger_price) == ("buy", d("103.0"))


def test_an_acknowledgement_alone_is_not_protection() -> None:
    world = World(flatten_after_ms=5_000)
    world.run(500)
    world.trade("0.5")
    world.run(30)
    world.reads_fail = world.look_ups_fail = True
    world.run(1_000)
    assert len(world.stops) == 1
    assert not world.verified()
    assert world.protections()[-1][0] == "unprotected"
    world.reads_fail = False
    world.run(1_000)
    assert world.protections()[-1][0] == "protected"
    assert world.protections()[-1][1] >= 1_000


def test_time_unprotected_counts_from_the_fill_not_from_hearing_of_it() -> None:
    world = World(latency_ms=400)
    world.run(2_000)
    world.trade("0.5")
    world.run(3_000)
    said = next(ns for item, ns in zip(world.said, world.said_ns, strict=True) if item in world.verified())
    filled_ns = world.fills[0].ts_venue_ns
    assert world.protections()[-1] == ("protected", (said - filled_ns) // MS)


def test_a_fill_told_before_the_position_dates_the_exposure_too() -> None:
    world = World()
    world.run(500)
    filled_ns = world.now_ns - 80 * MS
    world.position, world.entry = d(1), d(100)
    world.tell(f.FillSeen(**WHO, quantity=d(1), ts_fill_ns=filled_ns))
    world.tell(f.PositionSeen(**WHO, quantity=d(1), entry_price=d(100), source="stream", ts_asked_ns=0))
    assert world.protections() == [("unprotected", 80)]


def test_the_fill_that_closed_one_position_does_not_date_the_next() -> None:
    world = World()
    world.run(500)
    world.trade("1")
    world.run(500)
    world.trade("-1")
    world.run(1_000)
    world.trade("-1")
    world.run(1_000)
    assert [state for state, _ in world.protections()][-2:] == ["unprotected", "protected"]
    assert all(ms <= 200 for _, ms in world.protections())


def test_the_distance_that_risk_approved_is_the_first_distance() -> None:
    world = World()
    world.tell(_approval(stop_distance_bps=150))
    world.run(500)
    world.trade("0.5")
    world.run(300)
    assert world.only_stop().trigger_price == d("98.5")


def test_a_position_nobody_approved_is_protected_at_the_default_distance() -> None:
    world = World(default_stop_distance_bps=500)
    world.stream_down = True
    world.run(500)
    world.trade("2")
    world.run(2_000)
    assert world.only_stop().trigger_price == d("95.0")
    assert world.protections()[-1][0] == "protected"


def test_a_position_found_by_reading_is_dated_by_its_first_fill() -> None:
    world = World()
    world.kill()
    world.trade("0.5")
    world.trade("0.5")
    world.run(3_000)
    world.start()
    world.run(500)
    state, unprotected_ms = world.protections()[-1]
    assert state == "protected"
    assert 3_000 <= unprotected_ms <= 3_400
    assert not world.heard(PositionFlattened), "the bound counts from when the guardian knew"


def test_partial_fills_end_in_one_stop_for_the_whole_position() -> None:
    world = World()
    world.run(500)
    for _ in range(10):
        world.trade("0.1")
        world.run(17)
    world.run(1_500)
    assert world.only_stop().quantity == d("1.0")
    assert world.protections()[-1][0] == "protected"
    assert world.placements <= 5, "fills that come while a placement is under way share the next one"


def test_slow_partial_fills_are_each_covered_in_time_and_never_closed() -> None:
    world = World()
    world.run(500)
    for _ in range(20):
        world.trade("0.1")
        world.run(400)
    assert not world.heard(c.FlattenPosition)
    assert max(ms for _, ms in world.protections()) <= 300


def test_the_old_stop_goes_only_after_the_new_one_was_read_back() -> None:
    world = World()
    world.run(500)
    world.trade("0.5")
    world.run(500)
    first = world.only_stop().client_stop_id
    world.trade("0.5")
    world.run(2_000)
    second = world.only_stop().client_stop_id
    order = [
        item.client_stop_id
        for item in world.said
        if (isinstance(item, StopChanged) and item.verified) or isinstance(item, c.CancelStop)
    ]
    assert order == [first, second, first]


def test_a_position_that_shrinks_gets_a_smaller_stop_and_is_never_without_one() -> None:
    world = World()
    world.run(500)
    world.trade("1")
    world.run(500)
    world.trade("-0.4")
    for _ in range(150):
        world.run(10)
        assert sum(stop.quantity for stop in world.stops.values()) >= d("0.6")
    assert world.only_stop().quantity == d("0.6")
    assert [state for state, _ in world.protections()] == ["unprotected", "protected"]


def test_a_flip_from_long_to_short_ends_in_one_buy_stop() -> None:
    world = World()
    world.run(500)
    world.trade("1")
    world.run(500)
    world.trade("-3")
    world.run(1_500)
    stop = world.only_stop()
    assert (stop.side, stop.quantity, stop.trigger_price) == ("buy", d(2), d("103.0"))
    assert world.protections()[-1][0] == "protected"


def test_dust_that_cannot_be_traded_away_gets_no_stop() -> None:
    world = World()
    world.run(500)
    world.trade(LOT / 2)
    world.run(3_000)
    assert world.placements == 0
    assert not world.heard(c.FlattenPosition)


def test_a_position_closed_elsewhere_leaves_no_stop_behind() -> None:
    world = World()
    world.run(500)
    world.trade("1")
    world.run(500)
    world.trade("-1")
    world.run(1_000)
    assert not world.stops
    assert world.protections()[-1] == ("flat", 0)
    assert world.journal is None


def test_a_close_that_the_stream_never_told_leaves_no_stop_after_a_few_seconds() -> None:
    world = World()
    world.run(500)
    world.trade("1")
    world.run(500)
    world.stream_down = True
    world.trade("-1")
    world.run(6_000)
    assert not world.stops
    assert world.protections()[-1][0] == "flat"


def test_zeros_from_a_degraded_venue_do_not_take_the_stop_away() -> None:
    world = World()
    world.run(500)
    world.trade("1")
    world.run(500)
    world.positions_say = d(0)
    world.run(2_500)
    world.positions_say = None
    world.run(2_000)
    assert world.only_stop().quantity == d(1)
    assert not world.heard(c.CancelStop)
    assert world.placements == 1


def test_failed_reads_are_never_taken_for_flat() -> None:
    world = World()
    world.run(500)
    world.trade("1")
    world.run(500)
    world.reads_fail = True
    world.run(30_000)
    assert world.only_stop().quantity == d(1)
    assert not world.heard(c.CancelStop)
    assert not world.heard(c.FlattenPosition)


def test_a_stop_of_somebody_else_is_left_alone_and_does_not_count() -> None:
    world = World()
    world.run(500)
    world.trade("1")
    world.run(500)
    ours = world.only_stop()
    foreign = _renamed(ours, "my-own-stop")
    world.stops["my-own-stop"] = foreign
    world.stops["0" * 12 + "4" + "0" * 3 + "8" + "0" * 15] = _renamed(ours, "0" * 12 + "4" + "0" * 3 + "8" + "0" * 15)
    world.trade("-1")
    world.run(3_000)
    assert len(world.stops) == 2
    assert "my-own-stop" in world.stops
    world.trade("1")
    world.run(1_000)
    assert len(world.stops) == 3, "the new position has a stop of our own beside them"


def test_a_stop_quantity_never_exceeds_the_position_by_more_than_a_step_outside_the_window() -> None:
    world = World()
    world.run(500)
    world.trade("0.0015")
    world.run(1_500)
    assert d("0.0015") <= world.only_stop().quantity <= d("0.0015") + LOT


def test_an_older_read_does_not_undo_what_the_stream_said() -> None:
    world = World()
    world.run(500)
    world.trade("1")
    world.run(30)
    stale = f.PositionSeen(**WHO, quantity=d(0), entry_price=d(0), source="read", ts_asked_ns=world.now_ns - 100 * MS)
    world.tell(stale)
    assert world.state.quantity == d(1)
    world.run(500)
    assert world.only_stop().quantity == d(1)


def _approval(stop_distance_bps: int) -> OrderApproved:
    return OrderApproved(
        **WHO,
        id="intent",
        side="buy",
        order_type="market",
        quantity=d("0.5"),
        limit_price=None,
        worst_price=d(101),
        reference_price=d(100),
        reduce_only=False,
        strategy="s",
        signal_id="x",
        stop_distance_bps=stop_distance_bps,
        epoch=1,
        expires_at_ns=0,
    )


def _renamed(stop: VenueStop, name: str) -> VenueStop:
    return msgspec.structs.replace(stop, client_stop_id=name)


def test_decimals_stay_exact() -> None:
    world = World()
    world.run(500)
    world.trade("0.3", d("64321.7"))
    world.mark = d("64321.7")
    world.run(500)
    assert world.only_stop().trigger_price == Decimal("62392.1")  # 62392.049 rounded towards the market
