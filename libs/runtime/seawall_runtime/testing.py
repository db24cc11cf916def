"""Driving a service's decisions through a list of events, for stories in tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping

import msgspec

from seawall_proto import Event

from .service import Key, Service, State, step


def play(
    service: Service,
    initial: Callable[[Key], State],
    events: Iterable[Event],
    states: MutableMapping[Key, State] | None = None,
) -> list[msgspec.Struct]:
    """Decide on the events in order and return everything said, ids and causes filled in.

    Hand in ``states`` to look at what is remembered afterwards. Raises AssertionError where the
    service says an event that its table does not list.
    """
    states = {} if states is None else states
    said: list[msgspec.Struct] = []
    for event in events:
        for item in step(service, states, initial, event):
            if isinstance(item, Event) and type(item) not in service.sends:
                raise AssertionError(f"{service.name} said {type(item).__name__}, which its table does not list")
            said.append(item)
    return said
