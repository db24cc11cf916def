"""What risk listens to and what it says."""

from __future__ import annotations

from seawall_proto import (
    AccountReconciled,
    AlertRaised,
    BookChanged,
    CurrencyRated,
    ExposureChanged,
    FeedChanged,
    HaltRequested,
    InstrumentListed,
    OrderApproved,
    OrderFilled,
    OrderRefused,
    OrderStateChanged,
    PositionChanged,
    QuoteTicked,
    SignalRaised,
    TradingHalted,
    TradingResumed,
)
from seawall_runtime.service import Service, TimerElapsed

from . import (
    on_account_reconciled,
    on_book_changed,
    on_currency_rated,
    on_feed_changed,
    on_halt_requested,
    on_halts_read,
    on_instrument_listed,
    on_ledger_read,
    on_order_filled,
    on_order_state_changed,
    on_position_changed,
    on_quote_ticked,
    on_signal_raised,
    on_timer_elapsed,
    on_trading_halted,
    on_trading_resumed,
)
from .facts import HaltsRead, LedgerRead

PORTFOLIO = "portfolio"
"""The only key: limits span every symbol. Sums are running totals, so an event's cost does not grow with symbols."""

SERVICE = Service(
    name="risk",
    on={
        SignalRaised: on_signal_raised.decide,
        QuoteTicked: on_quote_ticked.decide,
        BookChanged: on_book_changed.decide,
        FeedChanged: on_feed_changed.decide,
        InstrumentListed: on_instrument_listed.decide,
        CurrencyRated: on_currency_rated.decide,
        AccountReconciled: on_account_reconciled.decide,
        PositionChanged: on_position_changed.decide,
        OrderStateChanged: on_order_state_changed.decide,
        OrderFilled: on_order_filled.decide,
        HaltRequested: on_halt_requested.decide,
        TradingHalted: on_trading_halted.decide,
        TradingResumed: on_trading_resumed.decide,
        LedgerRead: on_ledger_read.decide,
        HaltsRead: on_halts_read.decide,
        TimerElapsed: on_timer_elapsed.decide,
    },
    sends=(OrderApproved, OrderRefused, ExposureChanged, TradingHalted, AlertRaised),
    key=lambda event: PORTFOLIO,
)
