"""Which stops are ours: a stop's id is derived from its own content, so it can be recognised without a journal."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

from seawall_proto import Side
from seawall_venues.ids import client_order_id
from seawall_venues.port import VenueStop

MOMENT_NS = 100_000_000  # a process that restarts with nothing takes longer, so it cannot repeat a name
MAX_GENERATIONS = 4  # placements of one content within one moment; backoff allows two
EARLIER_NS = 10_000_000_000  # the venue dates the stop when it arrives: after our decision by at most the time-out
LATER_NS = 3_000_000_000  # and before it only by the error of the clock offset

_OUR_SHAPE = re.compile(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}\Z")


class StopContent(NamedTuple):
    """What a stop is, besides when it was placed."""

    venue: str
    account: str
    symbol: str
    side: Side
    quantity: Decimal
    trigger_price: Decimal


def stop_id(content: StopContent, placed_ns: int, generation: int) -> str:
    """Return the 32-hex id of a stop placed at a time; ``generation`` parts equal stops of one moment."""
    return _name(_text(content), content, placed_ns // MOMENT_NS, generation)


def is_ours(venue: str, account: str, stop: VenueStop, clock_offset_ns: int) -> bool:
    """True where the stop's id follows from its content and the time the venue gives it; takes about 3 ms."""
    if not _OUR_SHAPE.match(stop.client_stop_id):
        return False
    content = StopContent(venue, account, stop.symbol, stop.side, stop.quantity, stop.trigger_price)
    text = _text(content)
    about_ns = stop.ts_venue_ns - clock_offset_ns
    moments = range((about_ns - EARLIER_NS) // MOMENT_NS, (about_ns + LATER_NS) // MOMENT_NS + 1)
    return any(
        stop.client_stop_id == _name(text, content, moment, generation)
        for moment in moments
        for generation in range(MAX_GENERATIONS)
    )


def _text(content: StopContent) -> str:
    return f"{content.symbol} {content.side} {content.quantity.normalize():f} {content.trigger_price.normalize():f}"


def _name(text: str, content: StopContent, moment: int, generation: int) -> str:
    return client_order_id(f"{text} {moment}", content.venue, content.account, "stop", 0, generation)
