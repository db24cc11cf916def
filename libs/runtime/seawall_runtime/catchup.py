"""Re-reading flow events from their streams after a restart or a gap."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from nats.aio.msg import Msg

from seawall_proto import ROUTE_OF, STREAMS, Event

from .acks import MESSAGE_NEXT, ack_fields
from .bus import Bus
from .errors import BusError, TryAgainError

BATCH = 500
MAX_EVENTS = 100_000  # some 40 MB; a service that needs more asks for too many kinds or seconds
SILENCE_S = 3.0  # no batch of stored messages takes this long
NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class CatchUp:
    """Which flow events a service re-reads after a restart or a gap, and how far back."""

    kinds: tuple[type[Event], ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Stored:
    """One message of a stream, with the time at which the server stored it."""

    stored_ns: int
    subject: str
    data: bytes
    headers: dict[str, str] | None


async def read_stored(bus: Bus, kinds: tuple[type[Event], ...], since_ns: int) -> list[Stored]:
    """Return what the streams hold of these kinds since a time, oldest first.

    Raises BusError where a stream does not answer or holds more than MAX_EVENTS.
    """
    found: list[Stored] = []
    for spec in STREAMS:
        subjects = tuple(ROUTE_OF[kind].wildcard for kind in kinds if ROUTE_OF[kind].stream == spec.name)
        if subjects:
            found += await _read_stream(bus, spec.name, subjects, since_ns)
    found.sort(key=lambda stored: stored.stored_ns)
    return found


async def _read_stream(bus: Bus, stream: str, subjects: tuple[str, ...], since_ns: int) -> list[Stored]:
    inbox = bus.link.new_inbox()
    name = f"{bus.service}-catch-up-{inbox.rpartition('.')[2]}"
    arrived: asyncio.Queue[Msg] = asyncio.Queue()  # bounded by the batch that is asked for

    async def on_message(message: Msg) -> None:
        arrived.put_nowait(message)

    subscription = await bus.subscribe(inbox, on_message)
    try:
        waiting = await _create(bus, stream, name, subjects, since_ns)
        if waiting > MAX_EVENTS:
            raise BusError(f"{waiting} events to catch up on in {stream}, expected at most {MAX_EVENTS}")
        found: list[Stored] = []
        while len(found) < waiting:
            batch = await _fetch(bus, stream, name, inbox, arrived)
            if not batch:
                break
            found += batch
        await bus.api(f"CONSUMER.DELETE.{stream}.{name}")
        return found
    finally:
        await bus.link.unsubscribe(subscription)


async def _create(bus: Bus, stream: str, name: str, subjects: tuple[str, ...], since_ns: int) -> int:
    seconds, nanoseconds = divmod(since_ns, NANOSECONDS)
    start = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"
    config = {
        "name": name,
        "ack_policy": "none",
        "deliver_policy": "by_start_time",
        "opt_start_time": start,
        "filter_subjects": list(subjects),
        "mem_storage": True,
        "num_replicas": 1,
        "inactive_threshold": 30 * NANOSECONDS,
    }
    reply = await bus.api(f"CONSUMER.CREATE.{stream}.{name}", {"stream_name": stream, "config": config, "action": ""})
    return int(reply["num_pending"])


async def _fetch(bus: Bus, stream: str, name: str, inbox: str, arrived: asyncio.Queue[Msg]) -> list[Stored]:
    body = msgspec.json.encode({"batch": BATCH, "no_wait": True, "expires": int(SILENCE_S * NANOSECONDS)})
    await bus.link.send(MESSAGE_NEXT.format(stream=stream, name=name), body, reply=inbox)
    batch: list[Stored] = []
    while len(batch) < BATCH:
        try:
            async with asyncio.timeout(SILENCE_S):
                message = await arrived.get()
        except TimeoutError:
            raise TryAgainError(f"{stream} stopped answering after {len(batch)} messages") from None
        if not message.data and (message.headers or {}).get("Status"):
            break
        fields = ack_fields(message.reply)
        batch.append(Stored(fields.stored_ns, message.subject, message.data, message.headers))
        if fields.pending == 0:
            break
    return batch
