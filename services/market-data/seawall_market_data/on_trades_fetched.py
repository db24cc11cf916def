"""The venue's newest trades came: what the stream did not carry goes into the bars."""

from __future__ import annotations

from seawall_venues.feed_errors import MalformedFrameError

from .commands import Said
from .facts import TradesFetched
from .feed_state import trouble
from .state import Market


def decide(state: Market, event: TradesFetched) -> tuple[Market, Said]:
    """Mend the line of trades, or give up on the bars that lack some."""
    if event.payload is None:
        return state, state.trades.listed(event.request, None)
    try:
        trades = state.dialect.parse_trades(event.payload, state.instrument, event.ts_received_ns)
    except MalformedFrameError as error:
        note = trouble(state, "malformed_frame", str(error))
        return state, [note, *state.trades.listed(event.request, None)]
    return state, state.trades.listed(event.request, trades)
