"""Binance spot's depth to updates; everything else is written as at USD-M futures and read there.

A spot update names no predecessor and no matching time: it carries the venue's time of sending. A
best quote carries no time at all, so its venue time is the time at which it reached us.
"""

from __future__ import annotations

import msgspec

from seawall_venues.parsing import (
    UNREADABLE,
    Levels,
    Milliseconds,
    Number,
    decoder_of,
    holding,
    refuse,
    refuse_symbol,
)
from seawall_venues.port import Instrument


# Fields stand in the order in which the venue sends them: the decoder finds them faster so.
class SpotUpdate(msgspec.Struct, frozen=True, gc=False):
    """One ``depthUpdate`` of a spot symbol: the absolute quantities of the levels that changed."""

    ts_venue_ms: Milliseconds = msgspec.field(name="E")
    venue_symbol: str = msgspec.field(name="s")
    first_update_id: Number = msgspec.field(name="U")
    last_update_id: Number = msgspec.field(name="u")
    bids: Levels = msgspec.field(name="b")
    asks: Levels = msgspec.field(name="a")


_depth = decoder_of(holding(data=SpotUpdate))


def parse_depth(payload: bytes, instrument: Instrument) -> SpotUpdate:
    """Return the update in a frame of ``<symbol>@depth``."""
    try:
        update: SpotUpdate = _depth.decode(payload).data
    except UNREADABLE as error:
        refuse("depth update", payload, error)
    if update.venue_symbol != instrument.venue_symbol:
        refuse_symbol("depth update", payload, instrument)
    if update.first_update_id > update.last_update_id:
        refuse("depth update", payload, "its numbers run backwards")
    return update
