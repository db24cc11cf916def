"""A frame arrived: read it, and let its channel's rules speak."""

from __future__ import annotations

from seawall_venues.feed_errors import MalformedFrameError

from .book_sync import lose_book, take_update
from .commands import Said
from .facts import FrameReceived
from .feed_state import trouble
from .quotes import take_quote
from .state import Market


def decide(state: Market, event: FrameReceived) -> tuple[Market, Said]:
    """Turn one frame into what it says: ticks, bars, a book, or the end of trust in the feed."""
    try:
        return state, _READERS[event.channel](state, event)
    except MalformedFrameError as error:
        said: Said = [trouble(state, "malformed_frame", str(error))]
        if event.channel == "depth":
            said += lose_book(state, "a depth frame could not be read", event.ts_received_ns)
        return state, said


def _read_depth(state: Market, event: FrameReceived) -> Said:
    state.heard_ns = event.ts_received_ns
    return take_update(state, state.dialect.parse_depth(event.payload), event.ts_received_ns)


def _read_quote(state: Market, event: FrameReceived) -> Said:
    state.heard_ns = event.ts_received_ns
    return take_quote(state, state.dialect.parse_quote(event.payload, state.symbol, event.ts_received_ns))


def _read_trade(state: Market, event: FrameReceived) -> Said:
    state.heard_ns = event.ts_received_ns
    trade = state.dialect.parse_trade(event.payload, state.symbol, event.ts_received_ns)
    if trade is None:
        return []
    state.clock.note(trade.ts_venue_ns, event.ts_received_ns)
    return state.trades.take(trade)


def _read_funding(state: Market, event: FrameReceived) -> Said:
    # not counted as heard: it travels on a connection of its own and says nothing about the book's
    return [state.dialect.parse_funding(event.payload, state.symbol, event.ts_received_ns)]


_READERS = {"depth": _read_depth, "quote": _read_quote, "trade": _read_trade, "funding": _read_funding}
