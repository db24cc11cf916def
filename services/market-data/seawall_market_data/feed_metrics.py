"""What a venue's feed tells the metrics, bound once so that a frame costs next to nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any, get_args

from seawall_proto import FeedState
from seawall_runtime.metrics import Metrics
from seawall_venues.feed import Channel

from .commands import NoteTrouble

SAMPLE_EVERY = 16  # frames timed: enough for a p99 within seconds, too few to cost anything
LOG_FIRST = 10  # troubles of one kind logged one by one; then each thousandth
LOG_EVERY = 1_000
_STATES: tuple[str, ...] = get_args(FeedState)
_CHANNELS: tuple[Channel, ...] = get_args(Channel)


class FeedMetrics:
    """Counters of one venue."""

    def __init__(self, metrics: Metrics, log: Any, venue: str) -> None:
        self._metrics = metrics
        self._log = log
        self._venue = venue
        self._frames = {
            channel: metrics.counter("seawall_frames_total", venue=venue, kind=channel) for channel in _CHANNELS
        }
        self._seen = 0
        self._troubles: Counter[str] = Counter()

    def frame(self, channel: Channel) -> bool:
        """Count a frame; True where it is one to time."""
        self._frames[channel].inc()
        self._seen += 1
        return self._seen % SAMPLE_EVERY == 0

    def timed(self, seconds: float) -> None:
        """Note how long a frame took until its events were handed to the bus."""
        self._metrics.observe("seawall_frame_to_event_seconds", seconds, venue=self._venue)

    def feed(self, symbol: str, state: FeedState) -> None:
        """Show the present state as the only 1 among the states."""
        for name in _STATES:
            value = 1.0 if name == state else 0.0
            self._metrics.set("seawall_feed_state", value, venue=self._venue, symbol=symbol, state=name)

    def clock(self, offset_ns: int) -> None:
        """Show how far the venue's clock is ahead of ours."""
        self._metrics.set("seawall_venue_clock_offset_seconds", offset_ns / 1e9, venue=self._venue)

    def read_failed(self, what: str, error: Exception) -> None:
        """Count and log a read at the venue that failed and will be tried again."""
        self._metrics.count("seawall_venue_reads_failed_total", venue=self._venue, what=what)
        if self._is_told(what):
            self._log.warning(f"{what} not read: {error}", venue=self._venue)

    def trouble(self, note: NoteTrouble) -> None:
        """Count and log something that was wrong with a feed."""
        venue, symbol, kind = note.venue, note.symbol, note.kind
        self._metrics.count("seawall_feed_troubles_total", venue=venue, symbol=symbol, kind=kind)
        if kind == "book_gap":
            self._metrics.count("seawall_book_gaps_total", venue=venue, symbol=symbol)
        if self._is_told(kind):
            self._log.warning(f"{kind}: {note.detail}", venue=venue, symbol=symbol, count=self._troubles[kind])

    def _is_told(self, kind: str) -> bool:
        self._troubles[kind] += 1
        return self._troubles[kind] <= LOG_FIRST or self._troubles[kind] % LOG_EVERY == 0
