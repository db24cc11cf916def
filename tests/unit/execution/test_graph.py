"""The table of moves itself."""

from __future__ import annotations

from collections.abc import Iterable

from seawall_execution.graph import FIRST, MOVES, UNSETTLED, is_late_correction, may_move
from seawall_proto import TERMINAL_STATES, OrderState


def reachable(start: Iterable[OrderState]) -> set[OrderState]:
    found, waiting = set(start), list(start)
    while waiting:
        for state in MOVES[waiting.pop()] - found:
            found.add(state)
            waiting.append(state)
    return found


def test_every_state_is_in_the_table_and_can_be_reached() -> None:
    assert set(MOVES) == set(OrderState) == reachable({OrderState.INTENDED})


def test_what_ended_stays_ended() -> None:
    assert all(not MOVES[state] for state in TERMINAL_STATES)
    assert all(MOVES[state] & TERMINAL_STATES for state in MOVES if state not in TERMINAL_STATES)


def test_an_order_the_venue_has_is_never_said_to_be_unplaced() -> None:
    assert not may_move(OrderState.OPEN, OrderState.NOT_PLACED)
    assert not may_move(OrderState.PARTIALLY_FILLED, OrderState.NOT_PLACED)
    assert not may_move(OrderState.PARTIALLY_FILLED, OrderState.REJECTED)


def test_nothing_goes_back_to_intended_and_nothing_begins_unknown() -> None:
    assert all(OrderState.INTENDED not in moves for moves in MOVES.values())
    assert OrderState.UNKNOWN not in FIRST
    assert {OrderState.INTENDED, OrderState.UNKNOWN} == UNSETTLED


def test_only_the_venues_contradiction_of_an_end_is_a_correction() -> None:
    assert is_late_correction(OrderState.NOT_PLACED, OrderState.OPEN)
    assert is_late_correction(OrderState.CANCELED, OrderState.FILLED)
    assert not is_late_correction(OrderState.FILLED, OrderState.FILLED)
    assert not is_late_correction(OrderState.OPEN, OrderState.FILLED)
    assert not is_late_correction(OrderState.REJECTED, OrderState.UNKNOWN)
