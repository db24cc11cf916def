"""A second passed: old approvals lapse, limits are watched, and the exposure is told where it changed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from seawall_runtime.service import TimerElapsed

from . import halts
from .exposure import forget_overdue
from .facts import PersistHalt
from .limits import breached_limit
from .report import exposure_changed
from .state import Portfolio


def decide(state: Portfolio, event: TimerElapsed) -> tuple[Portfolio, Sequence[msgspec.Struct]]:
    """Halt everything where an account breaches drawdown or daily loss; nobody has to be asked for that."""
    state.advance(event.ts_received_ns)
    out: list[msgspec.Struct] = []
    for account in state.accounts.values():
        for market in account.markets.values():
            forget_overdue(state, account, market)
        breach = breached_limit(state, account)
        if breach is not None and not halts.is_halted(state, halts.EVERYTHING):
            reason = f"{breach.reason.value} of {account.venue}/{account.name}: {breach.detail}"
            halted = halts.halt(state, halts.EVERYTHING, "risk", reason, state.now_ns)
            out += [halted, PersistHalt(fact=halted)]
        changed = exposure_changed(state, account)
        if changed is not None:
            out.append(changed)
    return state, out
