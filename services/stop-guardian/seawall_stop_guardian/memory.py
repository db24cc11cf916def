"""What the journal must know about a symbol, and how a restart takes it up again."""

from __future__ import annotations

import msgspec

from seawall_stop_guardian.commands import Remember
from seawall_stop_guardian.facts import Memory, StopMemory
from seawall_stop_guardian.state import ZERO, Flattening, Guarded, OwnStop, Phase


def memory_of(state: Guarded) -> Memory:
    """Return what must survive a crash, and note that it is being written."""
    quantity = state.quantity if state.quantity is not None else state.restored.quantity if state.restored else ZERO
    flattening = state.flattening
    state.remembered = Memory(
        venue=state.venue,
        account=state.account,
        symbol=state.symbol,
        quantity=quantity,
        entry_price=state.entry_price if quantity else ZERO,
        opened_ns=state.opened_ns if quantity else 0,
        distance_bps=state.distance_bps if quantity else 0,
        trigger_price=state.trigger_price if quantity else None,
        stops=tuple(
            StopMemory(
                client_stop_id=stop.client_stop_id,
                side=stop.side,
                quantity=stop.quantity,
                trigger_price=stop.trigger_price,
            )
            for stop in state.stops.values()
        ),
        exposed_ns=state.exposed_ns if quantity and state.protection == "unprotected" else 0,
        flatten_reason=flattening.reason if flattening else "",
        flatten_since_ns=flattening.since_ns if flattening else 0,
        flatten_attempts=flattening.attempts if flattening else 0,
    )
    return state.remembered


def remember(state: Guarded) -> list[msgspec.Struct]:
    """Ask for the journal to be written where something that must survive a crash has changed."""
    if state.quantity is None:
        return []  # what the journal holds is still the best that is known
    before = state.remembered or state.restored
    now = memory_of(state)
    if now == before or (before is None and now.is_empty):
        return []
    return [Remember(memory=now)]


def restore(state: Guarded, memory: Memory) -> None:
    """Take up what the journal held: every stop in it is doubtful until the venue has spoken."""
    state.restored = memory
    state.entry_price = memory.entry_price
    if memory.quantity:
        state.protection = "unprotected" if memory.exposed_ns else "protected"
        state.exposed_ns = memory.exposed_ns
    for stop in memory.stops:
        state.stops[stop.client_stop_id] = OwnStop(
            client_stop_id=stop.client_stop_id,
            side=stop.side,
            quantity=stop.quantity,
            trigger_price=stop.trigger_price,
            phase=Phase.UNKNOWN,
        )
    if memory.flatten_reason:
        state.flattening = Flattening(
            memory.flatten_reason, memory.quantity, memory.flatten_since_ns, memory.flatten_attempts
        )
