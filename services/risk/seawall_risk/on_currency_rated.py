"""What a currency is worth in US dollars."""

from __future__ import annotations

from collections.abc import Sequence

from seawall_proto import CurrencyRated, Event

from .state import Portfolio


def decide(state: Portfolio, event: CurrencyRated) -> tuple[Portfolio, Sequence[Event]]:
    """Keep the newest rate of a stablecoin; that nobody can tell it now does not take back what was seen."""
    state.advance(event.ts_received_ns)
    known = state.pegs.get(event.currency)
    is_news = known is None or event.ts_received_ns >= known.ts_received_ns
    if event.pegged and event.rate_usd is not None and is_news:
        state.pegs[event.currency] = event
    return state, ()
