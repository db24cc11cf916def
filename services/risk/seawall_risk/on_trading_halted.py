"""A scope is halted, whoever said so."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from seawall_proto import TradingHalted

from . import halts
from .facts import PersistHalt
from .state import Portfolio


def decide(state: Portfolio, event: TradingHalted) -> tuple[Portfolio, Sequence[msgspec.Struct]]:
    """Stop approving new risk in the scope; what is news is written to the ledger as well."""
    state.advance(event.ts_received_ns)
    return state, (PersistHalt(fact=event),) if halts.take(state, event) else ()
