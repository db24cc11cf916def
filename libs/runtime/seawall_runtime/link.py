"""One connection to NATS that never gives up, never buffers while down, and notices when it is dead.

nats-py's own behaviours that are handled here: it closes for good after 60 attempts; it pings only
every two minutes; its read loop can die while it says that it is connected; it sends old bytes
after a reconnect; closing a connection to a frozen server waits for ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from .clock import elapsed_s
from .errors import BusError, TryAgainError
from .metrics import Metrics
from .wire import OnRaw, WireParser

CONNECT_TIMEOUT_S = 2
RECONNECT_WAIT_S = 0.25  # a restarted server is back within a second; more would be seen as an outage
PING_INTERVAL_S = 5
MAX_PINGS_OUTSTANDING = 2
WATCHDOG_EVERY_S = 2.0
WATCHDOG_TIMEOUT_S = 2.0
MAX_UNSENT_BYTES = 8 << 20  # 4 s of a busy market on a stalled socket; older ticks are worthless
CLOSE_TIMEOUT_S = 1.0
ERROR_LOG_EVERY_S = 10.0  # an outage must not fill the log

ABANDON_PING_AFTER_S = 60  # long after the connection was given up for want of the pong

OnMessage = Callable[[Msg], Awaitable[None]]


def _forget_result(task: asyncio.Task[float]) -> None:
    if not task.cancelled():
        task.exception()


class _Client(Client):  # type: ignore[misc,unused-ignore]
    """nats-py's client, able to let go of unsent bytes and of a frozen socket, with a parser of our own."""

    def __init__(self) -> None:
        super().__init__()
        self.parser = self._ps = WireParser(self)

    def forget_unsent(self) -> None:
        """Drop what was not sent before the connection was lost: it would arrive stale."""
        self._pending = []
        self._pending_data_size = 0

    def abort(self) -> None:
        """Drop the socket without waiting for the peer to take what is unsent."""
        writer = getattr(self._transport, "_io_writer", None)
        if writer is not None:
            writer.transport.abort()

    @property
    def gave_up(self) -> bool:
        """True where it is neither connected nor trying: a bug of the client ended its task."""
        task = self._reconnection_task
        return self.is_reconnecting and task is not None and task.done()


@dataclass
class Hooks:
    """Whom to tell. ``on_gap`` gets the subject of messages that were lost."""

    on_connected: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    on_lost: list[Callable[[], None]] = field(default_factory=list)
    on_gap: list[Callable[[str], None]] = field(default_factory=list)
    on_closed: list[Callable[[str], None]] = field(default_factory=list)


class Link:
    """A connection with its watchdog. ``hooks.on_connected`` runs at the first connect and after each reconnect."""

    def __init__(self, url: str, *, name: str, metrics: Metrics, log: Any = None) -> None:
        self.url = url
        self.name = name
        self.hooks = Hooks()
        self.problem = "not connected yet"
        self._metrics = metrics
        self._log = log or logging.getLogger("seawall.bus")
        self._client = _Client()
        self._watchdog: asyncio.Task[None] | None = None
        self._closing = False
        self._logged_s = -ERROR_LOG_EVERY_S

    @property
    def connected(self) -> bool:
        """True while messages can leave."""
        return bool(self._client.is_connected)

    @property
    def can_send(self) -> bool:
        """True while messages can leave and the socket takes them."""
        return self.connected and self._client.pending_data_size < MAX_UNSENT_BYTES

    async def connect(self) -> None:
        """Connect, trying until it succeeds; cancel to give up."""
        await self._client.connect(
            self.url,
            name=self.name,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._on_reconnected,
            closed_cb=self._on_closed,
            connect_timeout=CONNECT_TIMEOUT_S,
            reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type]
            max_reconnect_attempts=-1,
            ping_interval=PING_INTERVAL_S,
            max_outstanding_pings=MAX_PINGS_OUTSTANDING,
            pending_size=-1,
            inbox_prefix=f"_INBOX_{self.name}",
        )
        self._watchdog = asyncio.create_task(self._watch(), name="bus-watchdog")
        await self._tell_connected()

    async def close(self) -> None:
        """Send what is pending and close, within a bound."""
        self._closing = True
        if self._watchdog is not None:
            self._watchdog.cancel()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                if self.connected:
                    await self._client.flush(timeout=1)
                await self._client.close()
        except (TimeoutError, nats.errors.Error, OSError) as error:
            self._log.warning(f"bus closed without a goodbye: {error!r}")
            self._client.abort()

    def new_inbox(self) -> str:
        """Return a subject that only this connection listens to."""
        return str(self._client.new_inbox())

    async def send(self, subject: str, data: bytes, *, reply: str = "", headers: dict[str, str] | None = None) -> None:
        """Hand bytes to the socket's buffer. Raises TryAgainError while it cannot send."""
        self._check()
        try:
            await self._client.publish(subject, data, reply, headers and dict(headers))
        except (nats.errors.Error, OSError) as error:
            raise TryAgainError(f"cannot send to {subject}: {error}") from error

    async def request(
        self, subject: str, data: bytes, *, timeout_s: float, headers: dict[str, str] | None = None
    ) -> Msg:
        """Send and wait for one answer. Raises TryAgainError on silence, no responders or no connection."""
        self._check()
        try:
            return await self._client.request(subject, data, timeout=timeout_s, headers=headers and dict(headers))
        except nats.errors.NoRespondersError as error:
            raise TryAgainError(f"nobody answers on {subject}") from error
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise TryAgainError(f"no answer on {subject}: {error}") from error

    async def subscribe(
        self, subject: str, on_message: OnMessage | None, *, max_messages: int, max_bytes: int
    ) -> Subscription:
        """Listen; survives reconnects. What exceeds the limits is dropped by the client and told as a gap."""
        try:
            return await self._client.subscribe(
                subject, cb=on_message, pending_msgs_limit=max_messages, pending_bytes_limit=max_bytes
            )
        except nats.errors.Error as error:
            raise BusError(f"cannot subscribe to {subject}: {error}") from error

    async def subscribe_raw(self, subject: str, on_raw: OnRaw) -> Subscription:
        """Listen without queue, limit or task: for whoever bounds by itself what it asks for."""
        subscription = await self.subscribe(subject, None, max_messages=1, max_bytes=1)
        self._client.parser.raw[subscription._id] = on_raw
        return subscription

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Stop listening."""
        self._client.parser.raw.pop(subscription._id, None)
        try:
            await subscription.unsubscribe()
        except nats.errors.Error as error:
            self._log.debug(f"unsubscribe: {error!r}")

    async def flush(self, timeout_s: float) -> None:
        """Wait until the server has read everything. Raises TryAgainError."""
        await self._round_trip(timeout_s)

    def _check(self) -> None:
        # nats-py leaks a future per refused request, and would keep bytes for later: refuse first
        if not self.connected:
            raise TryAgainError(f"NATS is not connected: {self.problem}")
        if not self.can_send:
            raise TryAgainError(f"NATS does not read: {self._client.pending_data_size} bytes are unsent")

    async def _round_trip(self, timeout_s: float) -> float:
        if not self.connected:  # a full socket is pinged all the same: it may be full because nobody reads
            raise TryAgainError(f"NATS is not connected: {self.problem}")
        started = elapsed_s()
        # a pong whose waiter was cancelled kills nats-py's read loop: the ping is never cancelled,
        # and a connection that did not answer in time is given up
        ping = asyncio.create_task(self._client.rtt(timeout=ABANDON_PING_AFTER_S))
        ping.add_done_callback(_forget_result)
        await asyncio.wait({ping}, timeout=timeout_s)
        if not ping.done() or ping.exception() is not None:
            await self._reconnect(f"no pong within {timeout_s} s")
            raise TryAgainError(f"NATS gave no pong within {timeout_s} s")
        return elapsed_s() - started

    async def _reconnect(self, reason: str) -> None:
        if self._closing:
            return
        self.problem = reason
        self._log.warning(f"bus reconnects: {reason}")
        self._client.abort()
        await self._client.force_reconnect()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCHDOG_EVERY_S)
            if self._client.gave_up:
                self._tell_closed("the client stopped reconnecting")
                return
            if not self.connected:
                continue
            try:
                seconds = await self._round_trip(WATCHDOG_TIMEOUT_S)
            except TryAgainError:
                self._metrics.count("seawall_errors_total", kind="bus_round_trip")
            else:
                self._metrics.set("seawall_bus_round_trip_seconds", seconds)

    async def _tell_connected(self) -> None:
        self.problem = ""
        self._metrics.set("seawall_bus_connected", 1)
        for hook in self.hooks.on_connected:
            await hook()

    def _tell_closed(self, reason: str) -> None:
        self.problem = reason
        for hook in self.hooks.on_closed:
            hook(reason)

    async def _on_error(self, error: Exception) -> None:
        self._metrics.count("seawall_errors_total", kind=f"bus_{type(error).__name__}")
        if isinstance(error, nats.errors.SlowConsumerError):
            self._metrics.count("seawall_flow_dropped_total", reason="slow_consumer")
            for hook in self.hooks.on_gap:
                hook(error.subject)
            return
        if not self.connected:
            self.problem = str(error) or type(error).__name__
        now_s = elapsed_s()
        if now_s - self._logged_s >= ERROR_LOG_EVERY_S:
            self._logged_s = now_s
            self._log.warning(f"bus: {error!r}")

    async def _on_disconnected(self) -> None:
        self._client.forget_unsent()
        self._metrics.set("seawall_bus_connected", 0)
        if not self._closing:
            self.problem = self.problem or "connection lost"
            for hook in self.hooks.on_lost:
                hook()

    async def _on_reconnected(self) -> None:
        self._metrics.count("seawall_bus_reconnects_total")
        await self._tell_connected()

    async def _on_closed(self) -> None:
        if not self._closing:
            self._tell_closed(str(self._client.last_error or "closed by the client"))
