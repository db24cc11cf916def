"""``seawall tail``: events as they happen, readable."""

from __future__ import annotations

import asyncio
import sys

from nats.aio.msg import Msg

from seawall_cli.describe import describe, time_of_day
from seawall_cli.wire import bus_of
from seawall_proto import ProtoError, decode
from seawall_runtime.config import Config

MAX_WAITING = 10_000  # lines a slow terminal may be behind; then the oldest are dropped and counted


async def tail(config: Config, subject: str, *, as_json: bool, count: int | None) -> None:
    """Print every event on ``subject`` (NATS wildcards allowed) until Ctrl-C or ``count`` events."""
    waiting: asyncio.Queue[Msg] = asyncio.Queue(MAX_WAITING)
    dropped = 0

    async def take(message: Msg) -> None:
        nonlocal dropped
        if waiting.full():
            waiting.get_nowait()
            dropped += 1
        waiting.put_nowait(message)

    async with bus_of(config) as bus:
        await bus.subscribe(subject, take)
        shown = 0
        while count is None or shown < count:
            message = await waiting.get()
            print(message.data.decode(errors="replace") if as_json else line_of(message), flush=True)
            shown += 1
            if dropped:
                print(f"... {dropped} events skipped: the terminal is too slow", file=sys.stderr)
                dropped = 0


def line_of(message: Msg) -> str:
    """Return one line: the time the cause reached us, the subject, and what happened."""
    try:
        event = decode(message.data)
    except ProtoError as error:
        return f"{'':12}  {message.subject}  ({error})"
    return f"{time_of_day(event.ts_received_ns)}  {message.subject}  {describe(event)}"
