"""When the venue refuses, forgets, stays silent or acts late."""

from __future__ import annotations

import msgspec
import pytest

from seawall_proto import (
    AlertRaised,
    FlattenRequested,
    PositionFlattened,
    ProtectionChanged,
    StopChanged,
    TradingHalted,
)
from seawall_stop_guardian import commands as c
from seawall_stop_guardian import facts as f
from seawall_stop_guardian.service import SERVICE
from seawall_venues.port import VenueStop
from tests.story.stop_guardian.world import MS, VENUE, WHO, World, d


def opened(quantity: str = "1", **options: int) -> World:
    world = World(**options)
    world.run(500)
    world.trade(quantity)
    world.run(500)
    return world


def test_a_stop_that_vanished_is_noticed_and_placed_again_under_a_new_name() -> None:
    world = opened()
    world.run(10_000)
    first = world.only_stop().client_stop_id
    world.vanish()
    world.run(1_600)
    again = world.only_stop()
    assert again.client_stop_id != first
    assert again.trigger_price == d("97.0")
    assert world.protections()[-1][0] == "protected"
    assert world.protections()[-1][1] <= 1_600


def test_one_list_without_the_stop_is_a_doubt_not_a_proof() -> None:
    world = opened()
    hidden, world.stops = world.stops, {}
    world.tell(f.StopsRead(**WHO, stops=(), ts_asked_ns=world.now_ns))
    world.stops = hidden
    world.run(2_000)
    assert world.placements == 1
    assert world.only_stop().client_stop_id == next(iter(hidden))
    assert [state for state, _ in world.protections()] == ["unprotected", "protected"]


def test_a_stop_refused_because_it_would_trigger_at_once_closes_the_position_at_once() -> None:
    world = World()
    world.run(500)
    world.place_outcomes = ["reject:-2021"]
    world.trade("1")
    world.run(250)
    assert world.position == 0
    world.run(500)
    flattened = world.heard(PositionFlattened)
    assert [event.quantity for event in flattened] == [d(1)]
    assert "beyond the stop" in flattened[0].reason


def test_a_refused_stop_is_tried_again_and_then_the_position_is_closed() -> None:
    world = World(flatten_after_ms=60_000)
    world.run(500)
    world.place_outcomes = ["reject:-4005"] * 20
    world.trade("1")
    world.run(4_000)
    assert world.position == 0
    assert 5 <= world.placements <= 7
    assert len(world.heard(PositionFlattened)) == 1


def test_a_refused_stop_that_is_taken_the_second_time_costs_no_position() -> None:
    world = World()
    world.run(500)
    world.place_outcomes = ["reject:-1008"]
    world.trade("1")
    world.run(700)
    assert world.only_stop().quantity == d(1)
    assert not world.heard(c.FlattenPosition)


def test_a_placement_whose_answer_was_lost_is_looked_up_not_sent_again() -> None:
    world = World()
    world.run(500)
    world.place_outcomes = ["lost"]
    world.trade("1")
    world.run(600)
    assert world.placements == 1
    assert world.only_stop().quantity == d(1)
    assert world.protections()[-1][0] == "protected"


def test_a_placement_that_never_arrived_is_sent_again_under_a_new_name_once_that_is_proven() -> None:
    world = World()
    world.run(500)
    world.place_outcomes = ["dropped"]
    world.trade("1")
    world.run(1_500)
    placed = [item.client_stop_id for item in world.said if isinstance(item, c.PlaceStop)]
    assert len(set(placed)) == 2
    looked_up = [item for item in world.said if isinstance(item, c.LookUpStop)]
    assert len(looked_up) >= 3
    assert world.only_stop().client_stop_id == placed[1]
    assert world.protections()[-1][0] == "protected"
    assert world.protections()[-1][1] <= 2_000


def test_a_placement_that_arrives_after_it_was_given_up_is_recognised_and_cancelled() -> None:
    world = World()
    world.run(500)
    world.place_outcomes = ["dropped"]
    world.trade("1")
    world.run(2_000)
    late = world.heard(c.PlaceStop)[0]
    kept = world.only_stop()
    world.stops[late.client_stop_id] = _as_stop(kept, late.client_stop_id)
    world.run(2_500)
    assert world.only_stop().quantity == d(1)


def test_nothing_proven_at_all_closes_the_position_within_its_bound() -> None:
    world = World(flatten_after_ms=2_000)
    world.run(500)
    world.look_ups_fail = True
    world.place_outcomes = ["dropped"] * 50
    world.trade("1")
    world.run(2_400)
    assert world.position == 0


def test_closing_goes_on_until_the_venue_takes_it() -> None:
    world = World(flatten_after_ms=1_000)
    world.run(500)
    world.place_outcomes = ["reject:-4005"] * 500
    world.flattens_fail = True
    world.trade("1")
    world.run(30_000)
    sent = [item.client_order_id for item in world.said if isinstance(item, c.FlattenPosition)]
    assert 4 <= len(sent) <= 30
    assert len(set(sent)) == len(sent), "each attempt has a name of its own"
    world.flattens_fail = False
    world.run(7_000)
    assert world.position == 0
    assert len(world.heard(PositionFlattened)) == 1


def test_a_closing_order_is_not_repeated_before_the_position_was_read_again() -> None:
    world = World()
    world.run(500)
    world.place_outcomes = ["reject:-2021"]
    world.trade("1")
    world.run(90)
    world.reads_fail = world.stream_down = True
    world.run(1_500)
    assert world.position == 0
    assert len([item for item in world.said if isinstance(item, c.FlattenPosition)]) == 1
    world.run(10_000)
    blind = len([item for item in world.said if isinstance(item, c.FlattenPosition)])
    assert 2 <= blind <= 6, "with no read at all it is repeated slowly: reduce-only makes that safe"


def test_a_stop_that_triggers_and_fills_is_no_alarm() -> None:
    world = opened()
    world.move("96")
    world.run(1_500)
    assert world.position == 0
    assert not world.heard(c.FlattenPosition)
    assert [event.state for event in world.heard(StopChanged)][-1] == "triggered"
    assert [state for state, _ in world.protections()] == ["unprotected", "protected", "flat"]
    assert not world.stops


def test_a_stop_that_triggers_but_does_not_fill_closes_the_position() -> None:
    world = opened()
    world.run(10_000)
    world.trigger(world.only_stop(), fills=False)
    world.run(1_500)
    assert world.position == 0
    assert world.protections()[-1][0] == "flat"
    assert 500 <= world.protections()[-1][1] <= 1_000, "from the trigger to the close"
    assert "triggered" in world.heard(PositionFlattened)[0].reason


def test_the_synthetic_stop_acts_when_the_native_one_does_not() -> None:
    world = opened()
    world.move("96", native=False)
    world.run(3_000)
    assert world.position == 0
    assert "mark crossed" in world.heard(PositionFlattened)[0].reason
    world.run(2_000)
    assert not world.stops


def test_the_synthetic_stop_gives_the_native_one_its_time() -> None:
    world = opened()
    world.move("96", native=False)
    world.run(700)
    assert not world.heard(c.FlattenPosition)


def test_the_synthetic_stop_does_not_act_on_one_bad_price() -> None:
    world = opened()
    world.tell(f.MarkSeen(**WHO, price=d("9")))
    world.run(4_000)
    assert world.position == 1
    assert not world.heard(c.FlattenPosition)


def test_asked_to_flatten_the_guardian_waits_for_execution_and_then_closes() -> None:
    world = opened(flatten_after_ms=2_000)
    _ask_flatten(world)
    world.run(1_500)
    assert world.position == 1
    world.run(1_000)
    assert world.position == 0
    world.run(1_000)
    assert not world.stops


def test_asked_to_flatten_and_execution_does_it_the_guardian_sends_nothing() -> None:
    world = opened()
    _ask_flatten(world)
    world.run(500)
    world.trade("-1")
    world.run(5_000)
    assert not world.heard(c.FlattenPosition)
    assert not world.heard(PositionFlattened)


def test_an_entry_in_flight_when_flatten_was_asked_is_closed_too_but_not_a_later_one() -> None:
    world = opened(flatten_after_ms=1_000)
    _ask_flatten(world)
    world.run(300)
    world.trade("-1")
    world.run(1_500)
    world.trade("1")
    world.run(1_000)
    assert world.position == 0
    world.run(5_000)
    world.trade("1")
    world.run(5_000)
    assert world.position == 1


def test_a_flatten_wish_of_yesterday_closes_nothing_today() -> None:
    world = opened()
    _ask_flatten(world, age_ns=86_400_000 * MS)
    world.run(10_000)
    assert world.position == 1


def test_a_repeated_flatten_message_is_one_wish() -> None:
    world = opened()
    event = FlattenRequested(id="wish", scope=f"venue:{VENUE}", actor="op", reason="drill", ts_received_ns=1)
    assert [type(item) for item in world.tell(event)] == [c.SpreadFlatten]
    assert world.tell(event) == []


def test_the_guardian_does_not_even_hear_a_halt() -> None:
    assert TradingHalted not in SERVICE.on


@pytest.mark.parametrize("outcome", ["ok", "lost", "dropped"])
@pytest.mark.parametrize("after_ms", [26, 51, 76, 101, 126, 151])
def test_killed_at_any_moment_of_a_placement_exactly_one_stop_remains(outcome: str, after_ms: int) -> None:
    world = World()
    world.run(500)
    world.place_outcomes = [outcome]
    world.trade("1")
    world.run(after_ms)
    world.kill()
    world.run(700)
    world.start()
    world.run(2_500)
    assert world.only_stop().quantity == d(1)
    assert world.state.protection == "protected"
    assert not world.heard(c.FlattenPosition)


def test_after_a_restart_a_remembered_stop_protects_only_once_it_was_read_back() -> None:
    world = World()
    world.run(500)
    world.place_outcomes = ["dropped"]
    world.trade("1")
    world.run(60)
    world.kill()
    world.run(700)
    world.start()
    world.run(2_500)
    said = [type(item) for item in world.said if isinstance(item, c.PlaceStop | ProtectionChanged)]
    assert said == [ProtectionChanged, c.PlaceStop, c.PlaceStop, ProtectionChanged]
    assert world.protections()[-1][1] >= 700, "the time away counts"


def test_a_restart_neither_moves_nor_repeats_the_stop() -> None:
    world = opened(trail_bps=200)
    world.move("110")
    world.run(4_000)
    before = world.only_stop()
    placements = world.placements
    world.kill()
    world.run(1_000)
    world.move("109")
    world.start()
    world.run(3_000)
    assert world.only_stop() == before
    assert world.placements == placements
    assert [state for state, _ in world.protections()] == ["unprotected", "protected"]


def test_without_its_journal_the_guardian_recognises_its_stop_and_its_tightness() -> None:
    world = opened(trail_bps=200)
    world.move("110")
    world.run(4_000)
    before = world.only_stop()
    world.kill()
    world.journal = None
    world.run(60_000)
    world.move("108.5")
    world.start()
    world.run(3_000)
    assert world.only_stop() == before


def test_a_position_closed_while_the_guardian_was_away_leaves_no_stop() -> None:
    world = opened()
    world.kill()
    world.trade("-1")
    world.run(1_000)
    world.start()
    world.run(6_000)
    assert not world.stops
    assert world.protections()[-1][0] == "flat"
    assert world.journal is None


def test_a_new_position_after_a_restart_does_not_inherit_the_old_trigger() -> None:
    world = opened(trail_bps=200)
    world.move("110")
    world.run(4_000)
    assert world.only_stop().trigger_price == d("107.8")
    world.kill()
    world.move("107")
    world.run(100)
    assert world.position == 0
    world.trade("1")
    world.run(1_000)
    world.start()
    world.run(2_000)
    assert world.only_stop().trigger_price == d("103.8")  # 107 less 3 %
    assert world.position == 1


def test_an_interrupted_closing_is_finished_after_a_restart() -> None:
    world = World(flatten_after_ms=1_000)
    world.run(500)
    world.place_outcomes = ["reject:-4005"] * 500
    world.flattens_fail = True
    world.trade("1")
    world.run(3_000)
    world.kill()
    world.run(500)
    world.flattens_fail = False
    world.start()
    world.run(6_000)
    assert world.position == 0
    assert len(world.heard(PositionFlattened)) == 1


def test_closing_raises_an_alarm() -> None:
    world = World()
    world.run(500)
    world.place_outcomes = ["reject:-2021"]
    world.trade("1")
    world.run(500)
    assert [alert.severity for alert in world.heard(AlertRaised)] == ["critical"]


def _ask_flatten(world: World, age_ns: int = 0) -> None:
    world.tell(f.FlattenWished(**WHO, reason="drill", age_ns=age_ns))


def _as_stop(stop: VenueStop, name: str) -> VenueStop:
    return msgspec.structs.replace(stop, client_stop_id=name)
