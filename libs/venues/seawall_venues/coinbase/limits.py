"""Coinbase's published limits on public reads and market sockets.

Sources: "Advanced Trade WebSocket Rate Limits", "Advanced Trade REST API Rate Limits" and the reference
of each endpoint.
"""

from __future__ import annotations

from seawall_venues.budget import CallBudget
from seawall_venues.wire import SocketRules

# 8 unauthenticated messages a second per address; half of it, since a connection that replaces another
# opens beside it. The first message leaves at once, so the 5 s until which one must be are kept.
MESSAGES_PER_S = 4.0
# A whole book is some MiB, and a lost frame costs every book of its connection.
PRODUCTS_PER_CONNECTION = 10
READS_PER_S = 10  # per address, without a key; beyond it comes HTTP 429

SNAPSHOT_LEVELS = 1_000  # what is asked of product_book; the reference names no maximum
LISTED_TRADES = 1_000  # the reference names no maximum; the venue is known to give this many
MAX_BARS = 350

# FOUR_HOUR is left out: some clients name it, the venue's own Java client does not.
GRANULARITIES = {
    60_000: "ONE_MINUTE",
    300_000: "FIVE_MINUTE",
    900_000: "FIFTEEN_MINUTE",
    1_800_000: "THIRTY_MINUTE",
    3_600_000: "ONE_HOUR",
    7_200_000: "TWO_HOUR",
    21_600_000: "SIX_HOUR",
    86_400_000: "ONE_DAY",
}
"""Candles over REST: milliseconds to the venue's names."""
STREAM_CANDLE_MS = 300_000  # the only candles on the stream, which do not say so

# Heartbeats come every second, and queue behind books of some MiB while these are sent.
RULES = SocketRules(messages_per_s=MESSAGES_PER_S)


def new_budget() -> CallBudget:
    """Return the budget of public reads."""
    return CallBudget(READS_PER_S, 1.0)
