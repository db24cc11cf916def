"""What the guardian wants done; its effects do it and report back as facts."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from seawall_proto import Side
from seawall_stop_guardian.facts import Memory


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A wish about one account."""

    venue: str
    account: str


class SymbolCommand(Command, frozen=True, kw_only=True):
    """A wish about one symbol of one account."""

    symbol: str


class PlaceStop(SymbolCommand, frozen=True, kw_only=True):
    """Write ``memory`` to the journal, then send one reduce-only stop, once."""

    client_stop_id: str
    side: Side
    quantity: Decimal
    trigger_price: Decimal
    memory: Memory


class CancelStop(SymbolCommand, frozen=True, kw_only=True):
    """Cancel one stop of ours."""

    client_stop_id: str


class LookUpStop(SymbolCommand, frozen=True, kw_only=True):
    """Ask the venue for one stop by our id."""

    client_stop_id: str


class ReadAccount(Command, frozen=True, kw_only=True):
    """Read positions and resting stops soon, without waiting for the next round."""


class ReadFills(SymbolCommand, frozen=True, kw_only=True):
    """Read the symbol's fills since a time, to learn when a position began."""

    since_ns: int


class FlattenPosition(SymbolCommand, frozen=True, kw_only=True):
    """Write ``memory`` to the journal, then send one reduce-only market order, once."""

    client_order_id: str
    side: Side
    quantity: Decimal
    memory: Memory


class SpreadFlatten(msgspec.Struct, frozen=True, kw_only=True):
    """Tell every watched symbol in ``scope`` that it should be flat."""

    scope: str
    reason: str
    ts_requested_ns: int


class Remember(msgspec.Struct, frozen=True, kw_only=True):
    """Write what changed about one symbol to the journal."""

    memory: Memory
