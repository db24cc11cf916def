"""Execution's table: what it hears, what it says, and how its state is split."""

from __future__ import annotations

from typing import Any

from seawall_proto import (
    AccountReconciled,
    AlertRaised,
    FlattenRequested,
    HaltRequested,
    OrderApproved,
    OrderFilled,
    OrderStateChanged,
    PositionChanged,
    TradingHalted,
    TradingResumed,
)
from seawall_runtime.service import Key, Service

from . import (
    facts,
    on_account_read,
    on_flatten_requested,
    on_flatten_wanted,
    on_halts_read,
    on_ledger_read,
    on_order_answered,
    on_order_approved,
    on_order_recalled,
    on_order_reported,
    on_order_searched,
    on_order_unsent,
    on_position_doubted,
    on_position_reported,
    on_trading_halted,
    on_trading_resumed,
    on_user_stream_changed,
)
from .state import CONTROL


def key_of(event: Any) -> Key:
    """Return the account an event belongs to; control messages concern all of them."""
    if isinstance(event, TradingHalted | TradingResumed | FlattenRequested | facts.HaltsRead):
        return CONTROL
    return event.venue, event.account


SERVICE = Service(
    name="execution",
    on={
        OrderApproved: on_order_approved.decide,
        TradingHalted: on_trading_halted.decide,
        TradingResumed: on_trading_resumed.decide,
        FlattenRequested: on_flatten_requested.decide,
        facts.LedgerRead: on_ledger_read.decide,
        facts.HaltsRead: on_halts_read.decide,
        facts.FlattenWanted: on_flatten_wanted.decide,
        facts.OrderAnswered: on_order_answered.decide,
        facts.OrderUnsent: on_order_unsent.decide,
        facts.OrderRecalled: on_order_recalled.decide,
        facts.OrderReported: on_order_reported.decide,
        facts.OrderSearched: on_order_searched.decide,
        facts.PositionReported: on_position_reported.decide,
        facts.PositionDoubted: on_position_doubted.decide,
        facts.AccountRead: on_account_read.decide,
        facts.UserStreamChanged: on_user_stream_changed.decide,
    },
    sends=(OrderStateChanged, OrderFilled, PositionChanged, AccountReconciled, HaltRequested, AlertRaised),
    key=key_of,
)
