"""Where a service's events come from: live subjects for flow, a durable consumer for the ledger."""

from __future__ import annotations

from typing import Any

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from seawall_proto import ROUTE_OF, Delivery

from .bus import Bus
from .consumers import ConsumerSpec
from .inbox import FlowMessage, Inbox
from .pull import Pulled, Puller
from .service import Service


class Intake:
    """Fills the inbox with what the service's table lists in ``on``."""

    def __init__(self, bus: Bus, service: Service, inbox: Inbox, durable: str, log: Any = None) -> None:
        self._bus = bus
        self._inbox = inbox
        self._log = log
        self._subscriptions: list[Subscription] = []
        routes = [ROUTE_OF[kind] for kind in service.on if kind in ROUTE_OF]
        self.flow_subjects = tuple(route.wildcard for route in routes if route.delivery is Delivery.FLOW)
        self.ledger_subjects = tuple(route.wildcard for route in routes if route.delivery is Delivery.LEDGER)
        self.puller: Puller | None = None
        if self.ledger_subjects:
            spec = ConsumerSpec("LEDGER", durable, self.ledger_subjects)
            self.puller = Puller(bus, spec, inbox.offer_ledger, log)

    async def start(self) -> None:
        """Listen live and pull. Raises BusError."""
        for subject in self.flow_subjects:
            self._subscriptions.append(await self._bus.subscribe(subject, self._on_flow))
        if self.puller is not None:
            await self.puller.start()

    async def stop(self) -> None:
        """Take nothing more in."""
        for subscription in self._subscriptions:
            await self._bus.link.unsubscribe(subscription)
        self._subscriptions.clear()
        if self.puller is not None:
            await self.puller.stop()

    async def ack(self, pulled: Pulled) -> None:
        """Say that a ledger message is handled."""
        if self.puller is not None:
            await self.puller.ack(pulled)

    async def _on_flow(self, message: Msg) -> None:
        if not self._inbox.offer_flow(FlowMessage(message.subject, message.data, message.headers)):
            self._bus.metrics.count("seawall_flow_dropped_total", reason="inbox_full")
            for hook in self._bus.hooks.on_gap:
                hook(message.subject)
