"""Execution compared venue and ledger: the positions that nothing was heard of since the start."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from seawall_proto import AccountReconciled, Event, PositionChanged

from .hearing import ask, listeners
from .state import Host


def decide(state: Host, event: AccountReconciled) -> tuple[Host, Sequence[Event]]:
    """Tell strategies what is held in markets whose position has not changed since this service started.

    So a position from before a restart is found within one reconciliation, and is left in its time.
    """
    held = {snapshot.symbol: snapshot for snapshot in event.positions}
    said: list[Event] = []
    for market in state.unheard(event.venue):
        state.position_sequences[market] = -1
        snapshot = held.get(market.symbol)
        position = PositionChanged(
            causes=(event.id,),
            ts_received_ns=event.ts_received_ns,
            venue=event.venue,
            account=event.account,
            symbol=market.symbol,
            quantity=snapshot.quantity if snapshot else Decimal(0),
            entry_price=snapshot.entry_price if snapshot else Decimal(0),
            realised_pnl=Decimal(0),
            sequence=-1,
        )
        for hosted in listeners(state, PositionChanged):
            said += ask(state, hosted, market, position)
    return state, said
