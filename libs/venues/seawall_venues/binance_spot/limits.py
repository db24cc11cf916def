"""Binance spot's limits: what its public reads cost, and the pace of its sockets.

The weight that may be used in a minute (6 000) is read from exchangeInfo; until then the smaller
one of USD-M futures holds.
"""

from __future__ import annotations

from seawall_venues.binance.limits import FeedBudget

__all__ = ["FeedBudget"]

LISTING_WEIGHT = 20
SNAPSHOT_WEIGHT = 50  # for 1 000 levels a side; 5 000 would cost 250
TRADES_WEIGHT = 25
KLINES_WEIGHT = 2
MAX_KLINES = 1_000
MESSAGES_PER_S = 3.0  # the venue takes 5, pings and answers to its own among them
IDLE_S = 30.0  # unlike futures, spot sends nothing of a symbol that nobody touches
