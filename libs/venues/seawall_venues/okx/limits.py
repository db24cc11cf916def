"""OKX's limits on public sockets and reads, all from its documentation."""

from __future__ import annotations

from seawall_venues.budget import CallBudget
from seawall_venues.wire import Keepalive, RestBudget, SocketRules

from .errors import THROTTLES

# "ping" as text within every 30 s without a frame; "pong" is the answer.
PING_EVERY_S = 20.0
IDLE_S = 30.0  # a pong comes at least every 20 s
# 480 subscribe and unsubscribe messages an hour and connection. A connection opens with a few of them, and
# a lost book costs two: this pace is for the moment, the hour is held by resyncing with backoff.
MESSAGES_PER_S = 2.0
# All channels of a connection may have 64 KiB together; older servers took 4 096 bytes in one message.
MAX_MESSAGE_BYTES = 4_096
# "less than 30 channels" of 400 levels on one connection.
BOOKS_PER_CONNECTION = 25
# Two short channels each; their 64 KiB would do for 600.
TRADES_PER_CONNECTION = 200

# By address, in 2 s: books and candles 40, trades 100, instruments 20 for each type.
CALLS = 40
WINDOW_S = 2.0
LISTING_COST = 2

BOOK_LEVELS = 400
LISTED_TRADES = 500
LISTED_BARS = 300

RULES = SocketRules(
    messages_per_s=MESSAGES_PER_S,
    idle_s=IDLE_S,
    keepalive=Keepalive(text="ping", every_s=PING_EVERY_S),
)


def new_budget() -> RestBudget:
    """Return an untouched budget of public reads; one call costs 1, a listing 2."""
    return CallBudget(CALLS, WINDOW_S, throttles=THROTTLES)
