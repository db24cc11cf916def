"""Execution compared venue and ledger: the equity to start counting from."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import AccountReconciled, Event

from .exposure import book_reconciliation
from .state import Portfolio


def decide(state: Portfolio, event: AccountReconciled) -> tuple[Portfolio, Sequence[Event]]:
    """Take over the venue's equity and marks; the timer looks for breached limits within a second."""
    state.advance(event.ts_received_ns)
    account = state.account_of(event.venue, event.account)
    if account is not None:
        book_reconciliation(account, event)
    return state, ()
