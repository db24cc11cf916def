"""Best bid and ask: the price that everything held is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seawall_proto import Event, QuoteTicked

from .state import Portfolio


def decide(state: Portfolio, event: QuoteTicked) -> tuple[Portfolio, Sequence[Event]]:
    """Keep the quote. After one that is crossed or no number nothing is approved until a good one comes."""
    state.advance(event.ts_received_ns)
    market = state.tradable(event.venue, event.symbol)
    if market is None:
        return state, ()
    if 0.0 < event.bid_price <= event.ask_price < math.inf:
        market.bid, market.ask, market.quote_ns = event.bid_price, event.ask_price, event.ts_received_ns
    else:
        market.quote_ns = 0
    if market.at_stake:
        state.accounts[event.venue].touched.add(market)
    return state, ()
