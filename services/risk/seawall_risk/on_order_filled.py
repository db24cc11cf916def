"""A fill: its realised profit and its fee change the account's cash."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import Event, OrderFilled

from .exposure import book_fill
from .state import Portfolio


def decide(state: Portfolio, event: OrderFilled) -> tuple[Portfolio, Sequence[Event]]:
    """Book the money once; quantities come with the order's state and the position."""
    state.advance(event.ts_received_ns)
    account = state.account_of(event.venue, event.account)
    if account is not None:
        book_fill(state, account, event)
    return state, ()
