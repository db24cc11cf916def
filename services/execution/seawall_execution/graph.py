"""How an order may move, as one table. A move that is not here is not made."""

from __future__ import annotations

from seawall_proto import TERMINAL_STATES, OrderState

INTENDED, UNKNOWN, OPEN = OrderState.INTENDED, OrderState.UNKNOWN, OrderState.OPEN
PARTIALLY_FILLED, FILLED = OrderState.PARTIALLY_FILLED, OrderState.FILLED
CANCELED, EXPIRED = OrderState.CANCELED, OrderState.EXPIRED
REJECTED, NOT_PLACED = OrderState.REJECTED, OrderState.NOT_PLACED

FIRST = frozenset({INTENDED, OPEN, PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED, REJECTED, NOT_PLACED})
"""How an order may begin: ours as INTENDED or refused at once, an adopted one as the venue reports it."""

MOVES: dict[OrderState, frozenset[OrderState]] = {
    INTENDED: frozenset({UNKNOWN, OPEN, PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED, REJECTED, NOT_PLACED}),
    UNKNOWN: frozenset({OPEN, PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED, REJECTED, NOT_PLACED}),
    # REJECTED after OPEN: some venues take an order first and check it afterwards
    OPEN: frozenset({UNKNOWN, PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED, REJECTED}),
    PARTIALLY_FILLED: frozenset({UNKNOWN, PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED}),
    FILLED: frozenset(),
    CANCELED: frozenset(),
    EXPIRED: frozenset(),
    REJECTED: frozenset(),
    NOT_PLACED: frozenset(),
}

UNSETTLED = frozenset({INTENDED, UNKNOWN})
"""States in which the venue has not yet said that it has the order."""


def may_move(state: OrderState, to: OrderState) -> bool:
    """True where the table lists the move."""
    return to in MOVES[state]


def is_late_correction(state: OrderState, to: OrderState) -> bool:
    """True where the venue contradicts what was thought final: recorded, and trading halts over it."""
    return state in TERMINAL_STATES and state is not to and to not in UNSETTLED
