"""The user stream says how large a position is now."""

from __future__ import annotations

from .commands import CheckPosition
from .facts import PositionReported
from .state import Account
from .tracking import Out

FILL_MAY_FOLLOW_MS = 1_000  # the stream tells a position before the fill that made it


def decide(state: Account, event: PositionReported) -> tuple[Account, Out]:
    """Note the venue's word; where it differs from ours, come back when the fill had time to arrive."""
    state.reported[event.symbol] = event.quantity
    if event.quantity == state.position(event.symbol).holding.quantity:
        return state, []
    check = CheckPosition(venue=state.venue, account=state.account, symbol=event.symbol, after_ms=FILL_MAY_FOLLOW_MS)
    return state, [check]
