"""``seawall doctor``: is everything here that is needed, and does it answer?"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from seawall_cli.embedded.nats import nats_server_program
from seawall_cli.embedded.postgres import installed_binaries
from seawall_cli.errors import CliError, NotRunningError, ServerError
from seawall_cli.stack.record import find_running
from seawall_cli.wire import bus_of, ledger_of
from seawall_ledger import LedgerError
from seawall_proto import STREAMS
from seawall_runtime.clock import now_ns
from seawall_runtime.config import Config, load_config
from seawall_runtime.errors import BusError
from seawall_runtime.streams import missing_streams

MIN_FREE_BYTES = 2 << 30
MAX_CLOCK_OFFSET_MS = 500
VENUE_TIMEOUT = aiohttp.ClientTimeout(total=5)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its name, whether it passed, and what was found."""

    check: str
    ok: bool
    found: str


def _checked(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, look())
    except (CliError, OSError) as error:
        return Finding(name, False, str(error))


async def run_doctor(data_dir: Path | None, config: Path | None) -> list[Finding]:
    """Check the machine, and the running or configured system if there is one."""
    findings = check_machine(data_dir or Path(".data"))
    try:
        path = config or Path(find_running(data_dir).config)
    except NotRunningError as error:
        if data_dir:
            findings.append(Finding("system", False, str(error)))
        return findings
    return findings + await check_system(load_config(path))


def show_findings(findings: list[Finding]) -> str:
    """Return the findings as lines a person reads."""
    width = max(len(finding.check) for finding in findings)
    return "\n".join(f"{'ok  ' if each.ok else 'FAIL'}  {each.check:{width}}  {each.found}" for each in findings)


def check_machine(data_dir: Path) -> list[Finding]:
    """Check what must be on this machine whether or not a system runs."""
    return [
        Finding("python", True, sys.version.split()[0]),
        _checked("nats-server", nats_server_program),
        _checked("postgresql", lambda: str(installed_binaries())),
        _checked("disk", lambda: _disk(data_dir)),
    ]


def _disk(data_dir: Path) -> str:
    existing = next(path for path in (data_dir.resolve(), *data_dir.resolve().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < MIN_FREE_BYTES:
        raise ServerError(f"{free >> 20} MiB free at {existing}, {MIN_FREE_BYTES >> 20} MiB expected")
    if not os.access(existing, os.W_OK):
        raise ServerError(f"{existing} cannot be written")
    return f"{free >> 30} GiB free at {existing}"


async def check_system(config: Config) -> list[Finding]:
    """Check a running system: bus, streams, database, venues, clocks, keys."""
    checks: list[tuple[str, Coroutine[Any, Any, str]]] = [("nats", _bus(config)), ("database", _database(config))]
    checks += [(f"venue {venue.name}", _venue(venue.rest_url)) for venue in config.venues]
    findings = await asyncio.gather(*(_awaited(name, look) for name, look in checks))
    return [*findings, *_keys(config)]


async def _awaited(name: str, look: Coroutine[Any, Any, str]) -> Finding:
    try:
        return Finding(name, True, await look)
    except (CliError, LedgerError, BusError, aiohttp.ClientError, OSError, TimeoutError) as error:
        return Finding(name, False, str(error) or type(error).__name__)


async def _bus(config: Config) -> str:
    async with bus_of(config) as bus:
        if missing := await missing_streams(bus):
            raise ServerError(f"streams missing: {', '.join(missing)}; expected from the bootstrap")
        return f"{config.nats.url}, streams {', '.join(stream.name for stream in STREAMS)}"


async def _database(config: Config) -> str:
    async with ledger_of(config) as ledger:
        rows = await ledger.rows(
            "SELECT version() AS version,"
            " (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS timescale"
        )
    timescale = rows[0]["timescale"]
    return f"{rows[0]['version'].split(' on ')[0]}, " + (f"TimescaleDB {timescale}" if timescale else "plain tables")


async def _venue(url: str) -> str:
    async with aiohttp.ClientSession(timeout=VENUE_TIMEOUT) as session:
        sent = now_ns()
        async with session.get(f"{url}/fapi/v1/time") as answer:
            if answer.status != 200:
                raise ServerError(f"{url} answered {answer.status}")
            server_ms = (await answer.json())["serverTime"]
        received = now_ns()
    offset_ms = server_ms - (sent + received) / 2e6
    if abs(offset_ms) > MAX_CLOCK_OFFSET_MS:
        raise ServerError(f"clock differs from {url} by {offset_ms:.0f} ms, at most {MAX_CLOCK_OFFSET_MS} expected")
    return f"{url}, clock differs by {offset_ms:.0f} ms, round trip {(received - sent) / 1e6:.1f} ms"


def _keys(config: Config) -> list[Finding]:
    pairs = [key for venue in config.venues for key in (venue.trade_key, venue.guardian_key) if key]
    return [
        _checked(f"key file {path.name}", lambda path=path: _private(path))  # type: ignore[misc]
        for pair in pairs
        for path in (pair.key_file, pair.secret_file)
    ]


def _private(path: Path) -> str:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ServerError(f"{path} has mode {mode:o}; others must not read it: chmod 600")
    return f"mode {mode:o}"
