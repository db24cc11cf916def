"""Whatever happens in whatever order: once it is quiet, one verified stop fits the position, or both are gone."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from seawall_proto import PositionFlattened
from seawall_stop_guardian import commands as c
from seawall_venues.port import VenueStop
from tests.story.stop_guardian.world import World, d

PAUSES = st.sampled_from([0, 10, 30, 60, 110, 200, 500, 1_100, 3_500])
ACTIONS = st.one_of(
    st.tuples(st.just("trade"), st.sampled_from(["0.5", "1", "-0.5", "-1", "2", "-2"])),
    st.tuples(st.just("move"), st.sampled_from(["98", "99", "101", "104", "108", "93"])),
    st.tuples(st.just("place"), st.sampled_from(["lost", "dropped", "reject:-1008"])),
    st.tuples(st.just("vanish"), st.just("")),
    st.tuples(st.just("restart"), st.just("")),
    st.tuples(st.just("forget"), st.just("")),
    st.tuples(st.sampled_from(["reads_fail", "look_ups_fail", "stream_down", "flattens_fail"]), st.booleans()),
)


class WatchedWorld(World):
    """Also checks, at the venue, that no cancel takes away protection that is still needed."""

    def cancel_stop(self, stop_id: str) -> None:
        gone: VenueStop | None = self.stops.get(stop_id)
        super().cancel_stop(stop_id)
        closing = "sell" if self.position > 0 else "buy"
        if gone and self.position and gone.side == closing and len(self.fills) == self.settled_fills:
            left = sum((stop.quantity for stop in self.stops.values() if stop.side == closing), Decimal(0))
            assert left >= abs(self.position), "a cancel left the position bare"

    settled_fills = -1

    def run(self, ms: int) -> None:
        super().run(ms)
        if ms >= 3_500 and not self.stream_down and not self.reads_fail:
            self.settled_fills = len(self.fills)  # whatever is cancelled from here on is cancelled knowingly


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(ACTIONS, PAUSES), min_size=1, max_size=20))
def test_when_it_is_quiet_again_protection_fits_the_position(plan: list[tuple[tuple[str, object], int]]) -> None:
    world = WatchedWorld()
    world.run(500)
    for (kind, value), pause_ms in plan:
        _act(world, kind, value)
        world.run(pause_ms)
    world.reads_fail = world.look_ups_fail = world.stream_down = world.flattens_fail = False
    world.place_outcomes = []
    world.run(25_000)

    if world.position:
        stop = world.only_stop()
        assert stop.quantity == abs(world.position)
        assert stop.side == ("sell" if world.position > 0 else "buy")
        own = world.state.stops[stop.client_stop_id]
        assert own.verified
        assert world.state.protection == "protected"
    else:
        assert not world.stops
        assert world.state.protection == "flat"
        assert world.journal is None
    assert len({item.client_stop_id for item in world.said if isinstance(item, c.PlaceStop)}) == len(
        [item for item in world.said if isinstance(item, c.PlaceStop)]
    ), "no name is used twice"
    assert len(world.heard(PositionFlattened)) <= len(world.fills)


def _act(world: World, kind: str, value: object) -> None:
    if kind == "trade":
        world.trade(d(str(value)))
    elif kind == "move":
        world.move(str(value))
    elif kind == "place":
        world.place_outcomes.append(str(value))
    elif kind == "vanish":
        world.vanish()
    elif kind in ("restart", "forget"):
        world.kill()
        if kind == "forget":
            world.journal = None
        world.run(300)
        world.start()
    else:
        setattr(world, kind, value)
