"""Messages of a durable consumer, pulled by raw requests that always stand open.

nats-py's ``fetch`` stalls for seconds after an empty answer, and its subscriptions are lost when
the server restarts. Here a request for the next messages always waits at the server (so a message
arrives as fast as on core NATS), each request has an inbox of its own, silence ends a request, and
after every reconnect the consumer is looked up, made again where it is gone, and told to send again
whatever was on the way when the connection broke.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from .acks import MESSAGE_NEXT, ack_fields
from .bus import Bus
from .clock import elapsed_s
from .consumers import ConsumerSpec, bind_consumer, delete_consumer, redeliver_unacknowledged, stream_mark
from .errors import BusError, TryAgainError
from .seen import Seen

BATCH = 64  # one request's worth; the next is sent when half of it has come
CAPACITY = 256  # messages asked for or held; bounds memory and what is redelivered after a crash
EXPIRES_S = 30.0
HEARTBEAT_S = 2.0
SILENCE_S = 2 * HEARTBEAT_S + 1  # two heartbeats missed: the request is lost
PULSE_S = 1.0
RETRY_S = 0.25  # after a refusal; the server is restarting or electing a leader
ACK_TIMEOUT_S = 2.0
REMEMBERED = 4_096  # handled messages whose acknowledgement may have been lost
INBOX_BYTES = 64 << 20  # CAPACITY events of the largest size

NANOSECONDS = 1_000_000_000


@dataclass(slots=True)
class Pulled:
    """One message of a stream, to be answered with ``ack``, ``nak`` or ``term``."""

    subject: str
    data: bytes
    headers: dict[str, str] | None
    reply: str
    delivered: int
    sequence: int
    progress_s: float


class _Request:
    """One request at the server, with an inbox of its own: only so is it known whose message came."""

    __slots__ = ("heard_s", "remaining", "subscription")

    def __init__(self) -> None:
        self.remaining = BATCH
        self.heard_s = elapsed_s()
        self.subscription: Subscription | None = None


class Puller:
    """Keeps requests open and hands each message over once."""

    def __init__(self, bus: Bus, spec: ConsumerSpec, on_message: Callable[[Pulled], None], log: Any = None) -> None:
        self.spec = spec
        self.bound = False
        self.on_regressed: Callable[[str], None] | None = None
        self._bus = bus
        self._on_message = on_message
        self._log = log or logging.getLogger("seawall.pull")
        self._held: dict[int, Pulled] = {}
        self._handled: Seen[int] = Seen(REMEMBERED)
        self._last_handled = 0
        self._stream_created = ""
        self._requests: list[_Request] = []
        self._kick = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._next_subject = MESSAGE_NEXT.format(stream=spec.stream, name=spec.name)

    async def start(self) -> None:
        """Bind the consumer and begin. Raises BusError where it cannot be had."""
        await self._bind()
        self._bus.hooks.on_connected.append(self._reconnected)
        self._task = asyncio.create_task(self._keep(), name=f"pull-{self.spec.name}")

    async def stop(self) -> None:
        """Ask for no more; messages held may still be answered."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self._bus.hooks.on_connected.remove(self._reconnected)
        await self._end_all()

    async def give_back(self) -> None:
        """Let the server send everything that is still held to somebody else, at once."""
        for pulled in tuple(self._held.values()):
            await self.nak(pulled)

    async def ack(self, pulled: Pulled) -> None:
        """Say that the message is handled, and wait until the server knows.

        A lost acknowledgement is harmless: the message comes again and is only acknowledged.
        """
        self._release(pulled, handled=True)
        await self._answer(pulled, b"+ACK")

    async def nak(self, pulled: Pulled, delay_s: float = 0.0) -> None:
        """Hand the message back; it comes again after ``delay_s``."""
        self._release(pulled, handled=False)
        delay = b' {"delay": %d}' % int(delay_s * NANOSECONDS) if delay_s else b""
        await self._answer(pulled, b"-NAK" + delay)

    async def term(self, pulled: Pulled) -> None:
        """Give the message up for good; call only after it was kept aside."""
        self._release(pulled, handled=True)
        await self._answer(pulled, b"+TERM")

    def _release(self, pulled: Pulled, *, handled: bool) -> None:
        self._held.pop(pulled.sequence, None)
        if handled:
            self._last_handled = max(self._last_handled, pulled.sequence)
            self._handled.add(pulled.sequence)
        self._kick.set()

    async def _answer(self, pulled: Pulled, word: bytes) -> None:
        try:
            await self._bus.link.request(pulled.reply, word, timeout_s=ACK_TIMEOUT_S)
        except TryAgainError as error:
            self._bus.metrics.count("seawall_errors_total", kind="ack_lost")
            self._log.warning(f"answer to message {pulled.sequence} lost: {error}")

    async def _receive(self, request: _Request, message: Msg) -> None:
        request.heard_s = elapsed_s()
        status = (message.headers or {}).get("Status", "")
        if status and not message.data:
            self._on_status(request, status, (message.headers or {}).get("Description", ""))
            return
        request.remaining -= 1
        if request.remaining <= BATCH // 2:
            self._kick.set()
        await self._take(message)

    async def _take(self, message: Msg) -> None:
        fields = ack_fields(message.reply)
        pulled = Pulled(
            message.subject,
            message.data,
            message.headers,
            message.reply,
            fields.delivered,
            fields.sequence,
            elapsed_s(),
        )
        if pulled.delivered > 1:
            self._bus.metrics.count("seawall_redelivered_total")
        held = self._held.get(pulled.sequence)
        if held is not None:
            held.reply, held.delivered = pulled.reply, pulled.delivered  # the newest delivery is the one to answer
            return
        if pulled.sequence in self._handled:
            await self._answer(pulled, b"+ACK")
            return
        self._held[pulled.sequence] = pulled
        self._on_message(pulled)

    def _on_status(self, request: _Request, status: str, description: str) -> None:
        if status == "100":  # heartbeat
            return
        request.remaining = 0
        self._kick.set()
        if status in ("404", "408"):  # nothing came before the request's end: normal
            return
        self._bus.metrics.count("seawall_errors_total", kind=f"pull_{status}")
        if status == "503" or "Deleted" in description:
            self.bound = False
        if status == "400":
            self._log.error(f"pull request refused: {description}")

    async def _reconnected(self) -> None:
        self.bound = False
        self._kick.set()

    async def _keep(self) -> None:
        while True:
            self._kick.clear()  # before looking: what comes while looking wakes the loop again
            try:
                if not self.bound and self._bus.connected:
                    await self._bind()
                await self._ask()
                await self._progress()
            except BusError as error:
                self._log.warning(f"consumer {self.spec.name}: {error}")
                await asyncio.sleep(RETRY_S)
            try:
                async with asyncio.timeout(PULSE_S):
                    await self._kick.wait()
            except TimeoutError:
                continue

    async def _bind(self) -> None:
        mark = await stream_mark(self._bus, self.spec.stream)
        if self._stream_created not in ("", mark.created) or mark.last_sequence < self._last_handled:
            await self._start_over(f"ends at {mark.last_sequence}, but {self._last_handled} was handled")
        self._stream_created = mark.created
        info = await bind_consumer(self._bus, self.spec, after_sequence=self._resume_after())
        if info.delivered > mark.last_sequence:
            await self._start_over(f"ends at {mark.last_sequence}, but {info.delivered} was delivered")
            info = await bind_consumer(self._bus, self.spec)
        if info.unacknowledged:
            await redeliver_unacknowledged(self._bus, self.spec)
        await self._end_all()
        self.bound = True

    async def _start_over(self, how: str) -> None:
        """The stream lost messages or was made anew: its numbers mean other messages now."""
        problem = f"stream {self.spec.stream} {how}: it lost messages; read again from its start"
        self._bus.metrics.count("seawall_errors_total", kind="stream_regressed")
        self._log.error(problem)
        self._handled.clear()
        self._held.clear()
        self._last_handled = 0
        await delete_consumer(self._bus, self.spec)
        if self.on_regressed is not None:
            self.on_regressed(problem)

    def _resume_after(self) -> int:
        return min(self._held) - 1 if self._held else self._last_handled

    async def _ask(self) -> None:
        now_s = elapsed_s()
        for request in tuple(self._requests):
            if request.remaining > 0 and now_s - request.heard_s > SILENCE_S:
                request.remaining = 0
                self.bound = False  # see whether the consumer is still there, and what was on the way
                self._bus.metrics.count("seawall_errors_total", kind="pull_silent")
            if request.remaining <= 0:
                await self._end(request)
        if not self._bus.connected:
            return  # connecting again wakes the loop
        if not self.bound:
            self._kick.set()
            return
        open_for = sum(request.remaining for request in self._requests)
        while open_for <= BATCH // 2 and open_for + len(self._held) + BATCH <= CAPACITY:
            await self._send_request()
            open_for += BATCH

    async def _send_request(self) -> None:
        request = _Request()
        inbox = self._bus.link.new_inbox()
        receive = partial(self._receive, request)
        request.subscription = await self._bus.subscribe(inbox, receive, max_messages=2 * BATCH, max_bytes=INBOX_BYTES)
        self._requests.append(request)
        body = {
            "batch": BATCH,
            "expires": int(EXPIRES_S * NANOSECONDS),
            "idle_heartbeat": int(HEARTBEAT_S * NANOSECONDS),
        }
        await self._bus.link.send(self._next_subject, msgspec.json.encode(body), reply=inbox)

    async def _end(self, request: _Request) -> None:
        self._requests.remove(request)
        if request.subscription is not None:
            await self._bus.link.unsubscribe(request.subscription)

    async def _end_all(self) -> None:
        for request in tuple(self._requests):
            await self._end(request)

    async def _progress(self) -> None:
        now_s = elapsed_s()
        for pulled in tuple(self._held.values()):
            if now_s - pulled.progress_s > self.spec.ack_wait_s / 3:
                pulled.progress_s = now_s
                await self._bus.link.send(pulled.reply, b"+WPI")
