"""Kraken futures' published limits on public reads and market sockets.

Sources: "Futures rate limits", "Subscriptions - WebSockets API (derivatives)" and the reference of each endpoint.
"""

from __future__ import annotations

from seawall_venues.budget import CallBudget
from seawall_venues.wire import SocketRules

from .errors import BANS, THROTTLES

# 100 requests a second; half of it, since a connection that replaces another opens beside it.
MESSAGES_PER_S = 50.0
PRODUCTS_PER_MESSAGE = 50  # not documented
INSTRUMENTS_PER_CONNECTION = 50  # of 100 connections; the busiest product sends some hundred frames a second
# The venue closes a connection without a ping for a minute, and wants the protocol's own ping: a message of
# ours that says so is answered "Bad websocket message". Tickers come every second.
RULES = SocketRules(messages_per_s=MESSAGES_PER_S, idle_s=30.0)

# Only signed reads are counted, 500 in ten seconds; what unsigned ones may do is not documented.
READS = 100
READS_IN_S = 10.0

LISTED_TRADES = 100  # what the history lists at most
MAX_BARS = 1_000  # of the two thousand or so that the charts give at once
RESOLUTIONS = {
    60_000: "1m",
    300_000: "5m",
    900_000: "15m",
    1_800_000: "30m",
    3_600_000: "1h",
    14_400_000: "4h",
    43_200_000: "12h",
    86_400_000: "1d",
    604_800_000: "1w",
}
"""Candles of the charts: milliseconds to the venue's names. The sockets have none."""


def new_budget() -> CallBudget:
    """Return the budget of public reads."""
    return CallBudget(READS, READS_IN_S, throttles=THROTTLES, bans=BANS)
