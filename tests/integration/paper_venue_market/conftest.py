"""A venue with nothing but its market half, on a free loopback port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from seawall_cli.embedded import free_port
from seawall_paper_venue.book import VenueBook
from seawall_paper_venue.market_hub import MarketHub
from seawall_paper_venue.market_routes import market_routes
from seawall_paper_venue.market_socket import SocketLimits
from seawall_paper_venue.sources import Source, SyntheticSource
from seawall_sim.instruments import rules_for
from seawall_sim.market import MarketOptions

SYMBOLS = ("BTCUSDT", "ETHUSDT")


@dataclass
class Listener:
    """Remembers what the matching engine would have been told."""

    books: list[tuple[str, int]] = field(default_factory=list)
    trades: list[tuple[str, int, Decimal, Decimal, bool]] = field(default_factory=list)
    marks: list[tuple[str, int, Decimal, Decimal, Decimal]] = field(default_factory=list)

    def on_book(self, symbol: str, ts_ns: int, book: VenueBook) -> None:
        self.books.append((symbol, ts_ns))

    def on_trade(self, symbol: str, ts_ns: int, price: Decimal, quantity: Decimal, buyer_is_maker: bool) -> None:
        self.trades.append((symbol, ts_ns, price, quantity, buyer_is_maker))

    def on_mark(self, symbol: str, ts_ns: int, mark: Decimal, index: Decimal, funding_rate: Decimal) -> None:
        self.marks.append((symbol, ts_ns, mark, index, funding_rate))


@dataclass
class Venue:
    """A running venue. ``url`` is ``http://127.0.0.1:<port>``."""

    hub: MarketHub
    listener: Listener
    session: aiohttp.ClientSession
    runner: web.AppRunner
    task: asyncio.Task[None]
    url: str

    @property
    def socket_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    async def get(self, path: str, status: int = 200) -> object:
        async with self.session.get(self.url + path, headers={"X-MBX-APIKEY": "key"}) as response:
            assert response.status == status, await response.text()
            return await response.json()

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.session.close()
        await self.runner.cleanup()


StartVenue = Callable[..., Awaitable[Venue]]


async def launch(
    source: Source | None = None,
    *,
    symbols: tuple[str, ...] = SYMBOLS,
    speed: float = 1.0,
    limits: SocketLimits | None = None,
    port: int = 0,
    is_private_stream: Callable[[str], bool] | None = None,
    wait: bool = True,
) -> Venue:
    rules = rules_for(symbols)
    listener = Listener()
    hub = MarketHub(rules, source or SyntheticSource(rules.values(), 1, MarketOptions(rate=3)), listener, speed)
    app = web.Application()
    app.add_routes(market_routes(hub, limits, is_private_stream))
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
    host, bound = runner.addresses[0][:2]
    url = f"http://{host}:{bound}"
    venue = Venue(hub, listener, aiohttp.ClientSession(), runner, asyncio.create_task(hub.run()), url)
    if wait:
        await hub.wait_ready(10)
    return venue


@pytest_asyncio.fixture(loop_scope="module")
async def start_venue() -> AsyncIterator[StartVenue]:
    """A function that starts a venue; all of them are stopped after the test."""
    venues: list[Venue] = []

    async def start(*arguments: Any, **options: Any) -> Venue:
        venues.append(await launch(*arguments, **options))
        return venues[-1]

    yield start
    for venue in venues:
        await venue.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def venue() -> AsyncIterator[Venue]:
    """A venue on the seeded market, three times as busy as usual, with trades already printed."""
    started = await launch()
    async with asyncio.timeout(10):
        while any(len(market.aggregates) < 3 or market.mark is None for market in started.hub.markets.values()):
            await asyncio.sleep(0.05)
    yield started
    await started.stop()


@pytest.fixture
def unused_port() -> int:
    """A port that nothing listens on."""
    return free_port()
