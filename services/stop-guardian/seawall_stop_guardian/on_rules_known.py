"""The instrument's rules are known: stops can be rounded to them."""

from __future__ import annotations

import msgspec

from seawall_stop_guardian.advance import advance
from seawall_stop_guardian.facts import RulesKnown
from seawall_stop_guardian.state import Guarded


def decide(state: Guarded, event: RulesKnown) -> tuple[Guarded, list[msgspec.Struct]]:
    """Take the rules."""
    state.rules = event
    return state, advance(state, event.ts_received_ns)
