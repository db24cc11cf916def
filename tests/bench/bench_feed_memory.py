"""Memory of our path over millions of frames: what is resident after a tenth of them, half, and all.

In a process of its own, so that nothing freed before hides what grows. ``FRAMES=`` for another number.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from seawall_venues.feeds import FEEDS
from seawall_venues.instruments import unlisted

from .feed_cycle import QUOTES, STEP_MS, TRADES, FeedCycle
from .feed_path import FeedPath

NAME = "feed_memory"
FRAMES = 10_000_000
BASES = ("ADA", "BTC", "ETH", "SOL")
FLAT_MIB = 2.0  # less is the allocator's own coming and going
MARKS = (0.1, 0.5, 1.0)
NS_PER_MS = 1_000_000
FRAMES_A_STEP = 1 + QUOTES + TRADES
START_MS = 1_700_000_000_000
DELAY_NS = 5 * NS_PER_MS
MOMENT_MS = 50


def run() -> dict[str, object]:
    """Return the resident memory in MiB at each mark, and the pace."""
    done = subprocess.run([sys.executable, "-m", __name__], stdout=subprocess.PIPE, check=True)
    measured: dict[str, object] = json.loads(done.stdout)
    return measured


def _measured(frames: int) -> dict[str, object]:
    cycle = FeedCycle()
    spec = FEEDS["binance-usdm"]
    instruments = {f"{base}USDT": unlisted(spec.venue, f"{base}USDT", f"{base}-USDT-PERP") for base in BASES}
    path = FeedPath(spec, instruments, {one.symbol: cycle.snapshot for one in instruments.values()})
    symbols = [name.encode() for name in instruments]
    resident: dict[str, float] = {}
    marks = {int(frames * mark): f"{mark:.0%}" for mark in MARKS}
    began_s = time.process_time()
    moment_ms = 0
    for number in range(frames + 1):
        if number in marks:
            resident[marks[number]] = _resident_mib()
        place = number // len(BASES)
        now_ms = START_MS + place * STEP_MS // FRAMES_A_STEP
        path.lane.frame(cycle.frame(place, symbols[number % len(BASES)], now_ms), now_ms * NS_PER_MS + DELAY_NS)
        if now_ms - moment_ms >= MOMENT_MS:
            moment_ms = now_ms
            path.pass_time(now_ms * NS_PER_MS + DELAY_NS)
    spent_s = time.process_time() - began_s
    grown = resident["100%"] - resident["10%"]
    return {
        "frames": frames,
        "symbols": len(BASES),
        "events": path.events,
        "troubles": dict(path.troubles),
        "feeds": sorted({state.feed for state in path.states.values()}),
        "resident_mib": resident,
        "grown_mib": round(grown, 2),
        "is_flat": grown <= FLAT_MIB,
        "us_per_frame_with_making_it": round(spent_s / frames * 1e6, 2),
    }


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20), 2)


if __name__ == "__main__":
    print(json.dumps(_measured(int(os.environ.get("FRAMES", FRAMES)))))
