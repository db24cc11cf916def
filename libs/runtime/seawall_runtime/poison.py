"""What becomes of a message that cannot be handled: told, counted, kept aside, handed back or given up."""

from __future__ import annotations

from typing import Literal

from seawall_proto import AlertRaised, derive_id

from . import clock
from .catchup import Stored
from .context import Context
from .dead_letters import DeadLetters
from .inbox import FlowMessage
from .intake import Intake
from .pull import Pulled

REDELIVER_AFTER_S = 1.0  # the process ends now; its successor gets the message


class Poison:
    """Hands back a ledger message until its attempts are used up, and gives up everything else at once."""

    def __init__(self, context: Context, intake: Intake, letters: DeadLetters) -> None:
        self._context = context
        self._intake = intake
        self._letters = letters

    def is_given_up(self, event_id: str) -> bool:
        """True for an event that must not be tried again."""
        return self._letters.is_given_up(event_id)

    async def broke(self, item: FlowMessage | Pulled | Stored, event_id: str, error: str) -> None:
        """An event broke a decision. A flow event is given up: catching up would only bring it again."""
        given_up = self._keep_aside(event_id, item, error, final=not isinstance(item, Pulled))
        if isinstance(item, Pulled) and self._intake.puller is not None:
            if given_up:
                await self._intake.puller.term(item)
            else:
                await self._intake.puller.nak(item, REDELIVER_AFTER_S)

    async def unreadable(self, item: Pulled) -> None:
        """A ledger message is no event: it never will be one."""
        self._keep_aside(f"{item.subject}#{item.sequence}", item, "not an event of this service", final=True)
        if self._intake.puller is not None:
            await self._intake.puller.term(item)

    def alert(self, name: str, severity: Literal["info", "warning", "critical"], detail: str) -> None:
        """Say that somebody should look."""
        now_ns = clock.now_ns()
        alert = AlertRaised(
            id=derive_id(f"{self._context.service}.alert.{name}", (), now_ns),
            ts_received_ns=now_ns,
            service=self._context.service,
            name=name,
            severity=severity,
            detail=detail,
        )
        self._context.bus.publish_nowait(alert)

    def _keep_aside(self, key: str, item: FlowMessage | Pulled | Stored, error: str, *, final: bool) -> bool:
        given_up = self._letters.note(
            key, ts_ns=clock.now_ns(), subject=item.subject, error=error, data=item.data, final=final
        )
        if given_up:
            self._context.metrics.count("seawall_dead_letters_total")
            where = f"{item.subject} sequence {item.sequence}" if isinstance(item, Pulled) else item.subject
            self.alert("dead_letter", "critical", f"{where}: {key} given up: {error}")
        return given_up
