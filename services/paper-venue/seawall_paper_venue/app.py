"""One application on one port: the market's half, the account's half, and what drives both."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from decimal import Decimal
from random import Random

from aiohttp import web

from seawall_sim.engine import Exchange, Settings
from seawall_sim.instruments import rules_for

from .account_rest import AccountEndpoints
from .algo_rest import AlgoEndpoints
from .clock import wall_ns
from .endpoints import Endpoint, Gate
from .gate import make_gate
from .journal import Journal, JournalError
from .keys import make_keys, read_keys
from .latency import Latency
from .listen_keys import ListenKeys
from .market_hub import MarketHub
from .market_routes import market_routes
from .market_socket import SocketLimits
from .options import Options
from .sources.base import Source
from .sources.choice import open_source
from .sources.errors import SourceError
from .sources.resumed import ResumedSource, TimedSource, beginning_of
from .spot_rest import WalletEndpoints, spot_routes
from .trading_desk import TradingDesk
from .trading_rest import OrderEndpoints
from .usage import Usage
from .user_stream import UserSockets, UserStream

MARKET_WITHIN_S = 30.0  # a real exchange upstream answers within seconds
TICK_S = 0.1  # good-till dates and countdowns are kept to a tenth of a second
KEY_NAMES = ("trade", "guardian", "operator")
BASIS_POINT = Decimal("0.0001")
# a batch of five orders is well below; the venue answers larger requests with an error
MAX_REQUEST_BYTES = 256 * 1024

log = logging.getLogger("seawall.paper_venue")


class PaperVenue:
    """Everything of one simulated exchange. Raises JournalError, KeyFileError or SourceError when made.

    ``source`` takes the place of the one that the options name.
    """

    def __init__(self, options: Options, source: Source | None = None) -> None:
        rules = rules_for(options.symbols)
        self.options = options
        self.failure: Exception | None = None
        self._serving = False
        self.exchange = Exchange(
            rules,
            Settings(
                maker_fee_rate=options.maker_fee_bps * BASIS_POINT,
                taker_fee_rate=options.taker_fee_bps * BASIS_POINT,
                countdown_cancels_conditionals=options.countdown_cancels_conditionals,
            ),
        )
        self.desk = TradingDesk(self.exchange, Journal(options.state), wall_ns)
        self.desk.open(options.funds)
        self.keys = read_keys(options.keys) if options.keys else make_keys(options.state / "keys.json", KEY_NAMES)
        listen_keys = ListenKeys(options.state / "listen-keys.json")
        listen_keys.open()
        followed = self._resume(source or open_source(options.source, rules))
        self.hub = MarketHub(rules, followed, self.desk, options.speed)
        latency = Latency(options.latency_ms, options.jitter_ms, Random(options.seed))  # noqa: S311 - weather
        self.usage = Usage(options.limits)
        self._latency = latency
        self.stream = UserStream(self.exchange, listen_keys, self.hub.broadcaster, latency, self.hub.now_ms)
        self.desk.on_events(self.stream.announce)

    def application(self) -> web.Application:
        """Return the application; it runs the market while it is up."""
        endpoints: list[Endpoint] = [
            *OrderEndpoints(self.desk).endpoints(),
            *AlgoEndpoints(self.desk).endpoints(),
            *AccountEndpoints(self.desk, self.usage.limits).endpoints(),
            *WalletEndpoints(self.desk).endpoints(),
            *self.stream.endpoints(),
        ]
        gate = make_gate(endpoints, self.usage, self._latency, self.hub.now_ms)
        app = web.Application(middlewares=[gate], client_max_size=MAX_REQUEST_BYTES)
        limits = SocketLimits()
        app.add_routes(UserSockets(self.hub, limits, self.stream).routes())
        app.add_routes(Gate(self.keys, self.usage, self.hub.now_ms).routes(endpoints))
        app.add_routes(spot_routes(self.hub))
        app.add_routes(market_routes(self.hub, limits, self.stream.is_private_stream))
        app.cleanup_ctx.append(self._run)
        return app

    def _resume(self, source: Source) -> Source:
        """Let a recorded or generated market go on where the clock says; any other is followed from now on.

        Raises JournalError.
        """
        if not isinstance(source, TimedSource):
            self.desk.follow_market()
            return source
        market = f"{self.options.source} {','.join(self.options.symbols)} {self.options.speed}"
        try:
            begun = beginning_of(self.options.state, market, wall_ns())
        except OSError as error:
            raise JournalError(f"{self.options.state}: {error.strerror}") from error
        return ResumedSource(source, begun, self._caught_up)

    def _caught_up(self) -> None:
        """Show the account the market as it stands now."""
        self.desk.follow_market()
        for market in self.hub.markets.values():
            if market.has_book:
                self.desk.on_book(market.symbol, wall_ns(), market.book)
            self.hub.tell_mark(market, wall_ns())

    async def _run(self, _app: web.Application) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._play(), name="market"), asyncio.create_task(self._tick(), name="clock")]
        for task in tasks:
            task.add_done_callback(self._note_end)
        try:
            await self._wait_for_market(tasks[0])
            self._serving = True
            url = self.options.self_url or f"http://{self.options.host}:{self.options.port}"
            log.info("serving %s from %s at %s", ",".join(self.options.symbols), self.options.source, url)
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.desk.close()

    def _note_end(self, task: asyncio.Task[None]) -> None:
        """End the venue where a task of it broke: one that answers over a market that stands still is worse."""
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self.failure = error
            log.error("%s broke: %r", task.get_name(), error, exc_info=error)
            raise web.GracefulExit from error

    async def _wait_for_market(self, playing: asyncio.Task[None]) -> None:
        """Serve nobody before there is a market: an order would find an empty book. Raises SourceError."""
        ready = asyncio.create_task(self.hub.wait_ready(MARKET_WITHIN_S), name="first-books")
        await asyncio.wait((playing, ready), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        (late,) = await asyncio.gather(ready, return_exceptions=True)
        if self.failure is not None:
            raise self.failure
        if isinstance(late, TimeoutError):
            raise SourceError(f"--source {self.options.source}: no book within {MARKET_WITHIN_S:.0f} s")

    async def _play(self) -> None:
        try:
            await self.hub.run()
        except SourceError as failure:
            self.failure = failure
            if self._serving:
                log.error("the market ended: %s", failure)
                raise web.GracefulExit from failure

    async def _tick(self) -> None:
        ticks_a_second = round(1 / TICK_S)
        count = 0
        while True:
            await asyncio.sleep(TICK_S)
            self.desk.on_clock()
            count += 1
            if count % ticks_a_second == 0:
                self.desk.on_second()
                self.stream.on_second()
