"""Kraken's published limits on public reads and spot market sockets.

Sources: "Spot WebSocket overview", "Book (v2)", "API rate limits" and the reference of each endpoint.
"""

from __future__ import annotations

from seawall_venues.budget import CallBudget
from seawall_venues.wire import Keepalive, SocketRules

from .errors import BANS, THROTTLES

# The checksum covers the ten best levels a side, whatever the subscription. Deeper ones could be wrong
# unseen, so no more are asked for: that also is a third of the traffic of 100 levels.
SUBSCRIBED_LEVELS = 10
BOOK_DEPTHS = (10, 25, 100, 500, 1_000)  # the depths that a subscription can have; others are refused

# How many messages a connection may send is not documented; too many are answered "Exceeded msg rate".
MESSAGES_PER_S = 5.0
SYMBOLS_PER_MESSAGE = 50  # not documented either
INSTRUMENTS_PER_CONNECTION = 100
# A connection is closed after a minute without a message from either side. Once anything is subscribed the
# venue sends a heartbeat every second.
KEEPALIVE = Keepalive('{"method":"ping"}', 30.0)
RULES = SocketRules(messages_per_s=MESSAGES_PER_S, keepalive=KEEPALIVE)

# Public reads are limited to about one a second, by address and for some endpoints also by pair.
READS = 10
READS_IN_S = 10.0
LOCKOUT_S = 900.0

SNAPSHOT_LEVELS = 500  # what is asked of Depth; its maximum
LISTED_TRADES = 1_000  # what is asked of Trades; its maximum

CANDLE_MINUTES = {
    60_000: 1,
    300_000: 5,
    900_000: 15,
    1_800_000: 30,
    3_600_000: 60,
    14_400_000: 240,
    86_400_000: 1_440,
    604_800_000: 10_080,
    1_296_000_000: 21_600,
}
"""Candles, the same over REST as on the stream: milliseconds to the minutes that the venue counts in."""


def new_budget() -> CallBudget:
    """Return the budget of public reads."""
    return CallBudget(READS, READS_IN_S, throttles=THROTTLES, bans=BANS, ban_s=LOCKOUT_S)
