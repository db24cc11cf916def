"""Bybit's limits on public reads and on its market sockets, as its documentation states them."""

from __future__ import annotations

from seawall_venues.budget import CallBudget
from seawall_venues.wire import Keepalive, SocketRules

from .symbols import LINEAR, SPOT

CALLS = 600  # by one IP address in WINDOW_S, over all of the venue's REST
WINDOW_S = 5.0
BAN_S = 600.0  # "403, access too frequent": end every session and wait at least ten minutes
# 10006: too many visits. 10018: the limit of the IP address, no longer listed. 429 and 10429: the venue is
# under load and asks to try again.
THROTTLES = frozenset({"429", "10006", "10018", "10429"})
BANS = frozenset({"403"})

LISTED_INSTRUMENTS = 1_000
LISTED_TRADES = {LINEAR: 1_000, SPOT: 60}
MAX_KLINES = 1_000
SNAPSHOT_LEVELS = 200  # the venue gives up to 1 000; this is as deep as the stream

# The length of "args" over one public connection may not exceed 21 000 characters; a little is left for
# what is subscribed to later.
ARGS_CHARACTERS = 20_000
# Spot takes at most ten topics in a message. Contracts take any number; it is kept small since one bad
# topic may cost the whole message.
ARGS_PER_MESSAGE = {LINEAR: 50, SPOT: 10}

RULES = SocketRules(
    messages_per_s=10.0,  # no limit is documented
    idle_s=10.0,  # the best quote comes again after 3 s without a change
    keepalive=Keepalive('{"op":"ping"}', 20.0),  # the pace that the venue asks for; it cuts after 10 min
)


def new_budget() -> CallBudget:
    """Return a fresh count of public reads."""
    return CallBudget(CALLS, WINDOW_S, throttles=THROTTLES, bans=BANS, ban_s=BAN_S)
