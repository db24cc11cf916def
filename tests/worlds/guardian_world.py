"""The guardian as a real process at the paper venue; NATS and PostgreSQL only where a test starts them."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.request import urlopen

from seawall_cli.embedded import free_port
from seawall_cli.embedded.process import Child, wait_for_port
from seawall_runtime.clock import now_ns
from seawall_runtime.config import KeyConfig, VenueConfig
from seawall_venues.binance.trading_session import BinanceTradingSession
from seawall_venues.ids import client_order_id
from seawall_venues.port import OrderRequest, Outcome, VenueStop

Found = TypeVar("Found")
BTC = "BTC-USDT-PERP"
VENUE, ACCOUNT = "binance-usdm", "paper"

CONFIG = """
mode = "paper"
data_dir = "{data}"
[nats]
url = "{nats}"
[database]
url = "{database}"
{password}
[stop_guardian]
{options}
[[venues]]
name = "binance-usdm"
account = "paper"
rest_url = "http://127.0.0.1:{venue}"
websocket_url = "ws://127.0.0.1:{venue}"
symbols = ["BTC-USDT-PERP", "ETH-USDT-PERP"]
trade_key = {{ key_file = "{folder}/trade.key", secret_file = "{folder}/trade.secret" }}
guardian_key = {{ key_file = "{folder}/guardian.key", secret_file = "{folder}/guardian.secret" }}
"""


class GuardianWorld:
    """A paper venue, a guardian, and a trader with a key of her own."""

    def __init__(self, folder: Path, *, latency_ms: int = 0, options: str = "") -> None:
        self.folder = folder
        self.options = options
        self.data = folder / "data"
        self.venue_port, self.http_port = free_port(), free_port()
        self.nats_url = f"nats://127.0.0.1:{free_port()}"
        self.database_url = f"postgresql://seawall@127.0.0.1:{free_port()}/seawall"
        self.password_file: Path | None = None
        for who in ("trade", "guardian"):
            (folder / f"{who}.key").write_text(f"{who}-key-text")
            (folder / f"{who}.secret").write_text(f"{who}-secret-text")
        pairs = {f"{who}-key-text": f"{who}-secret-text" for who in ("trade", "guardian")}
        (folder / "keys.json").write_text(json.dumps(pairs))
        command = [sys.executable, "-m", "seawall_paper_venue.main", "--port", str(self.venue_port)]
        command += ["--state", str(folder / "venue"), "--keys", str(folder / "keys.json")]
        command += ["--latency-ms", str(latency_ms)]
        self.venue = Child("paper-venue", command, folder / "venue.log")
        self.guardian = Child("stop-guardian", self._command(), folder / "guardian.log")
        self.orders = 0

    @property
    def journal(self) -> Path:
        return self.data / "stop-guardian" / f"{VENUE}-{ACCOUNT}.jsonl"

    def start_venue(self) -> None:
        self.venue.start()
        wait_for_port(self.venue, self.venue_port, within_s=20)

    def start_guardian(self) -> None:
        password = f'password_file = "{self.password_file}"' if self.password_file else ""
        (self.folder / "seawall.toml").write_text(
            CONFIG.format(
                data=self.data,
                nats=self.nats_url,
                database=self.database_url,
                password=password,
                options=self.options,
                venue=self.venue_port,
                folder=self.folder,
            )
        )
        self.guardian.start()
        wait_for_port(self.guardian, self.http_port, within_s=20)

    def stop(self) -> None:
        for child in (self.guardian, self.venue):
            child.stop()

    def ready(self, part: str) -> bool | None:
        """Return what ``/readyz`` says of the first part of that name; None where it says nothing."""
        try:
            with urlopen(f"http://127.0.0.1:{self.http_port}/readyz", timeout=2) as answer:
                text = answer.read()
        except HTTPError as error:
            text = error.read()
        parts: dict[str, dict[str, bool]] = json.loads(text)["parts"]
        return next((state["ok"] for name, state in parts.items() if name.startswith(part)), None)

    def metric(self, name: str) -> float:
        with urlopen(f"http://127.0.0.1:{self.http_port}/metrics", timeout=2) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    @asynccontextmanager
    async def trader(self) -> AsyncIterator[Trader]:
        """Open the trader's session; leave the account flat and without stops."""
        key = KeyConfig(key_file=self.folder / "trade.key", secret_file=self.folder / "trade.secret")
        venue = VenueConfig(
            name="binance-usdm",
            account=ACCOUNT,
            rest_url=f"http://127.0.0.1:{self.venue_port}",
            websocket_url=f"ws://127.0.0.1:{self.venue_port}",
            symbols=(BTC,),
        )
        session = BinanceTradingSession(venue, key, clock_ns=now_ns, receive_window_ms=5_000)
        await session.open()
        try:
            trader = Trader(self, session)
            yield trader
            await trader.go_flat()
        finally:
            await session.close()

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of one kind that wait in the guardian's journal, oldest first."""
        found = []
        for line in self.journal.read_bytes().splitlines():
            event = json.loads(line).get("event", {})
            if event.get("type") == kind:
                found.append(event)
        return found

    def _command(self) -> list[str]:
        command = [sys.executable, "-m", "seawall_stop_guardian.main", "--config", str(self.folder / "seawall.toml")]
        return [*command, "--http", f"127.0.0.1:{self.http_port}"]


class Trader:
    """Somebody who trades the account and looks at it."""

    def __init__(self, world: GuardianWorld, session: BinanceTradingSession) -> None:
        self.world = world
        self.session = session

    async def trade(self, quantity: str | Decimal) -> None:
        """Buy (or, negative, sell) at the market."""
        signed = Decimal(quantity)
        self.world.orders += 1
        result = await self.session.place_order(
            OrderRequest(
                client_order_id=client_order_id(str(self.world.orders), VENUE, ACCOUNT, str(self.world.folder)),
                symbol=BTC,
                side="buy" if signed > 0 else "sell",
                order_type="market",
                quantity=abs(signed),
            )
        )
        assert result.outcome is Outcome.ACCEPTED, result

    async def position(self) -> Decimal:
        return next((one.quantity for one in await self.session.positions() if one.symbol == BTC), Decimal(0))

    async def stops(self) -> tuple[VenueStop, ...]:
        return await self.session.open_stops(BTC)

    async def one_stop(self, quantity: str, *, within_s: float = 5, other_than: str = "") -> VenueStop:
        """Wait until exactly one stop rests, of this quantity."""

        async def look() -> VenueStop | None:
            found = await self.stops()
            fits = len(found) == 1 and found[0].quantity == Decimal(quantity)
            return found[0] if fits and found[0].client_stop_id != other_than else None

        return await until(look, f"one stop of {quantity}", within_s)

    async def no_stop(self, within_s: float = 8) -> None:
        async def look() -> bool:
            return not await self.stops()

        await until(look, "no stop", within_s)

    async def flat(self, within_s: float = 8) -> None:
        async def look() -> bool:
            return await self.position() == 0

        await until(look, "no position", within_s)

    async def go_flat(self) -> None:
        position = await self.position()
        if position:
            await self.trade(-position)
        await self.no_stop()


async def until(look: Callable[[], Awaitable[Found | None]], what: str, within_s: float) -> Found:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + within_s
    while True:
        found = await look()
        if found:
            return found
        assert time.monotonic() < deadline, f"never seen: {what}"
        await asyncio.sleep(0.02)
