"""The stop-guardian's table: what it hears, what it says."""

from __future__ import annotations

from typing import Any

from seawall_proto import (
    AlertRaised,
    FlattenRequested,
    OrderApproved,
    PositionChanged,
    PositionFlattened,
    ProtectionChanged,
    StopChanged,
)
from seawall_runtime.service import Key, Service
from seawall_stop_guardian import (
    facts,
    on_cancel_answered,
    on_fill_seen,
    on_fills_read,
    on_flatten_answered,
    on_flatten_requested,
    on_flatten_wished,
    on_mark_seen,
    on_memory_restored,
    on_moment_passed,
    on_order_approved,
    on_position_changed,
    on_position_seen,
    on_rules_known,
    on_stop_answered,
    on_stop_looked_up,
    on_stop_reported,
    on_stops_read,
)
from seawall_stop_guardian.state import CONTROL_KEY


def key_of(event: Any) -> Key:
    """Return the piece of state an event belongs to."""
    if isinstance(event, FlattenRequested):
        return CONTROL_KEY
    return event.venue, event.account, event.symbol


SERVICE = Service(
    name="stop-guardian",
    on={
        OrderApproved: on_order_approved.decide,
        PositionChanged: on_position_changed.decide,
        FlattenRequested: on_flatten_requested.decide,
        facts.RulesKnown: on_rules_known.decide,
        facts.MemoryRestored: on_memory_restored.decide,
        facts.PositionSeen: on_position_seen.decide,
        facts.FillSeen: on_fill_seen.decide,
        facts.FillsRead: on_fills_read.decide,
        facts.StopsRead: on_stops_read.decide,
        facts.StopAnswered: on_stop_answered.decide,
        facts.CancelAnswered: on_cancel_answered.decide,
        facts.StopLookedUp: on_stop_looked_up.decide,
        facts.StopReported: on_stop_reported.decide,
        facts.MarkSeen: on_mark_seen.decide,
        facts.FlattenAnswered: on_flatten_answered.decide,
        facts.FlattenWished: on_flatten_wished.decide,
        facts.MomentPassed: on_moment_passed.decide,
    },
    sends=(StopChanged, ProtectionChanged, PositionFlattened, AlertRaised),
    key=key_of,
)
