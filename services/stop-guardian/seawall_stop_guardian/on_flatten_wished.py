"""This symbol should be flat."""

from __future__ import annotations

import msgspec

from seawall_stop_guardian import flatten
from seawall_stop_guardian.advance import advance
from seawall_stop_guardian.facts import FlattenWished
from seawall_stop_guardian.state import Guarded


def decide(state: Guarded, event: FlattenWished) -> tuple[Guarded, list[msgspec.Struct]]:
    """Give execution its time, then close. A wish that is long past says nothing about today's positions."""
    now_ns = event.ts_received_ns
    if event.age_ns <= flatten.STALE_WISH_NS:
        flatten.wish(state, event.reason, now_ns)
    return state, advance(state, now_ns)
