"""Durable consumers: looked up, made or brought up to date, and told to send again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .bus import Bus
from .errors import ApiError, StreamError, TryAgainError

ACK_WAIT_S = 30.0
MAX_ACK_PENDING = 512  # twice what a service holds, so a message handed back with a delay blocks nobody
NANOSECONDS = 1_000_000_000
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class ConsumerSpec:
    """One durable pull consumer: a name on a stream and the subjects it gets.

    How often a message may be tried is counted by the service itself, because a kill -9 of a
    healthy service must not use up a healthy message's attempts.
    """

    stream: str
    name: str
    subjects: tuple[str, ...]
    ack_wait_s: float = ACK_WAIT_S


@dataclass(frozen=True, slots=True)
class ConsumerInfo:
    """Where a consumer stands: stream sequence last delivered, and how many wait for an answer."""

    delivered: int
    unacknowledged: int


async def bind_consumer(bus: Bus, spec: ConsumerSpec, *, after_sequence: int = 0) -> ConsumerInfo:
    """Make sure that the consumer exists as declared. Raises StreamError, TryAgainError.

    A new one starts after ``after_sequence``: with 0, at everything the stream still holds.
    """
    wanted = _wanted(spec, after_sequence)
    try:
        reply = await bus.api(f"CONSUMER.INFO.{spec.stream}.{spec.name}")
    except ApiError as error:
        if error.code != _NOT_FOUND:
            raise
        return _info(await _create(bus, spec, wanted))
    found = reply["config"]
    changeable = ("filter_subjects", "filter_subject", "ack_wait", "max_ack_pending")
    if any(found.get(key) != wanted.get(key) for key in changeable):
        changed = {key: value for key, value in found.items() if key not in changeable}
        changed |= {key: wanted[key] for key in changeable if key in wanted}
        return _info(await _create(bus, spec, changed))
    return _info(reply)


@dataclass(frozen=True, slots=True)
class StreamMark:
    """Which stream this is (a new one of the same name was created at another time), and its end."""

    created: str
    last_sequence: int


async def stream_mark(bus: Bus, stream: str) -> StreamMark:
    """Return a stream's identity and end. Raises ApiError, TryAgainError."""
    reply = await bus.api(f"STREAM.INFO.{stream}")
    return StreamMark(str(reply["created"]), int(reply["state"]["last_seq"]))


async def redeliver_unacknowledged(bus: Bus, spec: ConsumerSpec) -> bool:
    """Let the server send again now what it still waits for; without it that takes the whole ack wait.

    False where the server is older than 2.14 and cannot: then the messages come after the ack wait.
    """
    try:
        await bus.api(f"CONSUMER.RESET.{spec.stream}.{spec.name}", timeout_s=2.0)
    except (ApiError, TryAgainError):
        return False
    return True


async def delete_consumer(bus: Bus, spec: ConsumerSpec) -> None:
    """Remove the consumer, so that it can be made anew; it may be gone already."""
    try:
        await bus.api(f"CONSUMER.DELETE.{spec.stream}.{spec.name}")
    except ApiError as error:
        if error.code != _NOT_FOUND:
            raise


def _wanted(spec: ConsumerSpec, after_sequence: int) -> dict[str, Any]:
    config: dict[str, Any] = {
        "name": spec.name,
        "durable_name": spec.name,
        "ack_policy": "explicit",
        "ack_wait": int(spec.ack_wait_s * NANOSECONDS),
        "max_ack_pending": MAX_ACK_PENDING,
        "max_deliver": -1,
        "deliver_policy": "all",
        "replay_policy": "instant",
    }
    if len(spec.subjects) == 1:
        config["filter_subject"] = spec.subjects[0]
    else:
        config["filter_subjects"] = list(spec.subjects)
    if after_sequence:
        config |= {"deliver_policy": "by_start_sequence", "opt_start_seq": after_sequence + 1}
    return config


async def _create(bus: Bus, spec: ConsumerSpec, config: dict[str, Any]) -> dict[str, Any]:
    try:
        return await bus.api(
            f"CONSUMER.CREATE.{spec.stream}.{spec.name}", {"stream_name": spec.stream, "config": config, "action": ""}
        )
    except ApiError as error:
        raise StreamError(f"consumer {spec.name} on {spec.stream} cannot be had: {error}") from error


def _info(reply: dict[str, Any]) -> ConsumerInfo:
    return ConsumerInfo(int(reply["delivered"]["stream_seq"]), int(reply["num_ack_pending"]))
