"""One stream, read in order and without a hole from a given sequence on.

The position is kept in PostgreSQL with the rows, not by the server: the consumer here acknowledges
nothing and is made anew, right behind what was taken, whenever there is doubt (a start, a
reconnect, silence, a jump in the sequence). So nothing is written twice, nothing is left out, and a
restored database reads again what it lost.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from nats.aio.subscription import Subscription

from seawall_runtime.bus import Bus
from seawall_runtime.clock import elapsed_s
from seawall_runtime.errors import ApiError, BusError

CONSUMER = "recorder"
HEARTBEAT_S = 1.0
SILENCE_S = 3.5  # three heartbeats missed: the request is lost
EXPIRES_S = 30.0
PULSE_S = 0.5
RETRY_S = 0.5
NANOSECONDS = 1_000_000_000
NOT_FOUND = 404
PENDING = re.compile(rb"Nats-Pending-Messages: *(\d+)")


@dataclass(frozen=True, slots=True)
class Position:
    """How far a stream is written: the last sequence and when the stream stored it."""

    sequence: int
    ts_stored_ns: int


NOTHING = Position(0, 0)


class Message(NamedTuple):
    """One message as its stream stored it; ``reply`` names its place there."""

    subject: bytes
    reply: bytes
    data: bytes


def position_of(message: Message) -> Position:
    """Return where a pulled message stands in its stream, from its reply subject.

    ``$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<time>.<pending>``; the
    form of ADR-15 puts domain and account in front and a random token behind. Raises ValueError.
    """
    tokens = message.reply.split(b".")
    first = 5 if len(tokens) == 9 else 7
    return Position(int(tokens[first]), int(tokens[first + 2]))


class StreamSource:
    """Holds at most ``capacity`` messages; while the database is away it asks for no more."""

    def __init__(
        self, bus: Bus, stream: str, *, written: Position, capacity: int, filled: asyncio.Event, log: Any
    ) -> None:
        self.stream = stream
        self.problem = "not read yet"
        self.lost = 0
        """Messages the stream forgot before they were read."""
        self.regressed = 0
        """How often the stream turned out to be another than the one written down."""
        self._bus = bus
        self._last = written
        self._capacity = capacity
        self._chunk = max(capacity // 4, 1)
        self._filled = filled
        self._log = log
        self._held: list[Message] = []
        self._asked = 0
        self._heard_s = 0.0
        self._in_doubt = True
        self._jump_seen_to = 0
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._kick = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Messages held for the writer."""
        return len(self._held)

    def start(self) -> None:
        """Begin to read."""
        self._bus.hooks.on_connected.append(self._connected)
        self._task = asyncio.create_task(self._keep(), name=f"read-{self.stream}")

    async def stop(self) -> None:
        """Read no more; what is held may still be taken."""
        if self._task is not None:
            self._bus.hooks.on_connected.remove(self._connected)
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=1)
            self._task = None
        await self._forget_inbox()

    def take(self, limit: int) -> list[Message]:
        """Return the oldest messages held, in order and without a hole, and make room for as many."""
        taken, self._held = self._held[:limit], self._held[limit:]
        whole = self._without_hole(taken)
        if whole:
            self._last = position_of(whole[-1])
        self._kick.set()
        return whole

    def _without_hole(self, messages: list[Message]) -> list[Message]:
        """Return the messages up to the first that does not follow; from there on all is read again."""
        if not messages:
            return messages
        expected = self._last.sequence + 1
        # The server sends in order, so looking at both ends of a run is enough.
        if self._sequence(messages[0]) == expected and self._sequence(messages[-1]) == self._last.sequence + len(
            messages
        ):
            return messages
        for number, message in enumerate(messages):
            sequence = self._sequence(message)
            if sequence != expected and not self._may_jump(expected, sequence):
                self._held = []
                self._in_doubt = True
                return messages[:number]
            expected = sequence + 1
        return messages

    def _sequence(self, message: Message) -> int:
        return position_of(message).sequence

    def _may_jump(self, expected: int, sequence: int) -> bool:
        """Believe a jump only the second time: the first may be a message lost on its way to us."""
        if sequence < expected or self._jump_seen_to != sequence:
            self._jump_seen_to = sequence
            return False
        self._note_lost(sequence - expected)
        return True

    async def _connected(self) -> None:
        self._in_doubt = True
        self._kick.set()

    async def _keep(self) -> None:
        while True:
            try:
                await self._advance()
            except (BusError, ValueError) as error:
                if str(error) != self.problem:
                    self._log.warning(f"stream {self.stream} waits: {error}")
                self.problem = str(error)
                self._in_doubt = True
                await asyncio.sleep(RETRY_S)
            self._kick.clear()
            try:
                async with asyncio.timeout(PULSE_S):
                    await self._kick.wait()
            except TimeoutError:
                continue

    async def _advance(self) -> None:
        if not self._bus.connected:
            return
        if self._asked > 0 and elapsed_s() - self._heard_s > SILENCE_S:
            self._in_doubt = True
        if self._in_doubt:
            await self._begin_anew()
        while self._asked <= self._chunk and self._asked + len(self._held) + self._chunk <= self._capacity:
            await self._ask()

    async def _begin_anew(self) -> None:
        """Make the consumer again right behind what was taken, with an inbox that no old answer reaches.

        What is held and not yet taken is dropped: it comes again, in order.
        """
        await self._forget_inbox()
        self._held = []
        await self._check_stream()
        await self._delete_consumer()
        config = {
            "durable_name": CONSUMER,
            "name": CONSUMER,
            "ack_policy": "none",
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self._last.sequence + 1,
            "replay_policy": "instant",
        }
        body = {"stream_name": self.stream, "config": config}
        await self._bus.api(f"CONSUMER.CREATE.{self.stream}.{CONSUMER}", body)
        self._inbox = self._bus.link.new_inbox()
        self._subscription = await self._bus.link.subscribe_raw(self._inbox, self._receive)
        self._asked, self._heard_s = 0, elapsed_s()
        self._in_doubt, self.problem = False, ""

    async def _check_stream(self) -> None:
        """Make sure that the stream still holds what was written; start over where it is another one."""
        state = (await self._bus.api(f"STREAM.INFO.{self.stream}"))["state"]
        first, last = int(state["first_seq"]), int(state["last_seq"])
        if self._last is not NOTHING and not await self._is_ours(first, last):
            self.regressed += 1
            self._log.error(
                f"stream {self.stream} is not the one written down up to {self._last.sequence}"
                f" (it holds {first} to {last}): everything it holds is read again"
            )
            self._last = NOTHING
        missing = first - 1 - self._last.sequence
        if missing > 0:
            self._note_lost(missing)
            self._last = Position(first - 1, self._last.ts_stored_ns)

    async def _is_ours(self, first: int, last: int) -> bool:
        if not first <= self._last.sequence <= last:
            return self._last.sequence < first
        try:
            reply = await self._bus.api(f"STREAM.MSG.GET.{self.stream}", {"seq": self._last.sequence})
        except ApiError as error:
            if error.code != NOT_FOUND:
                raise
            return False
        return nanoseconds(reply["message"]["time"]) == self._last.ts_stored_ns

    def _note_lost(self, missing: int) -> None:
        if self._last is not NOTHING:
            self.lost += missing
            self._log.error(f"stream {self.stream} forgot {missing} messages before they were read")

    async def _delete_consumer(self) -> None:
        try:
            await self._bus.api(f"CONSUMER.DELETE.{self.stream}.{CONSUMER}")
        except ApiError as error:
            if error.code != NOT_FOUND:
                raise

    async def _forget_inbox(self) -> None:
        if self._subscription is not None:
            await self._bus.link.unsubscribe(self._subscription)
            self._subscription = None

    async def _ask(self) -> None:
        body = {
            "batch": self._chunk,
            "expires": int(EXPIRES_S * NANOSECONDS),
            "idle_heartbeat": int(HEARTBEAT_S * NANOSECONDS),
        }
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self.stream}.{CONSUMER}"
        await self._bus.link.send(subject, msgspec.json.encode(body), reply=self._inbox)
        self._asked += self._chunk

    def _receive(self, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        self._heard_s = elapsed_s()
        if not reply.startswith(b"$JS.ACK."):
            self._on_status(headers)
            return
        if self._in_doubt:
            return
        self._asked -= 1
        self._held.append(Message(subject, reply, data))
        if self._asked <= self._chunk:
            self._kick.set()
        self._filled.set()

    def _on_status(self, headers: bytes) -> None:
        line, _, rest = headers.partition(b"\r\n")
        status = line.removeprefix(b"NATS/1.0 ")
        if status.startswith(b"100"):
            return
        pending = PENDING.search(rest)
        self._asked -= int(pending.group(1)) if pending else 0
        if not status.startswith((b"404", b"408")):
            self.problem = status.decode("utf-8", "replace")
            self._in_doubt = True
        self._kick.set()


def nanoseconds(text: str) -> int:
    """Return the time of an RFC 3339 text such as ``2026-01-31T09:30:00.123456789Z``. Raises ValueError."""
    seconds, _, rest = text.partition(".")
    fraction = rest.rstrip("Z") if rest else ""
    whole = int(datetime.fromisoformat(seconds.rstrip("Z") + "+00:00").timestamp())
    return whole * NANOSECONDS + int(fraction.ljust(9, "0") or "0")
