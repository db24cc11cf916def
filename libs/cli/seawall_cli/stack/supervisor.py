"""Start, watch, restart and stop the processes of one system."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil
import structlog

from seawall_cli.embedded import Child, NatsServer, PostgresServer, free_port
from seawall_cli.embedded.process import wait_for_port, writable_directory
from seawall_cli.errors import ServerError
from seawall_cli.wire import bus_of
from seawall_ledger import LedgerError
from seawall_runtime.config import Config, load_config
from seawall_runtime.errors import BusError
from seawall_runtime.streams import ensure_streams

from .plan import SERVICES, Endpoints, StackOptions, service_command, venue_command, write_config, write_keys
from .record import StackRecord, forget, write_record

log = structlog.get_logger("seawall.supervisor")

WATCH_EVERY_S = 0.05
RESTART_DELAYS_S = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)  # the last one for ever: a crash loop must not eat a core
CALM_AFTER_S = 30.0  # a child that lived this long starts its delays anew


@dataclass
class Watched:
    """One process under watch."""

    name: str
    child: Child
    restart: Callable[[], None]
    started_at: float = 0.0
    attempts: int = 0
    restart_at: float = 0.0
    busy: bool = field(default=False)


class Supervisor:
    """All processes of one system in one data directory.

    Use as an async context manager: entering starts everything, leaving stops everything in order
    (services first, the venue, then the servers), whatever happened in between.
    """

    def __init__(self, options: StackOptions) -> None:
        self.options = options
        self.restarts: Counter[str] = Counter()
        self.watched: dict[str, Watched] = {}
        self.endpoints: Endpoints
        self.config: Config
        self.config_path: Path
        self.nats: NatsServer | None = None
        self.postgres: PostgresServer | None = None
        self._lock: IO[str] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self.failed: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Supervisor:
        writable_directory(self.options.directory)
        self._take_lock()
        self.failed = asyncio.get_running_loop().create_future()
        started = False
        try:
            await self._start()
            started = True
        finally:
            if not started:
                await self._stop()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    def _take_lock(self) -> None:
        self._lock = (self.options.directory / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ServerError(
                f"{self.options.directory} is in use by another running system: stop it, or name another --data-dir"
            ) from error

    async def _start(self) -> None:
        directory = self.options.directory
        (directory / "logs").mkdir(exist_ok=True)
        venue_port = free_port()
        keys = write_keys(directory)
        venue = Child("paper-venue", venue_command(self.options, venue_port, keys), directory / "logs/paper-venue.log")
        venue.start()
        self._watch("paper-venue", venue, venue.start)
        await asyncio.gather(asyncio.to_thread(self._start_nats), asyncio.to_thread(self._start_postgres))
        self._describe(f"http://127.0.0.1:{venue_port}")
        await self._make_streams()
        self._start_services(SERVICES[:1])  # market data needs no tables: let it connect while they are made
        await self._migrate()
        self._start_services(SERVICES[1:])
        await asyncio.to_thread(wait_for_port, venue, venue_port, within_s=20)
        write_record(directory, StackRecord(os.getpid(), str(self.config_path), self.endpoints.http_ports))
        self._watcher = asyncio.create_task(self._watch_all())

    def _start_nats(self) -> None:
        if self.options.nats_url:
            return
        self.nats = NatsServer(self.options.directory / "nats")
        self.nats.start()
        self._watch("nats", self.nats.child, self.nats.start)

    def _start_postgres(self) -> None:
        if self.options.database_url:
            return
        self.postgres = PostgresServer(self.options.directory / "postgres")
        self.postgres.start()
        self._watch("postgres", self.postgres.child, self.postgres.start)

    def _describe(self, venue_url: str) -> None:
        self.endpoints = Endpoints(
            nats_url=self.nats.url if self.nats else self.options.nats_url,
            database_url=self.postgres.url if self.postgres else self.options.database_url,
            password_file=self.postgres.password_file if self.postgres else None,
            venue_url=venue_url,
            http_ports={service: free_port() for service in SERVICES},
        )
        self.config_path = write_config(self.options, self.endpoints)
        self.config = load_config(self.config_path)

    async def _make_streams(self) -> None:
        try:
            async with bus_of(self.config) as bus:
                await ensure_streams(bus, self.config.nats.replicas)
        except BusError as error:
            raise ServerError(f"the streams could not be made: {error}") from error

    async def _migrate(self) -> None:
        from seawall_ledger.migrate import migrate  # it brings SQLAlchemy along, which nothing else here needs

        try:
            await migrate(self.config.database)
        except LedgerError as error:
            raise ServerError(f"the database could not be prepared: {error}") from error

    def _start_services(self, services: tuple[str, ...]) -> None:
        for service in services:
            command = service_command(service, self.config_path, self.endpoints.http_ports[service])
            child = Child(service, command, self.options.directory / "logs" / f"{service}.log")
            child.start()
            self._watch(service, child, child.start)

    def _watch(self, name: str, child: Child, restart: Callable[[], None]) -> None:
        self.watched[name] = Watched(name, child, restart, started_at=time.monotonic())

    async def _watch_all(self) -> None:
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            for item in list(self.watched.values()):
                if item.child.exit_code is not None and not item.busy:
                    self._note_death(item)

    def _note_death(self, item: Watched) -> None:
        now = time.monotonic()
        if not item.restart_at:
            if now - item.started_at > CALM_AFTER_S:
                item.attempts = 0
            delay = RESTART_DELAYS_S[min(item.attempts, len(RESTART_DELAYS_S) - 1)]
            item.restart_at = now + delay
            item.attempts += 1
            log.warning("process ended", process=item.name, exit_code=item.child.exit_code, restart_in_s=delay)
        if now >= item.restart_at:
            item.busy = True
            self._restarting = asyncio.create_task(self._restart(item))

    async def _restart(self, item: Watched) -> None:
        try:
            await asyncio.to_thread(item.restart)
            self.restarts[item.name] += 1
            item.started_at = time.monotonic()
        except ServerError as error:
            log.warning("restart failed", process=item.name, error=str(error))
        finally:
            item.restart_at = 0.0
            item.busy = False

    def stop_one(self, name: str) -> None:
        """Stop one process for good: it is no longer watched."""
        item = self.watched.pop(name, None)
        if item is not None:
            item.child.stop()

    async def _stop(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
        services = [item for name, item in self.watched.items() if name in SERVICES]
        for item in services:
            item.child.send(signal.SIGTERM)
        await asyncio.gather(*(asyncio.to_thread(item.child.stop) for item in services))
        for name in ("paper-venue", "nats", "postgres"):
            if name in self.watched:
                await asyncio.to_thread(self._stop_server, name)
        forget(self.options.directory)
        if self._lock is not None:
            self._lock.close()

    def _stop_server(self, name: str) -> None:
        if name == "postgres" and self.postgres is not None:
            self.postgres.stop()
        else:
            self.watched[name].child.stop()

    def memory_bytes(self) -> int:
        """Return the resident memory of all processes, shared pages counted once where the system tells."""
        total = 0
        for item in self.watched.values():
            if item.child.pid is None:
                continue
            try:
                family = [psutil.Process(item.child.pid), *psutil.Process(item.child.pid).children(recursive=True)]
                total += sum(process.memory_full_info().pss for process in family)
            except (psutil.Error, AttributeError):
                continue
        return total
