"""Execution as a real process between a real NATS, a real PostgreSQL and the paper venue."""

from __future__ import annotations

import asyncio
import sys
import time
import tomllib
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import urlopen

from seawall_cli.embedded import NatsServer, PostgresServer, free_port
from seawall_cli.embedded.process import Child, wait_for_port
from seawall_ledger import Ledger, connect
from seawall_ledger.migrate import migrate
from seawall_proto import OrderApproved
from seawall_runtime.bus import Bus
from seawall_runtime.clock import now_ns
from seawall_runtime.config import Config, check_config
from seawall_runtime.streams import ensure_streams
from seawall_venues.binance.trading_session import BinanceTradingSession

Found = TypeVar("Found")
BTC, ETH = "BTC-USDT-PERP", "ETH-USDT-PERP"
VENUE, ACCOUNT = "binance-usdm", "paper"

CONFIG = """
mode = "paper"
data_dir = "{data}"
[nats]
url = "{nats}"
[database]
url = "{database}"
password_file = "{password}"
[execution]
reconcile_every_s = 20
quarantine_s = {quarantine}
[[venues]]
name = "binance-usdm"
account = "paper"
rest_url = "http://127.0.0.1:{rest}"
websocket_url = "ws://127.0.0.1:{venue}"
symbols = ["{symbol}", "ETH-USDT-PERP"]
trade_key = {{ key_file = "{folder}/key", secret_file = "{folder}/secret" }}
guardian_key = {{ key_file = "{folder}/other-key", secret_file = "{folder}/other-secret" }}
"""


class ExecutionWorld:
    """Everything on loopback and free ports; parts can be killed and started again."""

    def __init__(self, folder: Path, *, quarantine_s: int = 60, rest_port: int = 0) -> None:
        self.folder = folder
        self.nats = NatsServer(folder / "nats")
        self.postgres = PostgresServer(folder / "postgres")
        self.venue_port, self.http_port = free_port(), free_port()
        for name in ("key", "secret", "other-key", "other-secret"):
            (folder / name).write_text(f"{name}-text")
        (folder / "keys.json").write_text('{"key-text": "secret-text", "other-key-text": "other-secret-text"}')
        self.quarantine_s = quarantine_s
        self.rest_port = rest_port or self.venue_port
        self.venue = self._venue_child()
        self.execution = self.execution_child()

    def start(self) -> None:
        """Start everything and wait until execution is ready."""
        self.nats.start()
        self.postgres.start()
        asyncio.run(self._prepare())
        self.start_venue()
        self.start_execution()

    def stop(self) -> None:
        """Stop everything, also what a test killed."""
        for child in (self.execution, self.venue):
            child.stop()
        self.nats.stop()
        self.postgres.stop()

    def write_config(self, name: str = "seawall.toml", **changes: str) -> Path:
        """Write a configuration for this world, with some values changed."""
        values = {
            "data": str(self.folder / "data"),
            "nats": self.nats.url,
            "database": self.postgres.url,
            "password": str(self.postgres.password_file),
            "venue": str(self.venue_port),
            "rest": str(self.rest_port),
            "folder": str(self.folder),
            "quarantine": str(self.quarantine_s),
            "symbol": BTC,
        }
        path = self.folder / name
        path.write_text(CONFIG.format(**(values | changes)))
        return path

    @property
    def config(self) -> Config:
        """The configuration as services see it."""
        return check_config(tomllib.loads(self.write_config().read_text()), "world")

    def execution_child(self, config: Path | None = None, log: str = "execution.log") -> Child:
        """Return an execution process, not started."""
        address = f"127.0.0.1:{self.http_port}"
        command = [sys.executable, "-m", "seawall_execution.main"]
        command += ["--config", str(config or self.folder / "seawall.toml"), "--http", address]
        return Child("execution", command, self.folder / log)

    def start_venue(self) -> None:
        """Start the paper venue with its old state."""
        self.venue.start()
        wait_for_port(self.venue, self.venue_port, within_s=20)

    def start_execution(self) -> None:
        """Start execution and wait until it is ready."""
        self.write_config()
        self.execution.start()
        self.wait_ready(True)

    def wait_ready(self, wanted: bool, within_s: float = 20) -> str:
        """Wait until ``/readyz`` says so; return its text."""
        deadline = time.monotonic() + within_s
        while True:
            ready, text = self.readiness()
            if ready is wanted:
                return text
            if time.monotonic() > deadline or self.execution.exit_code is not None:
                raise AssertionError(f"ready={ready} {text}\n{self.execution.last_words()}")
            time.sleep(0.05)

    def readiness(self) -> tuple[bool | None, str]:
        """Return what ``/readyz`` says; None where nobody answers."""
        try:
            with urlopen(f"http://127.0.0.1:{self.http_port}/readyz", timeout=2) as answer:
                return True, answer.read().decode()
        except OSError as error:
            text = error.read().decode() if hasattr(error, "read") else str(error)
            return (False if hasattr(error, "code") else None), text

    def metric(self, name: str) -> float:
        """Return the sum of one metric's samples."""
        with urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=2) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    async def bus(self) -> Bus:
        """Return a connected bus."""
        bus = Bus(self.nats.url, service="probe")
        await bus.connect()
        return bus

    async def ledger(self) -> Ledger:
        """Return the ledger as a reader."""
        return await connect(self.config.database, application="probe")

    async def session(self) -> BinanceTradingSession:
        """Return a person's own session at the venue, open."""
        key = self.config.venues[0].guardian_key
        assert key is not None
        place = check_config(tomllib.loads(self.write_config("direct.toml", rest=str(self.venue_port)).read_text()), "")
        session = BinanceTradingSession(place.venues[0], key, clock_ns=now_ns, receive_window_ms=5_000)
        await session.open()
        return session

    def approval(self, name: str, worst_price: Decimal, **changes: Any) -> OrderApproved:
        """Return an approval to buy a little BTC at once."""
        fields: dict[str, Any] = {
            "id": name,
            "venue": VENUE,
            "account": ACCOUNT,
            "ts_received_ns": now_ns(),
            "symbol": BTC,
            "side": "buy",
            "order_type": "market",
            "quantity": Decimal("0.010"),
            "limit_price": None,
            "worst_price": worst_price,
            "reference_price": worst_price,
            "reduce_only": False,
            "strategy": "momentum",
            "signal_id": "signal",
            "stop_distance_bps": 150,
            "epoch": 1,
            "expires_at_ns": now_ns() + 2_000_000_000,
        }
        return OrderApproved(**(fields | changes))

    async def _prepare(self) -> None:
        await migrate(self.config.database)
        bus = await self.bus()
        await ensure_streams(bus)
        await bus.close()

    def _venue_child(self) -> Child:
        command = [sys.executable, "-m", "seawall_paper_venue.main", "--port", str(self.venue_port)]
        command += ["--state", str(self.folder / "venue"), "--keys", str(self.folder / "keys.json")]
        return Child("paper-venue", command, self.folder / "venue.log")


async def until(look: Callable[[], Awaitable[Found | None]], what: str, within_s: float = 10) -> Found:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + within_s
    while True:
        found = await look()
        if found:
            return found
        assert time.monotonic() < deadline, f"never seen: {what}"
        await asyncio.sleep(0.02)
