"""Some time ago the venue's word about a position differed from ours."""

from __future__ import annotations

from .commands import ReadAccount
from .facts import PositionDoubted
from .state import Account
from .tracking import Out


def decide(state: Account, event: PositionDoubted) -> tuple[Account, Out]:
    """Have the account read where they still differ."""
    held, theirs = state.position(event.symbol).holding.quantity, state.reported.get(event.symbol)
    if theirs is None or theirs == held:
        return state, []
    reason = f"{event.symbol} is {theirs} at the venue and {held} here"
    return state, [ReadAccount(venue=state.venue, account=state.account, after_ms=0, reason=reason)]
