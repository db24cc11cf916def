"""The streams, declared once in the contract and made here: ``python -m seawall_runtime.streams --config f``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

from seawall_proto import MAX_EVENT_BYTES, STREAMS, Delivery, StreamSpec

from .bus import Bus
from .config import load_config
from .errors import ApiError, BusError, ConfigError, StreamError

NANOSECONDS = 1_000_000_000
HEADER_BYTES = 4_096  # room for id and trace beside the largest event
SMALLEST_BYTES = 64 << 20
CONNECT_PATIENCE_S = 30.0
_NO_ROOM = frozenset({10023, 10047})  # insufficient resources; insufficient storage
_NOT_FOUND = 404
_FIXED = ("retention", "storage", "deny_delete", "deny_purge")


async def ensure_streams(bus: Bus, replicas: int = 1) -> tuple[str, ...]:
    """Make every stream of the contract, or bring its limits up to date; may run any number of times.

    Returns one line per stream: what was found or done. Raises StreamError where a stream exists
    in a way that cannot be changed, TryAgainError where JetStream does not answer.
    """
    # the ledger first, then the small ones: where disk is short the market's history gives way
    order = sorted(STREAMS, key=lambda spec: (spec.delivery is Delivery.FLOW, spec.max_bytes))
    return tuple([await _ensure(bus, spec, replicas) for spec in order])


async def missing_streams(bus: Bus) -> tuple[str, ...]:
    """Return the names of the contract's streams that do not exist."""
    missing = []
    for spec in STREAMS:
        try:
            await bus.api(f"STREAM.INFO.{spec.name}")
        except ApiError as error:
            if error.code != _NOT_FOUND:
                raise
            missing.append(spec.name)
    return tuple(missing)


def stream_config(spec: StreamSpec, replicas: int) -> dict[str, Any]:
    """Return what JetStream is asked for; only what differs from its defaults is named."""
    ledger = spec.delivery is Delivery.LEDGER
    return {
        "name": spec.name,
        "subjects": list(spec.subjects),
        "retention": "limits",
        "storage": "file",
        "num_replicas": replicas,
        # a full ledger refuses, so that nothing is lost unseen; a full flow stream forgets the oldest
        "discard": "new" if ledger else "old",
        "deny_delete": ledger,
        "deny_purge": ledger,
        "max_age": spec.max_age_s * NANOSECONDS,
        "max_bytes": spec.max_bytes,
        "max_msg_size": MAX_EVENT_BYTES + HEADER_BYTES,
        "duplicate_window": spec.duplicate_window_s * NANOSECONDS,
        "allow_direct": False,
    }


async def _ensure(bus: Bus, spec: StreamSpec, replicas: int) -> str:
    wanted = stream_config(spec, replicas)
    try:
        found = (await bus.api(f"STREAM.INFO.{spec.name}"))["config"]
    except ApiError as error:
        if error.code != _NOT_FOUND:
            raise StreamError(f"stream {spec.name}: {error}") from error
        return await _create(bus, spec.name, wanted)
    for key in _FIXED:
        if found.get(key) != wanted[key]:
            raise StreamError(
                f"stream {spec.name}: {key} is {found.get(key)!r}, expected {wanted[key]!r}; "
                "it cannot be changed in place: move its messages to a new stream first"
            )
    if all(found.get(key) == value for key, value in wanted.items()):
        return f"{spec.name}: as declared"
    try:
        await bus.api(f"STREAM.UPDATE.{spec.name}", wanted)
    except ApiError as error:
        if error.err_code in _NO_ROOM and found["max_bytes"] < wanted["max_bytes"]:
            return f"{spec.name}: kept at {found['max_bytes'] >> 20} MiB, the server has no room for more"
        raise StreamError(f"stream {spec.name} cannot be brought up to date: {error}") from error
    return f"{spec.name}: brought up to date"


async def _create(bus: Bus, name: str, wanted: dict[str, Any]) -> str:
    """Create with the declared size, or the largest half, quarter, … that the server has room for."""
    size = int(wanted["max_bytes"])
    while True:
        try:
            await bus.api(f"STREAM.CREATE.{name}", {**wanted, "max_bytes": size})
        except ApiError as error:
            if error.err_code not in _NO_ROOM or size // 2 < SMALLEST_BYTES:
                raise StreamError(f"stream {name} cannot be created with {size} bytes: {error}") from error
            size //= 2
        else:
            return f"{name}: created with {size >> 20} MiB"


async def _bootstrap(path: Path) -> None:
    config = load_config(path)
    bus = Bus(config.nats.url, service="bootstrap")
    try:
        async with asyncio.timeout(CONNECT_PATIENCE_S):
            await bus.connect()
    except TimeoutError:
        raise BusError(
            f"{config.nats.url} did not answer within {CONNECT_PATIENCE_S:g} s: {bus.link.problem}"
        ) from None
    try:
        for line in await ensure_streams(bus, config.nats.replicas):
            print(line)
    finally:
        await bus.close()


def main(arguments: list[str] | None = None) -> int:
    """Make or update the streams; exit code 2 for a wrong configuration, 1 where NATS refuses."""
    parser = argparse.ArgumentParser(prog="seawall_runtime.streams", description=ensure_streams.__doc__)
    parser.add_argument("--config", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        asyncio.run(_bootstrap(options.config))
    except ConfigError as error:
        print(f"seawall streams: {error}", file=sys.stderr)
        return 2
    except BusError as error:
        print(f"seawall streams: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
