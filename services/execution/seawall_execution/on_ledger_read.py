"""What the ledger held when this process started."""

from __future__ import annotations

from seawall_proto import OrderState

from .facts import LedgerRead
from .graph import UNSETTLED
from .positions import holding_of
from .state import Account, Position, Tracked
from .tracking import Out, move, search


def decide(state: Account, event: LedgerRead) -> tuple[Account, Out]:
    """Rebuild the account. An order whose answer was never written down is unknown, and looked for."""
    state.reconciled = event.last_reconciled is not None
    state.market_max.update(event.market_max)
    for row in event.positions:
        holding = holding_of(row.quantity, row.entry_price, row.realised_pnl)
        state.positions[row.symbol] = Position(holding, row.sequence, row.stop_distance_bps)
    for fill in event.fills:
        state.note_fill(fill.symbol, fill.fill_id)
    out: Out = []
    for change in event.open_orders:
        tracked = Tracked(change=change, since_ns=event.ts_received_ns)
        state.remember(tracked)
        if change.state is OrderState.INTENDED:
            out += move(state, tracked, OrderState.UNKNOWN, reason="may have been sent before the restart")
        if tracked.change.state in UNSETTLED:
            out += search(state, tracked, after_ms=0)
    return state, out
