"""What execution says about orders, fills, positions and balances."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

import msgspec

from .base import AccountEvent, EventId
from .market import Side
from .risk import OrderType


class OrderState(Enum):
    """The states of an order. ``UNKNOWN``: sent, outcome not proven; it counts in full."""

    INTENDED = "intended"
    UNKNOWN = "unknown"
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    NOT_PLACED = "not_placed"

    @property
    def is_terminal(self) -> bool:
        """True where no further change is expected."""
        return self in TERMINAL_STATES


TERMINAL_STATES = frozenset(
    {OrderState.FILLED, OrderState.CANCELED, OrderState.EXPIRED, OrderState.REJECTED, OrderState.NOT_PLACED}
)


class OrderStateChanged(AccountEvent, frozen=True, kw_only=True, tag_field="type", tag="orders.order_state_changed.v1"):
    """An order moved along the state graph; quantities are totals, not deltas.

    ``sequence`` rises by one with every change of this order, so a late copy can be recognised.
    ``ts_sent_ns`` is when the request left for the venue; 0 before, and for orders not ours.
    """

    client_order_id: str
    venue_order_id: str
    intent_id: EventId
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    filled_quantity: Decimal
    limit_price: Decimal | None
    average_price: Decimal | None
    reduce_only: bool
    state: OrderState
    previous_state: OrderState | None
    reason: str
    sequence: int
    stop_distance_bps: int = 0
    ts_sent_ns: int = 0


class OrderFilled(AccountEvent, frozen=True, kw_only=True, tag_field="type", tag="orders.order_filled.v1"):
    """One fill, once: ``fill_id`` is the venue's trade id. ``client_order_id`` is empty for external trades."""

    fill_id: str
    client_order_id: str
    venue_order_id: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    realised_pnl: Decimal
    ts_venue_ns: int


class PositionChanged(AccountEvent, frozen=True, kw_only=True, tag_field="type", tag="orders.position_changed.v1"):
    """The position after a fill or a reconciliation: signed quantity, absolute, never a delta."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    realised_pnl: Decimal
    sequence: int
    stop_distance_bps: int = 0


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """Wallet balance of one asset, without unrealised profit."""

    asset: str
    wallet: Decimal
    available: Decimal


class PositionSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A position as the venue reports it."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    unrealised_pnl: Decimal


class AccountReconciled(AccountEvent, frozen=True, kw_only=True, tag_field="type", tag="orders.account_reconciled.v1"):
    """Venue and ledger were compared. ``differences`` is empty when they agree."""

    equity: Decimal
    balances: tuple[Balance, ...]
    positions: tuple[PositionSnapshot, ...]
    open_orders: int
    adopted_orders: int
    adopted_fills: int
    differences: tuple[str, ...]
