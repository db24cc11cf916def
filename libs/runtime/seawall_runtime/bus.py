"""Events to NATS and back: perishable ones are sent and forgotten, ledger ones acknowledged."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from seawall_proto import (
    MAX_EVENT_BYTES,
    ROUTE_OF,
    AssetQuoted,
    BookChanged,
    Delivery,
    Event,
    OversizeError,
    QuoteTicked,
    TradePrinted,
    encode,
    event_type,
    subject_of,
)

from .errors import ApiError, PublishError, TryAgainError
from .link import Hooks, Link
from .metrics import Metrics
from .telemetry import trace_headers

TICKS = frozenset({TradePrinted, QuoteTicked, BookChanged, AssetQuoted})
"""Events too many to carry headers; everything else carries its id and its trace."""

MESSAGE_ID_HEADER = "Nats-Msg-Id"
MAX_WAITING_FLOW = 65_536  # 10 s of a very busy market while the socket is slow; then the oldest go
WRITES_PER_TURN = 64  # then the socket and the other tasks get theirs
PUBLISH_TIMEOUT_S = 2.0
MAX_PUBLISH_ATTEMPTS = 5
FIRST_BACKOFF_S = 0.05
API_TIMEOUT_S = 5.0
SUBSCRIPTION_MESSAGES = 65_536
SUBSCRIPTION_BYTES = 64 << 20
RETRY_ERR_CODES = frozenset({10158, 10163})  # duplicate in process; expected sequence not known yet
RETRY_CODES = frozenset({429, 503})  # too busy; no leader at the moment


class Published(msgspec.Struct, frozen=True):
    """Where JetStream stored an event; ``duplicate`` where the id was stored before."""

    stream: str
    seq: int
    duplicate: bool = False


class _ApiErrorBody(msgspec.Struct, frozen=True):
    code: int = 0
    err_code: int = 0
    description: str = ""


class _PublishReply(msgspec.Struct, frozen=True):
    stream: str = ""
    seq: int = 0
    duplicate: bool = False
    error: _ApiErrorBody | None = None


class Bus:
    """The bus as one service sees it. ``async with Bus(url, service="cli") as bus`` works too."""

    def __init__(
        self,
        url: str,
        *,
        service: str,
        metrics: Metrics | None = None,
        log: Any = None,
        publish_timeout_s: float = PUBLISH_TIMEOUT_S,
    ) -> None:
        self.service = service
        self.metrics = metrics or Metrics(service)
        self.link = Link(url, name=service, metrics=self.metrics, log=log)
        self._publish_timeout_s = publish_timeout_s
        self._waiting: deque[tuple[str, bytes, dict[str, str] | None]] = deque()
        self._writable = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._published: dict[type[Event], Any] = {}

    async def __aenter__(self) -> Bus:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def hooks(self) -> Hooks:
        """Whom to tell when the connection comes, goes, drops messages or ends for good."""
        return self.link.hooks

    @property
    def connected(self) -> bool:
        """True while messages can leave."""
        return self.link.connected

    async def connect(self) -> None:
        """Connect, trying until it succeeds; cancel to give up."""
        self._writer = asyncio.create_task(self._write(), name="bus-writer")
        await self.link.connect()

    async def flush(self, timeout_s: float = 2.0) -> None:
        """Wait until the server has read everything that was published. Raises TryAgainError."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            raise TryAgainError(f"{len(self._waiting)} events wait to be sent after {timeout_s:g} s") from None
        await self.link.flush(timeout_s)

    async def close(self, timeout_s: float = 1.0) -> None:
        """Send what waits, within a bound, and close."""
        if self.connected:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._idle.wait()
            except TimeoutError:
                self._drop(len(self._waiting), "closed")
        if self._writer is not None:
            self._writer.cancel()
        await self.link.close()

    async def publish(self, event: Event, *, headers: dict[str, str] | None = None) -> Published | None:
        """Publish by the event's delivery class: flow returns at once (None), ledger when stored.

        Raises PublishError where a ledger event was not acknowledged, OversizeError or SubjectError
        where it could never be.
        """
        if ROUTE_OF[type(event)].delivery is Delivery.FLOW:
            self.publish_nowait(event, headers=headers)
            return None
        published = await self.publish_stored(subject_of(event), encode(event), event.id, headers or trace_headers())
        self._count(type(event))
        return published

    def publish_nowait(self, event: Event, *, headers: dict[str, str] | None = None) -> bool:
        """Send a flow event and forget it; False where it was dropped (and counted)."""
        kind = type(event)
        if ROUTE_OF[kind].delivery is not Delivery.FLOW:
            raise TypeError(f"{kind.__name__} is a ledger event: await publish()")
        data = encode(event)
        if len(data) > MAX_EVENT_BYTES:
            raise OversizeError(f"{kind.__name__} of {len(data)} bytes, expected at most {MAX_EVENT_BYTES}")
        if not self.connected:
            self._drop(1, "disconnected")
            return False
        if kind not in TICKS:
            headers = {MESSAGE_ID_HEADER: event.id, **(headers or trace_headers())}
        if len(self._waiting) >= MAX_WAITING_FLOW:
            self._waiting.popleft()
            self._drop(1, "writer_full")
        self._waiting.append((subject_of(event), data, headers))
        self._idle.clear()
        self._writable.set()
        self._count(kind)
        return True

    async def publish_stored(
        self, subject: str, data: bytes, message_id: str, headers: dict[str, str] | None = None
    ) -> Published:
        """Store bytes once under ``message_id``, repeating the same id a bounded number of times.

        For events use ``publish``; this is for rows of an outbox, whose bytes are already made.
        Raises PublishError.
        """
        if len(data) > MAX_EVENT_BYTES:
            raise OversizeError(f"{subject}: {len(data)} bytes, expected at most {MAX_EVENT_BYTES}")
        headers = {**(headers or {}), MESSAGE_ID_HEADER: message_id}
        backoff_s = FIRST_BACKOFF_S
        problem: Exception = PublishError("not tried")
        for attempt in range(MAX_PUBLISH_ATTEMPTS):
            if attempt:
                self.metrics.count("seawall_publish_retries_total", reason=type(problem).__name__)
                # jitter of +-50 %, so that services do not return in step after a server's restart
                await asyncio.sleep(backoff_s * (0.5 + random.random()))  # noqa: S311
                backoff_s *= 2
            try:
                return await self._store(subject, data, headers)
            except TryAgainError as error:
                problem = error
            except ApiError as error:
                problem = error
                if error.err_code not in RETRY_ERR_CODES and error.code not in RETRY_CODES:
                    break
        self.metrics.count("seawall_publish_failures_total")
        raise PublishError(f"{subject} id {message_id}: not acknowledged: {problem}") from problem

    async def subscribe(
        self,
        subject: str,
        on_message: Callable[[Msg], Awaitable[None]],
        *,
        max_messages: int = SUBSCRIPTION_MESSAGES,
        max_bytes: int = SUBSCRIPTION_BYTES,
    ) -> Subscription:
        """Listen live on core NATS. ``on_message`` must be quick: hand over and return."""
        return await self.link.subscribe(subject, on_message, max_messages=max_messages, max_bytes=max_bytes)

    async def api(self, call: str, body: object = None, *, timeout_s: float = API_TIMEOUT_S) -> dict[str, Any]:
        """Call ``$JS.API.<call>``. Raises ApiError where it refuses, TryAgainError where nobody answers."""
        data = b"" if body is None else msgspec.json.encode(body)
        answer = await self.link.request(f"$JS.API.{call}", data, timeout_s=timeout_s)
        reply: dict[str, Any] = msgspec.json.decode(answer.data)
        if "error" in reply:
            error = msgspec.convert(reply["error"], _ApiErrorBody)
            raise ApiError(error.code, error.err_code, error.description)
        return reply

    async def _store(self, subject: str, data: bytes, headers: dict[str, str]) -> Published:
        answer = await self.link.request(subject, data, timeout_s=self._publish_timeout_s, headers=headers)
        try:
            reply = msgspec.json.decode(answer.data, type=_PublishReply)
        except msgspec.DecodeError as error:
            raise TryAgainError(f"{subject}: no acknowledgement but {answer.data[:80]!r}") from error
        if reply.error is not None:
            raise ApiError(reply.error.code, reply.error.err_code, reply.error.description)
        return Published(reply.stream, reply.seq, reply.duplicate)

    async def _write(self) -> None:
        while True:
            await self._writable.wait()
            self._writable.clear()
            sent = 0
            while self._waiting:
                subject, data, headers = self._waiting.popleft()
                sent += 1
                if sent % WRITES_PER_TURN == 0:
                    await asyncio.sleep(0)
                try:
                    await self.link.send(subject, data, headers=headers)
                except TryAgainError:
                    self._drop(1 + len(self._waiting), "disconnected")
                    self._waiting.clear()
            self._idle.set()

    def _count(self, kind: type[Event]) -> None:
        counter = self._published.get(kind)
        if counter is None:
            counter = self.metrics.counter("seawall_events_published_total", type=event_type(kind))
            self._published[kind] = counter
        counter.inc()

    def _drop(self, number: int, reason: str) -> None:
        if number:
            self.metrics.count("seawall_flow_dropped_total", number, reason=reason)
