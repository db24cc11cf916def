"""The reads at a venue that decisions ask for, repeated with backoff; what comes of them is a fact again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from seawall_venues.feed_session import FeedSession
from seawall_venues.port import Instrument, VenueError

from .commands import FetchBars, FetchSnapshot, FetchTrades, PollBook
from .facts import BarsFetched, BookPolled, FeedFact, SnapshotFetched, TradesFetched
from .feed_metrics import FeedMetrics

FIRST_PAUSE_S = 0.25
LAST_PAUSE_S = 10.0
BARS_SETTLE_S = 1.0  # the venue's candle is final a moment after its end
MAX_BARS_TRIES = 5  # then the bar stays missing, which its readers see


class VenueReads:
    """Performs the commands of one venue's symbols."""

    def __init__(
        self,
        session: FeedSession,
        instrument_of: Callable[[str], Instrument],
        react: Callable[[FeedFact], None],
        metrics: FeedMetrics,
        now_ns: Callable[[], int],
        jitter: random.Random,
    ) -> None:
        self._session = session
        self._instrument_of = instrument_of
        self._react = react
        self._metrics = metrics
        self._now_ns = now_ns
        self._jitter = jitter

    async def snapshot(self, command: FetchSnapshot, wanted: Callable[[], bool]) -> None:
        """Read the book, again and again while this very answer is waited for."""
        attempt = command.attempt
        while wanted():
            await self.pause(attempt)
            payload = await self._try_read("depth", lambda: self._session.snapshot(self._instrument_of(command.symbol)))
            if payload is not None:
                self._react(
                    SnapshotFetched(
                        venue=command.venue,
                        symbol=command.symbol,
                        request=command.request,
                        payload=payload,
                        ts_received_ns=self._now_ns(),
                    )
                )
                return
            attempt += 1

    async def poll(self, command: PollBook) -> None:
        """Read the book, once; the next poll is due soon anyway."""
        payload = await self._try_read("poll", lambda: self._session.snapshot(self._instrument_of(command.symbol)))
        if payload is not None:
            self._react(
                BookPolled(
                    venue=command.venue,
                    symbol=command.symbol,
                    payload=payload,
                    ts_received_ns=self._now_ns(),
                )
            )

    async def trades(self, command: FetchTrades) -> None:
        """Read the newest trades, once; whether to try again is decided on the answer."""
        await self.pause(command.attempt)
        payload = await self._try_read("trades", lambda: self._session.trades(self._instrument_of(command.symbol)))
        self._react(
            TradesFetched(
                venue=command.venue,
                symbol=command.symbol,
                request=command.request,
                payload=payload,
                ts_received_ns=self._now_ns(),
            )
        )

    async def bars(self, command: FetchBars) -> None:
        """Read the venue's own candles, a bounded number of times."""
        await asyncio.sleep(BARS_SETTLE_S)
        for attempt in range(MAX_BARS_TRIES):
            await self.pause(attempt)
            payload = await self._try_read(
                "bars",
                lambda: self._session.bars(
                    self._instrument_of(command.symbol), command.interval_ms, command.ts_from_ns, command.ts_to_ns
                ),
            )
            if payload is not None:
                self._react(
                    BarsFetched(
                        venue=command.venue,
                        symbol=command.symbol,
                        interval_ms=command.interval_ms,
                        payload=payload,
                        ts_received_ns=self._now_ns(),
                    )
                )
                return

    async def _try_read(self, what: str, read: Callable[[], Awaitable[bytes]]) -> bytes | None:
        try:
            return await read()
        except VenueError as error:
            self._metrics.read_failed(what, error)
            return None

    async def pause(self, attempt: int) -> None:
        """Wait before a repeated read: longer each time, give or take a half."""
        if attempt:
            pause_s = min(FIRST_PAUSE_S * 2 ** min(attempt - 1, 16), LAST_PAUSE_S)
            await asyncio.sleep(pause_s * (0.5 + self._jitter.random()))
