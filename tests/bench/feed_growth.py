"""What a frame costs our decisions when more symbols share a process: the same frames, dealt to few or many."""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Iterable

from seawall_venues.feeds import FEEDS
from seawall_venues.instruments import unlisted

from .feed_cycle import FeedCycle
from .feed_path import FeedPath
from .feed_server import names_of

ROUNDS = 5
FRAMES = 15_000
FRAMES_PER_MS = 5
NS_PER_MS = 1_000_000
START_MS = 1_700_000_000_000
VENUE = "binance-usdm"


class _Crowd:
    """So many symbols, each on its own place in the cycle."""

    def __init__(self, cycle: FeedCycle, symbols: int) -> None:
        self._cycle = cycle
        names = self._names = names_of(symbols)
        instruments = {name: unlisted(VENUE, name, f"{name.removesuffix('USDT')}-USDT-PERP") for name in names}
        books = {one.symbol: cycle.snapshot for one in instruments.values()}
        self._path = FeedPath(FEEDS[VENUE], instruments, books)
        self._places = dict.fromkeys(names, 0)
        self._choose = random.Random(1).choice
        self._dealt = 0

    def us_per_frame(self) -> float:
        """Play the next frames."""
        frames = [self._next() for _ in range(FRAMES)]
        take = self._path.lane.frame
        gc.collect()
        began_s = time.process_time()
        for payload, ts_received_ns in frames:
            take(payload, ts_received_ns)
        return (time.process_time() - began_s) / FRAMES * 1e6

    def _next(self) -> tuple[bytes, int]:
        name = self._choose(self._names)
        place = self._places[name]
        self._places[name] = place + 1
        self._dealt += 1
        now_ms = START_MS + self._dealt // FRAMES_PER_MS
        return self._cycle.frame(place, name.encode(), now_ms), now_ms * NS_PER_MS


def us_per_frame(symbols: Iterable[int]) -> dict[int, float]:
    """Return the median µs of processor time a frame takes, by how many symbols there are; rounds take turns."""
    cycle = FeedCycle()
    crowds = {number: _Crowd(cycle, number) for number in symbols}
    for crowd in crowds.values():
        crowd.us_per_frame()  # every book is there after this
    rounds = [{number: crowd.us_per_frame() for number, crowd in crowds.items()} for _ in range(ROUNDS)]
    return {number: round(statistics.median(one[number] for one in rounds), 2) for number in crowds}
