"""What signal listens to and what it says."""

from __future__ import annotations

from seawall_proto import (
    AccountReconciled,
    AlertRaised,
    FeaturesComputed,
    FeedChanged,
    OrderRefused,
    PositionChanged,
    SignalRaised,
)
from seawall_runtime.service import Service, TimerElapsed

from . import (
    on_account_reconciled,
    on_features_computed,
    on_feed_changed,
    on_order_refused,
    on_position_changed,
    on_timer_elapsed,
)

HOST = "host"
"""The only key: inside, each strategy keeps one state a market, found by one look-up."""

SERVICE = Service(
    name="signal",
    on={
        FeaturesComputed: on_features_computed.decide,
        FeedChanged: on_feed_changed.decide,
        AccountReconciled: on_account_reconciled.decide,
        PositionChanged: on_position_changed.decide,
        OrderRefused: on_order_refused.decide,
        TimerElapsed: on_timer_elapsed.decide,
    },
    sends=(SignalRaised, AlertRaised),
    key=lambda event: HOST,
)
