"""Closing a position at the market, reduce-only, until the venue has proven that it is zero."""

from __future__ import annotations

import msgspec

from seawall_proto import AlertRaised, PositionFlattened
from seawall_stop_guardian.commands import FlattenPosition, ReadAccount
from seawall_stop_guardian.memory import memory_of
from seawall_stop_guardian.state import Flattening, Guarded, Wish
from seawall_stop_guardian.trail import closing_side
from seawall_venues.ids import client_order_id

MILLISECOND_NS = 1_000_000
FIRST_PAUSE_NS = 300 * MILLISECOND_NS  # a market order and the read after it take two round trips
LONGEST_PAUSE_NS = 5_000 * MILLISECOND_NS  # one order every 5 s is far below any venue's limit
BLIND_AFTER_NS = 2_000 * MILLISECOND_NS  # reduce-only makes a repeat safe when no read answers
WISH_LIFETIME_NS = 5_000 * MILLISECOND_NS  # entries in flight when the wish came are closed too, later ones not
STALE_WISH_NS = 30_000 * MILLISECOND_NS  # a wish may come late over a bus that was down; later it is history


def wish(state: Guarded, reason: str, now_ns: int) -> None:
    """Note that somebody wants this symbol flat; execution goes first."""
    act_ns = now_ns + state.options.flatten_after_ms * MILLISECOND_NS
    state.wish = Wish(reason, act_ns, act_ns + WISH_LIFETIME_NS)


def start(state: Guarded, reason: str, now_ns: int) -> list[msgspec.Struct]:
    """Begin to close the position, unless that is under way."""
    if state.flattening or not state.is_open:
        return []
    assert state.quantity is not None
    state.flattening = Flattening(reason, state.quantity, now_ns)
    return [alert("position_flattened", "critical", f"{state.symbol}: closing {state.quantity}: {reason}")]


def drive(state: Guarded, now_ns: int, settled: bool) -> list[msgspec.Struct]:
    """Act on an overdue wish, send the next closing order, or say that the position is closed."""
    out: list[msgspec.Struct] = []
    if state.wish and now_ns >= state.wish.until_ns:
        state.wish = None
    if state.wish and now_ns >= state.wish.act_ns:
        out += start(state, state.wish.reason, now_ns)
    flattening = state.flattening
    if flattening is None:
        return out
    if not state.is_open:
        return out + (_finish(state, flattening) if settled else [])
    if flattening.in_flight or now_ns < flattening.next_ns:
        return out
    blind = now_ns - flattening.answered_ns >= BLIND_AFTER_NS
    if flattening.attempts and state.last_read_ns <= flattening.answered_ns and not blind:
        return [*out, ReadAccount(venue=state.venue, account=state.account)]
    return [*out, _send(state, flattening)]


def _send(state: Guarded, flattening: Flattening) -> FlattenPosition:
    assert state.quantity is not None
    intent = f"{state.symbol} flatten {flattening.since_ns}"
    order_id = client_order_id(intent, state.venue, state.account, "flatten", 0, flattening.attempts)
    flattening.attempts += 1
    flattening.in_flight = True
    size = abs(state.quantity)
    return FlattenPosition(
        venue=state.venue,
        account=state.account,
        symbol=state.symbol,
        client_order_id=order_id,
        side=closing_side(state.quantity),
        quantity=min(size, state.rules.market_max_quantity) if state.rules else size,
        memory=memory_of(state),
    )


def answered(state: Guarded, now_ns: int) -> list[msgspec.Struct]:
    """Note that a closing order was answered, whatever the answer; only the position proves anything."""
    flattening = state.flattening
    if flattening is None:
        return []
    flattening.in_flight = False
    flattening.answered_ns = now_ns
    flattening.next_ns = now_ns + min(FIRST_PAUSE_NS << min(flattening.attempts - 1, 8), LONGEST_PAUSE_NS)
    return [ReadAccount(venue=state.venue, account=state.account)]


def _finish(state: Guarded, flattening: Flattening) -> list[msgspec.Struct]:
    state.flattening = None
    return [
        PositionFlattened(
            venue=state.venue,
            account=state.account,
            symbol=state.symbol,
            quantity=flattening.quantity,
            reason=flattening.reason,
        )
    ]


def alert(name: str, severity: str, detail: str) -> AlertRaised:
    """Return the event that calls for somebody to look."""
    return AlertRaised(service="stop-guardian", name=name, severity=severity, detail=detail)  # type: ignore[arg-type]
