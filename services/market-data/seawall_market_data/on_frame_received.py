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
    state.tally.frames += 1
    if state.frozen or state.refusals:
        state.frozen.discard(event.channel)
        state.refusals.pop(event.channel, None)
    try:
        return state, _READERS[event.channel](state, event)
    except MalformedFrameError as error:
        said: Said = [trouble(state, "malformed_frame", str(error))]
        if event.channel == "depth":
            said += lose_book(state, "a depth frame could not be read", event.ts_received_ns)
        elif event.channel == "trade":
            said += state.trades.doubt()
        return state, said


def _read_depth(state: Market, event: FrameReceived) -> Said:
    ts_received_ns = state.heard_ns = event.ts_received_ns
    state.pace.note(ts_received_ns)
    return take_update(state, state.dialect.parse_depth(event.payload, state.instrument), ts_received_ns)


def _read_quote(state: Market, event: FrameReceived) -> Said:
    state.heard_ns = event.ts_received_ns
    quote = state.dialect.parse_quote(event.payload, state.instrument, event.ts_received_ns)
    return take_quote(state, quote) if quote is not None else []


def _read_trade(state: Market, event: FrameReceived) -> Said:
    ts_received_ns = state.heard_ns = event.ts_received_ns
    trades = state.dialect.parse_trade(event.payload, state.instrument, ts_received_ns)
    if not trades:
        return []
    state.clock.note(trades[-1].ts_venue_ns, ts_received_ns)
    if len(trades) == 1:
        return state.trades.take(trades[0])
    return [item for trade in trades for item in state.trades.take(trade)]


def _read_candle(state: Market, event: FrameReceived) -> Said:
    """Take the venue's candle once a later one shows that it is final; not every venue says so otherwise."""
    said: Said = []
    for candle in state.dialect.parse_candle(event.payload, state.instrument, event.ts_received_ns):
        before = state.candle
        if before is not None and candle.ts_open_ns > before.ts_open_ns:
            said += state.trades.candles((before,), candle.ts_open_ns)
        if before is None or candle.ts_open_ns >= before.ts_open_ns:
            state.candle = candle
    return said


def _read_funding(state: Market, event: FrameReceived) -> Said:
    # not counted as heard: it travels on a connection of its own and says nothing about the book's
    known = state.funding
    funding = state.dialect.parse_funding(event.payload, state.instrument, event.ts_received_ns, known)
    if funding is None or (known is not None and funding.ts_venue_ns < known.ts_venue_ns):
        return []
    state.funding = funding
    # some venues tell mark price and rate apart: a rate that was not told yet must not be taken for none
    return [funding] if funding.ts_next_funding_ns else []


_READERS = {
    "depth": _read_depth,
    "quote": _read_quote,
    "trade": _read_trade,
    "candle": _read_candle,
    "funding": _read_funding,
}
