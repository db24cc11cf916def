"""What services say about themselves."""

from __future__ import annotations

from typing import Literal

from .base import Event


class AlertRaised(Event, frozen=True, kw_only=True, tag_field="type", tag="ops.alert_raised.v1"):
    """Somebody should look. ``name`` is the runbook's name."""

    service: str
    name: str
    severity: Literal["info", "warning", "critical"]
    detail: str


class ServiceBeat(Event, frozen=True, kw_only=True, tag_field="type", tag="ops.service_beat.v1"):
    """A service is alive; ``ready`` is what its ``/readyz`` says."""

    service: str
    instance: str
    version: str
    ready: bool
    detail: str = ""
