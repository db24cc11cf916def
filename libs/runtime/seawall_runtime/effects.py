"""What a service does besides deciding: publish, and perform what its decisions command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from seawall_proto import Event

if TYPE_CHECKING:
    from .context import Context


class Effects(Protocol):
    """The hands of a service. Expected trouble comes back as a fact through ``Context.feed``."""

    async def start(self) -> None:
        """Open sessions, reconcile, start background tasks. Facts fed here are decided on before all else."""

    async def publish(self, events: Sequence[Event], cause: Event) -> None:
        """Publish, or commit to an outbox, all of ``events``; called again with the same after TryAgainError."""

    async def perform(self, command: msgspec.Struct, cause: Event) -> None:
        """Carry out one command, beside the loop. An exception that leaves it is a bug and ends the process."""

    async def stop(self) -> None:
        """Close what ``start`` opened, within a second; it may not have come to its end, or not have begun."""


class BaseEffects:
    """Publishes each event by its delivery class and knows no commands; subclass it for more."""

    def __init__(self, context: Context) -> None:
        self.context = context

    async def start(self) -> None:
        """Open nothing."""

    async def publish(self, events: Sequence[Event], cause: Event) -> None:
        """Publish in order; a ledger event is stored before the next is sent."""
        for event in events:
            await self.context.bus.publish(event)

    async def perform(self, command: msgspec.Struct, cause: Event) -> None:
        """Refuse: a service without effects of its own gives no commands."""
        raise TypeError(f"{self.context.service} cannot perform {type(command).__name__}")

    async def stop(self) -> None:
        """Close nothing."""
