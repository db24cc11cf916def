"""What the simulated exchange says happened, in the order it happened."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from .model import AlgoOrder, Fill, MarginType, Order

Execution = Literal["NEW", "TRADE", "CANCELED", "EXPIRED", "AMENDMENT", "CALCULATED"]
AccountReason = Literal["ORDER", "FUNDING_FEE", "DEPOSIT", "INSURANCE_CLEAR", "MARGIN_TRANSFER", "MARGIN_TYPE_CHANGE"]


class OrderChanged(msgspec.Struct, frozen=True, kw_only=True):
    """An order was accepted, filled, amended or ended. ``fill`` is there exactly for TRADE and CALCULATED."""

    ts_ns: int
    execution: Execution
    order: Order
    fill: Fill | None = None


class AlgoChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A conditional order was accepted, triggered or ended."""

    ts_ns: int
    algo: AlgoOrder


class PositionView(msgspec.Struct, frozen=True, kw_only=True):
    """A position as told to the account's owner."""

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    break_even_price: Decimal
    realised: Decimal
    unrealised: Decimal
    margin_type: MarginType
    isolated_wallet: Decimal


class AccountChanged(msgspec.Struct, frozen=True, kw_only=True):
    """The wallet or positions changed. ``balance_change`` leaves out profit and fees."""

    ts_ns: int
    reason: AccountReason
    wallet: Decimal
    cross_wallet: Decimal
    balance_change: Decimal
    positions: tuple[PositionView, ...]


class LeverageChanged(msgspec.Struct, frozen=True, kw_only=True):
    """The account chose another leverage for a symbol."""

    ts_ns: int
    symbol: str
    leverage: int


class MarginCalled(msgspec.Struct, frozen=True, kw_only=True):
    """Positions are near liquidation."""

    ts_ns: int
    cross_wallet: Decimal
    positions: tuple[tuple[PositionView, Decimal, Decimal], ...]  # each with mark price and maintenance margin


EngineEvent = OrderChanged | AlgoChanged | AccountChanged | LeverageChanged | MarginCalled
