"""Repeating what a newcomer must know: the instrument's rules and whether its feed can be trusted."""

from __future__ import annotations

from seawall_proto import InstrumentListed

from .commands import Said
from .feed_state import feed_changed
from .state import Market

ANNOUNCE_EVERY_NS = 10_000_000_000  # a service that starts knows the market within ten seconds


def announce(state: Market, ts_received_ns: int) -> Said:
    """Say the rules and the feed's present state."""
    state.announced_ns = ts_received_ns
    rules = state.instrument
    if not state.is_listed:
        return []
    listed = InstrumentListed(
        id=f"{state.venue}.{state.symbol}.instrument.{ts_received_ns}",
        ts_received_ns=ts_received_ns,
        venue=state.venue,
        symbol=state.symbol,
        ts_venue_ns=state.clock.venue_ns(ts_received_ns),
        tick_size=rules.tick_size,
        lot_size=rules.lot_size,
        min_quantity=rules.min_quantity,
        max_quantity=rules.max_quantity,
        market_max_quantity=rules.market_max_quantity,
        min_notional=rules.min_notional,
    )
    return [listed, feed_changed(state, ts_received_ns)]


def announce_again(state: Market, ts_received_ns: int) -> Said:
    """Repeat it where it was long ago."""
    due = ts_received_ns - state.announced_ns >= ANNOUNCE_EVERY_NS
    return announce(state, ts_received_ns) if due else []
