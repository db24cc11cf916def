"""What the stop-guardian says."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from .base import AccountEvent
from .market import Side

StopState = Literal["placing", "unknown", "resting", "triggered", "canceled", "rejected", "gone"]


class StopChanged(AccountEvent, frozen=True, kw_only=True, tag_field="type", tag="stops.stop_changed.v1"):
    """A protective order changed. ``verified`` means the guardian itself read it back as resting."""

    symbol: str
    client_stop_id: str
    venue_stop_id: str
    side: Side
    quantity: Decimal
    trigger_price: Decimal
    state: StopState
    verified: bool
    reason: str = ""


class ProtectionChanged(AccountEvent, frozen=True, kw_only=True, tag_field="type", tag="stops.protection_changed.v1"):
    """A position became protected, unprotected or flat.

    ``unprotected_ms`` is how long it had no verified stop up to this event.
    """

    symbol: str
    state: Literal["protected", "unprotected", "flat"]
    position_quantity: Decimal
    stop_quantity: Decimal
    unprotected_ms: int
    reason: str = ""


class PositionFlattened(AccountEvent, frozen=True, kw_only=True, tag_field="type", tag="stops.position_flattened.v1"):
    """A position was closed at the market because protection could not be had or it was asked for."""

    symbol: str
    quantity: Decimal
    reason: str
