"""The core of every service: a table of pure decisions, and one step through it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from seawall_proto import Event, derive_id

Key = Hashable
State = Any
Decide = Callable[[State, Any], tuple[State, Sequence[msgspec.Struct]]]
"""``decide(state, event) -> (state, out)``: no clock, no I/O, no randomness.

The state belongs to the call: it may be changed in place and returned. ``out`` holds events
(published) and commands (performed by the service's effects).
"""


@dataclass(frozen=True, slots=True)
class Service:
    """What a service is called, what it listens to, what it says, and how its state is split.

    ``on`` maps each event type (from the bus, or a fact from the service's own effects) to its
    decision; ``sends`` lists every event type it may publish; ``key`` names the piece of state
    an event belongs to.
    """

    name: str
    on: Mapping[type[Event], Decide]
    sends: tuple[type[Event], ...]
    key: Callable[[Any], Key]


class TimerElapsed(Event, frozen=True, kw_only=True):
    """Time passed: the shell sends one a second to services that list it in ``on``."""


def step(
    service: Service,
    states: MutableMapping[Key, State],
    initial: Callable[[Key], State],
    event: Event,
) -> list[msgspec.Struct]:
    """Run one decision, keep its state, and return what it said with ids and causes filled in.

    An output event without an id gets one derived from service, causes and its place in the
    output; without causes it gets ``(event.id,)``; without a time it inherits the event's.
    Raises KeyError for an event type that the service does not list.
    """
    key = service.key(event)
    state = states.get(key)
    if state is None:
        state = initial(key)
    states[key], out = service.on[type(event)](state, event)
    said = list(out)
    for ordinal, item in enumerate(said):
        if isinstance(item, Event):
            stamp(service.name, event, item, ordinal)
    return said


def stamp(source: str, cause: Event, event: Event, ordinal: int) -> None:
    """Fill in the id, causes and time that a decision left open. The event must be fresh."""
    if not event.causes:
        msgspec.structs.force_setattr(event, "causes", (cause.id,))
    if not event.ts_received_ns:
        msgspec.structs.force_setattr(event, "ts_received_ns", cause.ts_received_ns)
    if not event.id:
        kind = f"{source}.{type(event).__name__}"
        msgspec.structs.force_setattr(event, "id", derive_id(kind, event.causes, ordinal))
