from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from seawall_cli.demo.chaos import plan_kills
from seawall_cli.demo.holdings import Holdings
from seawall_cli.demo.sampler import Counters
from seawall_cli.demo.summary import NAKED_BOUND_MS, problems_of
from seawall_cli.stack.plan import SERVICES, venue_symbol

HEALTHY: dict[str, Any] = {
    "frames": 100,
    "rows_recorded": 100,
    "book_gaps": 0,
    "duplicate_orders": 0,
    "unknown_orders": 0,
    "unexplained_position": 0,
    "naked_positions": 0,
    "unprotected_ms_max": 150,
    "positions_opened": 3,
    "stops_verified": 3,
    "restarts": {},
}
READY = dict.fromkeys(SERVICES, True)


def test_a_healthy_run_has_no_problem() -> None:
    assert problems_of(HEALTHY, READY, killed=False) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("book_gaps", 1),
        ("duplicate_orders", 1),
        ("unknown_orders", 1),
        ("unexplained_position", 1),
        ("naked_positions", 1),
        ("frames", 0),
        ("rows_recorded", 0),
        ("unprotected_ms_max", NAKED_BOUND_MS + 1),
        ("stops_verified", 2),
        ("restarts", {"risk": 1}),
    ],
)
def test_every_promise_that_is_broken_is_named(name: str, value: object) -> None:
    problems = problems_of({**HEALTHY, name: value}, READY, killed=False)
    assert len(problems) == 1
    assert name in problems[0] or "restarts" in problems[0] or "stops verified" in problems[0]


def test_a_service_that_is_not_ready_is_named() -> None:
    assert problems_of(HEALTHY, {**READY, "risk": False}, killed=False) == ["risk was not ready at the end"]


def test_restarts_are_expected_where_we_killed() -> None:
    assert problems_of({**HEALTHY, "restarts": dict.fromkeys(SERVICES, 1)}, READY, killed=True) == []


def test_the_kill_plan_repeats_with_its_seed_and_names_everyone_once() -> None:
    plan = plan_kills(4, 90)
    assert plan == plan_kills(4, 90)
    assert plan != plan_kills(5, 90)
    assert sorted(kill.victim for kill in plan) == sorted([*SERVICES, "nats", "postgres"])
    assert all(0 < kill.at_s < 90 for kill in plan)
    assert [kill.at_s for kill in plan] == sorted(kill.at_s for kill in plan)


def test_counters_add_up_across_a_restart() -> None:
    counters = Counters()
    for value in (5.0, 9.0, 2.0, 4.0):
        counters.add("market-data", "seawall_frames", (("kind", "trade"),), value)
    assert counters.total("seawall_frames") == 13
    assert counters.total("seawall_frames", kind="quote") == 0


def test_a_position_with_too_small_a_stop_is_naked() -> None:
    holdings = Holdings({"BTCUSDT": Decimal("-0.010")}, {"BTCUSDT": Decimal("0.009")}, Decimal(10_000))
    assert holdings.naked == ["BTCUSDT"]
    assert Holdings({"BTCUSDT": Decimal("0.01")}, {"BTCUSDT": Decimal("0.010")}, Decimal(1)).naked == []


def test_the_venue_has_its_own_names() -> None:
    assert venue_symbol("BTC-USDT-PERP") == "BTCUSDT"
