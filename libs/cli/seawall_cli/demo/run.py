"""The demo: start, watch, perhaps kill, quiesce, compare venue and ledger, account, stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

from nats.aio.msg import Msg

from seawall_cli.errors import ServerError, UnhealthyError, UsageError
from seawall_cli.stack.plan import StackOptions
from seawall_cli.stack.record import read_record
from seawall_cli.stack.supervisor import Supervisor
from seawall_cli.wire import bus_of, ledger_of
from seawall_ledger import LedgerError
from seawall_proto import ProtoError, decode
from seawall_runtime.config import Config

from .chaos import carry_out, plan_kills
from .holdings import Holdings, read_holdings
from .sampler import Sampler
from .summary import problems_of, summarise, unexplained_positions
from .view import View

SETTLE_WITHIN_S = 12.0  # longer than any service's restart; then what is open is reported as it is
SETTLE_EVERY_S = 0.25
VIEW_SUBJECTS = ("md.quote.*.*", "signal.>", "risk.>", "order.>", "stop.>", "control.>", "ops.alert.>")


async def run_demo(options: StackOptions, duration_s: float, *, kill: bool, seed: int | None) -> None:
    """Run, print the summary line on stdout, and raise UnhealthyError where it was not healthy."""
    clear(options)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    began = time.monotonic()
    async with Supervisor(options) as supervisor:
        sampler = Sampler(supervisor.endpoints.http_ports)
        async with _beside(sampler.run()), _watching(supervisor, sampler, duration_s):
            chaos = asyncio.create_task(_kill(supervisor, duration_s, seed)) if kill else None
            await _wait(stopping, duration_s)
            if chaos is not None:
                chaos.cancel()
            print("settling: no new decisions, then venue and ledger are compared", file=sys.stderr)
            holdings = await settle(supervisor, sampler)
        ready = {name: ok for name, ok in sampler.ready.items() if name in supervisor.watched}
        summary = await summarise(
            supervisor.config,
            sampler,
            holdings,
            source=options.source,
            seconds=time.monotonic() - began,
            restarts=supervisor.restarts,
        )
        summary["memory_mb"] = round(supervisor.memory_bytes() / 1e6)
    problems = problems_of(summary, ready, killed=kill)
    print(json.dumps({**summary, "healthy": not problems}), flush=True)
    if problems:
        raise UnhealthyError("the demo was not healthy: " + "; ".join(problems) + f" (logs: {options.directory}/logs)")


def clear(options: StackOptions) -> None:
    """Empty the demo's own directory, so that every demo starts flat."""
    directory = options.directory
    if read_record(directory) is not None:
        raise ServerError(f"a demo is running in {directory}: stop it, or name another --data-dir")
    known = {"keys", "lock", "logs", "nats", "paper-venue", "postgres", "seawall.toml", "stack.json", "stop-guardian"}
    if directory.exists():
        strange = {path.name for path in directory.iterdir()} - known
        if strange:
            raise UsageError(
                f"{directory} holds {', '.join(sorted(strange))}: not a demo's directory, it is not emptied"
            )
        shutil.rmtree(directory)


@contextlib.asynccontextmanager
async def _beside(work: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def _watching(supervisor: Supervisor, sampler: Sampler, duration_s: float) -> AsyncIterator[None]:
    """Show the live view where stderr is a terminal; elsewhere a line is enough."""
    if not sys.stderr.isatty():
        print(f"running for {duration_s:g} s; logs in {supervisor.options.directory / 'logs'}", file=sys.stderr)
        yield
        return
    view = View(supervisor, sampler, duration_s)

    async def take(message: Msg) -> None:
        with contextlib.suppress(ProtoError):
            view.note(decode(message.data))

    async with bus_of(supervisor.config) as bus:
        for subject in VIEW_SUBJECTS:
            await bus.subscribe(subject, take)
        async with _beside(view.run()):
            yield


async def _kill(supervisor: Supervisor, duration_s: float, seed: int | None) -> None:
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    await carry_out(plan_kills(seed, duration_s), supervisor, seed)


async def _wait(stopping: asyncio.Event, duration_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), duration_s)


async def settle(supervisor: Supervisor, sampler: Sampler) -> Holdings:
    """Stop deciding, let orders and stops come to rest, and return what the venue then holds."""
    supervisor.stop_one("signal")
    deadline = time.monotonic() + SETTLE_WITHIN_S
    venue = supervisor.config.traded_venues[0]
    while True:
        holdings = await read_holdings(venue)
        if await at_rest(supervisor.config, holdings) or time.monotonic() > deadline:
            await sampler.sample_once()
            return holdings
        await asyncio.sleep(SETTLE_EVERY_S)


async def at_rest(config: Config, holdings: Holdings) -> bool:
    """True where nothing works, nothing is naked, and venue and ledger agree."""
    venue = config.traded_venues[0]
    try:
        async with ledger_of(config) as ledger:
            working = await ledger.open_orders(venue.name, venue.account)
            unexplained = await unexplained_positions(config, ledger, holdings)
            unsent = await ledger.rows("SELECT 1 FROM outbox WHERE ts_published_ns IS NULL LIMIT 1")
    except LedgerError:
        return False
    return not (working or unexplained or unsent or holdings.naked)
