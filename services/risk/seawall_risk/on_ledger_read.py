"""What the ledger held at the start: the portfolio is rebuilt from it."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import Event

from . import halts
from .exposure import book_order, book_position, book_reconciliation
from .facts import LedgerRead
from .limits import recall_equity
from .state import Portfolio


def decide(state: Portfolio, event: LedgerRead) -> tuple[Portfolio, Sequence[Event]]:
    """Take everything over; deciding begins one approval lifetime later."""
    state.advance(event.ts_received_ns)
    for position in event.positions:
        if account := state.account_of(position.venue, position.account):
            book_position(account, position)
    for order in event.orders:
        if account := state.account_of(order.venue, order.account):
            book_order(state, account, order)
    for reconciled in event.reconciled:
        if account := state.account_of(reconciled.venue, reconciled.account):
            book_reconciliation(account, reconciled)
    for exposure in event.exposures:
        if account := state.account_of(exposure.venue, exposure.account):
            recall_equity(state, account, exposure)
    for halt in event.halts:
        halts.take(state, halt)
    state.loaded_ns = state.halts_read_ns = event.ts_received_ns
    return state, ()
