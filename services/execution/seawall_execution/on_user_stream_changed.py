"""The user stream came, went, or said something unreadable."""

from __future__ import annotations

from .commands import ReadAccount
from .facts import UserStreamChanged
from .state import Account
from .tracking import Out


def decide(state: Account, event: UserStreamChanged) -> tuple[Account, Out]:
    """Take no new risk until the account was read after the stream came back."""
    state.connected = event.connected
    state.doubted_since_ns = event.ts_received_ns
    if not event.connected:
        state.doubt = f"the user stream is lost: {event.reason}"
        return state, []
    state.doubt = f"the account was not read since: {event.reason}"
    return state, [ReadAccount(venue=state.venue, account=state.account, after_ms=0, reason=event.reason)]
