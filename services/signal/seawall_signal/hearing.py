"""Handing an event to the strategies that listen to it, and checking what they say."""

from __future__ import annotations

import math
from collections.abc import Iterator

from seawall_proto import AlertRaised, Event, SignalRaised
from seawall_strategies import Market, Strategy

from .state import Host, Hosted

MAX_SIGNALS_PER_EVENT = 4  # one strategy on one market; more is a runaway


def listeners(state: Host, kind: type[Event]) -> Iterator[Hosted]:
    """Yield the hosted strategies that listen to a kind of event."""
    return (hosted for hosted in state.hosted if kind in hosted.strategy.listens_to)


def ask(state: Host, hosted: Hosted, market: Market, event: Event) -> list[Event]:
    """Let one strategy decide, and return its signals; one that cannot be is told as an alert instead."""
    strategy = hosted.strategy
    new, raised = strategy.decide(state.state_of(hosted, market), event)
    state.states[strategy.name, market] = new
    out: list[Event] = []
    for number, signal in enumerate(raised):
        objection = (
            f"more than {MAX_SIGNALS_PER_EVENT} signals for one event"
            if number >= MAX_SIGNALS_PER_EVENT
            else objection_to(signal, strategy, market)
        )
        if objection is not None:
            out.append(AlertRaised(service="signal", name="signal-invalid", severity="warning", detail=objection))
            break
        if signal.expires_at_ns > state.now_ns:
            out.append(signal)
    return out


def warm(state: Host, hosted: Hosted, market: Market, event: Event) -> None:
    """Let one strategy learn from an event that must not be acted on."""
    if hosted.strategy.warm is not None:
        new = hosted.strategy.warm(state.state_of(hosted, market), event)
        state.states[hosted.strategy.name, market] = new


def objection_to(signal: SignalRaised, strategy: Strategy, market: Market) -> str | None:
    """Return what is wrong with a signal, None where it may be published."""
    if signal.strategy != strategy.name or (signal.venue, signal.symbol) != market:
        found = f"{signal.strategy} on {signal.venue} {signal.symbol}"
        return f"signal of {found}, expected {strategy.name} on {market.venue} {market.symbol}"
    if not 0.0 <= signal.strength <= 1.0:
        return f"{strategy.name} {market.symbol}: strength {signal.strength!r}, expected in [0, 1]"
    if not 0.0 < signal.price < math.inf:
        return f"{strategy.name} {market.symbol}: price {signal.price!r}, expected above 0"
    if not all(map(math.isfinite, signal.contributions.values())):
        return f"{strategy.name} {market.symbol}: contributions {signal.contributions!r}, expected finite numbers"
    return None
