"""Which stops are ours: a stop's id is derived from its own content, so it can be recognised without a journal."""

from __future__ import annotations

import re
from decimal import Decimal

from seawall_proto import Side
from seawall_venues.ids import client_order_id
from seawall_venues.port import VenueStop

SECOND_NS = 1_000_000_000
MAX_GENERATIONS = 8  # placements of one content within one second; backoff allows four
EARLIER_S = 10  # the venue dates the stop when it arrives: after our decision by at most the request's time-out
LATER_S = 3  # and before it only by the error of the clock offset

_OUR_SHAPE = re.compile(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}\Z")


def stop_id(
    venue: str,
    account: str,
    symbol: str,
    side: Side,
    quantity: Decimal,
    trigger_price: Decimal,
    placed_ns: int,
    generation: int,
) -> str:
    """Return the 32-hex id of a stop placed at a time; ``generation`` parts equal stops of one second."""
    content = f"{symbol} {side} {quantity.normalize():f} {trigger_price.normalize():f} {placed_ns // SECOND_NS}"
    return client_order_id(content, venue, account, "stop", 0, generation)


def is_ours(venue: str, account: str, stop: VenueStop, clock_offset_ns: int) -> bool:
    """True where the stop's id follows from its content and the time the venue gives it."""
    if not _OUR_SHAPE.match(stop.client_stop_id):
        return False
    about_ns = stop.ts_venue_ns - clock_offset_ns
    moments = range(about_ns - EARLIER_S * SECOND_NS, about_ns + (LATER_S + 1) * SECOND_NS, SECOND_NS)
    return any(
        stop.client_stop_id
        == stop_id(venue, account, stop.symbol, stop.side, stop.quantity, stop.trigger_price, moment_ns, generation)
        for moment_ns in moments
        for generation in range(MAX_GENERATIONS)
    )
