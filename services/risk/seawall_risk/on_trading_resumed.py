"""Somebody with the right to do so allows new risk again."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from seawall_proto import AlertRaised, TradingResumed

from . import halts
from .exposure import equity_of
from .facts import PersistHalt
from .state import Portfolio


def decide(state: Portfolio, event: TradingResumed) -> tuple[Portfolio, Sequence[msgspec.Struct]]:
    """Resume where the version is newer than the halt's; an older one is refused aloud.

    Resuming everything accepts the losses so far: peak and day start again from today's equity,
    or the limit that was breached would halt again within a second.
    """
    state.advance(event.ts_received_ns)
    known = state.halts.get(event.scope)
    if not halts.take(state, event):
        if known is None or not known.halted:
            return state, ()
        detail = f"{event.scope}: resume version {event.version} is not newer than halt version {known.version}"
        return state, (AlertRaised(service="risk", name="resume-ignored", severity="warning", detail=detail),)
    if event.scope == halts.EVERYTHING:
        for account in state.accounts.values():
            account.peak = account.day_start = equity_of(account)
    return state, (PersistHalt(fact=event),)
