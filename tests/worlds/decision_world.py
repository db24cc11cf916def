"""Signal and risk as processes of their own, over a real NATS and a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from nats.aio.msg import Msg

from seawall_cli.embedded import NatsServer, PostgresServer, free_port
from seawall_ledger.migrate import migrate
from seawall_proto import Event, decode, subject_of
from seawall_runtime.bus import Bus
from seawall_runtime.config import load_config
from seawall_runtime.streams import ensure_streams

READY_WITHIN_S = 20.0


class DecisionWorld:
    """Servers, a configuration, and the services that a test starts, kills and starts again."""

    def __init__(self, folder: Path, strategies: str = "[strategies.momentum]\n") -> None:
        self.folder = folder
        self.nats = NatsServer(folder / "nats")
        self.postgres = PostgresServer(folder / "postgres")
        self.config = folder / "seawall.toml"
        self.strategies = strategies
        self.ports = {"risk": free_port(), "signal": free_port()}
        self.processes: dict[str, subprocess.Popen[str]] = {}

    def start(self) -> None:
        """Start the servers and lay out streams and tables."""
        self.nats.start()
        self.postgres.start()
        password = self.postgres.password_file
        self.config.write_text(
            f"""\
data_dir = {json.dumps(str(self.folder))}
[nats]
url = {json.dumps(self.nats.url)}
[database]
url = {json.dumps(self.postgres.url_of("postgres"))}
password_file = {json.dumps(str(password))}
[[venues]]
name = "binance-usdm"
account = "paper"
rest_url = "http://127.0.0.1:1"
websocket_url = "ws://127.0.0.1:1"
symbols = ["BTC-USDT-PERP", "ETH-USDT-PERP"]
{self.strategies}
"""
        )

        async def lay_out() -> None:
            await migrate(load_config(self.config).database)
            async with Bus(self.nats.url, service="bootstrap") as bus:
                await ensure_streams(bus, 1)

        asyncio.run(lay_out())

    def run(self, service: str) -> subprocess.Popen[str]:
        """Start a service; it is there when ``ready`` says so."""
        command = [sys.executable, "-m", f"seawall_{service}.main", "--config", str(self.config)]
        command += ["--http", f"127.0.0.1:{self.ports[service]}"]
        log = (self.folder / f"{service}.log").open("a")
        self.processes[service] = subprocess.Popen(command, stderr=log, text=True)
        return self.processes[service]

    def ready(self, service: str) -> None:
        """Wait until ``/readyz`` says yes."""
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            assert self.processes[service].poll() is None, self.log(service)
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[service]}/readyz", timeout=1) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise AssertionError(f"{service} not ready: {self.log(service)}")

    def kill(self, service: str) -> None:
        """``kill -9``."""
        self.processes[service].kill()
        self.processes[service].wait(5)

    def log(self, service: str) -> str:
        """What a service wrote."""
        return (self.folder / f"{service}.log").read_text()

    def stop(self) -> None:
        """Drain the services, stop the servers."""
        for process in self.processes.values():
            process.terminate()
        codes = [process.wait(10) for process in self.processes.values()]
        self.postgres.stop()
        self.nats.stop()
        assert codes == [0] * len(codes), f"drained services leave with 0, found {codes}"


class Ear:
    """Hears every event of some kinds from now on."""

    def __init__(self, *kinds: type[Event]) -> None:
        self.kinds = kinds
        self.heard: list[Any] = []

    async def listen(self, bus: Bus) -> Ear:
        async def on_message(message: Msg) -> None:
            event = decode(message.data)
            if isinstance(event, self.kinds):
                assert message.subject == subject_of(event)
                self.heard.append(event)

        for subject in ("signal.>", "risk.>", "control.>"):
            await bus.subscribe(subject, on_message)
        return self

    async def next(self, within_s: float = 5.0) -> Any:
        """Return the next event heard, waiting for it."""
        return await until(lambda: self.heard.pop(0) if self.heard else None, f"{self.kinds}", within_s)


async def until(look: Callable[[], Any], what: str, within_s: float = 10.0) -> Any:
    """Wait for ``look`` (which may be a coroutine function) to find something, and return it."""
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        found = look()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert asyncio.get_running_loop().time() < deadline, f"still waiting for {what}"
        await asyncio.sleep(0.02)
