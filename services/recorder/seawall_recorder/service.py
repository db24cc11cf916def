"""What the recorder takes down and what it says."""

from __future__ import annotations

from seawall_proto import ROUTES, STREAMS, AlertRaised, Event, ServiceBeat
from seawall_runtime.service import Service

RECORDS: tuple[type[Event], ...] = tuple(route.kind for route in ROUTES)
"""Every event that travels. Nothing is decided on them, so ``on`` is empty and there is no ``on_*`` file."""

STREAM_NAMES: tuple[str, ...] = tuple(spec.name for spec in STREAMS)

SERVICE = Service(name="recorder", on={}, sends=(AlertRaised, ServiceBeat), key=lambda event: None)
