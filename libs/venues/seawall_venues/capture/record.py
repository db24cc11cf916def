"""Records some instruments of one venue: every frame, with the snapshots that a replay needs to begin."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seawall_venues.feed import Channel
from seawall_venues.feed_session import FeedSession
from seawall_venues.instruments import find_instrument
from seawall_venues.port import Instrument, VenueError
from seawall_venues.wire import FeedOptions, FeedSpec

from .write import CaptureWriter

SNAPSHOT_PAUSE_S = 0.5  # so that the snapshot is newer than the first update
SNAPSHOT_TRIES = 5


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """What to record, and where to. A file ends after ``max_bytes`` uncompressed or ``max_age_ns``."""

    spec: FeedSpec
    rest_url: str
    websocket_url: str
    symbols: Sequence[str]
    folder: Path
    options: FeedOptions
    max_bytes: int
    max_age_ns: int


class Recorder:
    """Keeps a venue's feed flowing into files until cancelled."""

    def __init__(self, plan: RecordPlan, *, now_ns: Callable[[], int], jitter: random.Random) -> None:
        self._plan = plan
        self._jitter = jitter
        self.writer = CaptureWriter(
            plan.folder,
            plan.spec.venue,
            is_listing=plan.spec.is_listing,
            max_bytes=plan.max_bytes,
            max_age_ns=plan.max_age_ns,
            on_rotation=self._begin_books_anew,
        )
        self._session = FeedSession(
            plan.spec,
            rest_url=plan.rest_url,
            websocket_url=plan.websocket_url,
            listener=self,
            now_ns=now_ns,
            jitter=jitter,
            options=plan.options,
            tap=self.writer,
        )
        self._instruments: dict[str, Instrument] = {}
        self._awaiting: set[str] = set()  # symbols whose next depth frame sets off a snapshot over REST
        self._tasks: set[asyncio.Task[None]] = set()
        self.frames = 0
        self.refusals: list[str] = []

    async def run(self) -> None:
        """Record until cancelled. Raises UnknownInstrumentError, or VenueError where the lists cannot be read."""
        listed = await self._session.instruments()
        self._instruments = {symbol: find_instrument(listed, symbol) for symbol in self._plan.symbols}
        try:
            await self._session.run(tuple(self._instruments.values()))
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._session.close()
            self.writer.close()

    def on_frame(self, symbol: str, channel: Channel, payload: bytes, ts_received_ns: int) -> None:
        """Count it; the first update of a book sets off its snapshot."""
        self.frames += 1
        if channel == "depth" and symbol in self._awaiting:
            self._awaiting.discard(symbol)
            task = asyncio.get_running_loop().create_task(self._snapshot(self._instruments[symbol]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def on_lost(self, symbol: str, channels: tuple[Channel, ...], reason: str, ts_received_ns: int) -> None:
        """What was lost stands in the recording as it came."""

    def on_connection(
        self, symbol: str, channels: tuple[Channel, ...], connected: bool, reason: str, ts_received_ns: int
    ) -> None:
        """A new connection needs a new snapshot where that does not come on the stream."""
        if connected and "depth" in channels and self._plan.spec.dialect.resync == "snapshot":
            self._awaiting.add(symbol)

    def on_refused(self, symbol: str, channel: Channel, reason: str, is_final: bool, ts_received_ns: int) -> None:
        """Keep what the venue said, for whoever asks."""
        self.refusals.append(f"{channel} of {symbol}: {reason}")

    def _begin_books_anew(self) -> None:
        """A new file stands alone: its books begin with snapshots of their own."""
        if self._plan.spec.dialect.resync == "snapshot":
            self._awaiting.update(self._instruments)
        else:
            for symbol in self._instruments:
                self._session.renew(symbol, "depth", 1)

    async def _snapshot(self, instrument: Instrument) -> None:
        for attempt in range(SNAPSHOT_TRIES):
            await asyncio.sleep(SNAPSHOT_PAUSE_S * 2**attempt * (0.5 + self._jitter.random()))
            try:
                await self._session.snapshot(instrument)  # the tap writes it down
            except VenueError:
                continue
            return
