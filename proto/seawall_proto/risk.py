"""What risk says. Money is ``Decimal`` and travels as text."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Literal

from .base import AccountEvent, EventId
from .market import Side

OrderType = Literal["market", "limit"]


class RefusalReason(Enum):
    """Why an order was refused; the value is the wire text and the documentation."""

    HALTED = "halted"
    NOT_READY = "not_ready"
    EXPIRED = "expired"
    FEED_NOT_LIVE = "feed_not_live"
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    NO_EQUITY = "no_equity"
    BELOW_MINIMUM = "below_minimum"
    POSITION_LIMIT = "position_limit"
    EXPOSURE_LIMIT = "exposure_limit"
    DRAWDOWN_LIMIT = "drawdown_limit"
    DAILY_LOSS_LIMIT = "daily_loss_limit"
    LIQUIDITY = "liquidity"
    SLIPPAGE = "slippage"
    ORDER_RATE = "order_rate"
    ALREADY_POSITIONED = "already_positioned"
    NOTHING_TO_CLOSE = "nothing_to_close"
    ORDER_IN_FLIGHT = "order_in_flight"
    UNKNOWN_ORDER = "unknown_order"
    INVALID_SIGNAL = "invalid_signal"
    DEPEGGED = "depegged"


class OrderApproved(AccountEvent, frozen=True, kw_only=True, tag_field="type", tag="risk.order_approved.v1"):
    """One order may be sent, once, before ``expires_at_ns``.

    ``limit_price`` is set for limit orders; for market orders ``worst_price`` bounds the expected
    average fill. ``reference_price`` is the mid at the decision. ``stop_distance_bps`` is how far
    from the entry the guardian's stop goes. ``id`` is the intent: one intent, one order.
    """

    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    limit_price: Decimal | None
    worst_price: Decimal
    reference_price: Decimal
    reduce_only: bool
    strategy: str
    signal_id: EventId
    stop_distance_bps: int
    epoch: int
    expires_at_ns: int


class OrderRefused(AccountEvent, frozen=True, kw_only=True, tag_field="type", tag="risk.order_refused.v1"):
    """A signal did not become an order, and why."""

    symbol: str
    strategy: str
    signal_id: EventId
    reason: RefusalReason
    detail: str = ""


class ExposureChanged(AccountEvent, frozen=True, kw_only=True, tag_field="type", tag="risk.exposure_changed.v1"):
    """The account's equity and exposure as risk sees them, in quote currency."""

    equity: Decimal
    peak_equity: Decimal
    gross_exposure: Decimal
    exposure_limit: Decimal
    daily_pnl: Decimal
    drawdown_bps: int
