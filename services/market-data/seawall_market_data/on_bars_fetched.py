"""The venue's own candles came, for bars that could not be built from trades."""

from __future__ import annotations

from seawall_venues.feed_errors import MalformedFrameError

from .commands import Said
from .facts import BarsFetched
from .feed_state import trouble
from .state import Market


def decide(state: Market, event: BarsFetched) -> tuple[Market, Said]:
    """Say those that were missing and have ended, marked as repaired."""
    try:
        bars = state.dialect.parse_bars(event.payload, state.instrument, event.interval_ms, event.ts_received_ns)
    except MalformedFrameError as error:
        return state, [trouble(state, "malformed_frame", str(error))]
    return state, state.trades.candles(bars, state.clock.venue_ns(event.ts_received_ns))
