"""What execution's decisions ask its effects to do."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from seawall_proto import OrderType, Side


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """Something to be done for one account."""

    venue: str
    account: str


class PlaceOrder(Command, frozen=True, kw_only=True):
    """Send one order, once, before ``expires_at_ns`` (0: no such limit).

    ``worst_price`` bounds what a market order may be filled at; None bounds nothing.
    ``ts_tick_ns`` is when the market frame that set it off arrived (0: nothing to measure).
    """

    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    limit_price: Decimal | None
    worst_price: Decimal | None
    reduce_only: bool
    expires_at_ns: int
    ts_tick_ns: int


class CancelOrder(Command, frozen=True, kw_only=True):
    """Cancel one working order."""

    symbol: str
    client_order_id: str


class SearchOrder(Command, frozen=True, kw_only=True):
    """Look for an order in every place that could know it, after a wait."""

    symbol: str
    client_order_id: str
    after_ms: int
    since_ns: int


class CheckPosition(Command, frozen=True, kw_only=True):
    """Come back to a doubted position after a wait."""

    symbol: str
    after_ms: int


class ReadAccount(Command, frozen=True, kw_only=True):
    """Compare venue and ledger after a wait; several such wishes are one reading."""

    after_ms: int
    reason: str


class TellFlatten(msgspec.Struct, frozen=True, kw_only=True):
    """Pass a wish to be flat on to every account."""

    scope: str
    request_id: str
    reason: str
