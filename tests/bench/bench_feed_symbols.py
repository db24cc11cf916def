"""Many symbols in one process: how long a frame takes from its arrival to its events at the bus, and what it costs.

Frames come over real sockets from a process on another core. The whole of market-data's own shell is in
between; only the bus is stood in for, by one that encodes and addresses events as the real one does.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from statistics import quantiles
from typing import Any, cast

import msgspec
import structlog
import uvloop

from seawall_market_data.facts import MomentPassed
from seawall_market_data.service import SERVICE, initial
from seawall_market_data.venue_effects import MOMENT_EVERY_S, VenueFeed
from seawall_proto import Event, encode, subject_of
from seawall_runtime.bus import Bus
from seawall_runtime.clock import now_ns
from seawall_runtime.config import Config, MarketDataConfig, VenueConfig
from seawall_runtime.context import Context
from seawall_runtime.inbox import Inbox
from seawall_runtime.metrics import Metrics
from seawall_venues.feed import Channel

from . import feed_server
from .feed_growth import us_per_frame
from .feed_server import SENT_DIGITS, names_of

NAME = "feed_symbols"
SYMBOLS = (10, 50, 200)
FRAMES_PER_S = 5_000
START_S = 60.0
SETTLE_S = 4.0
MEASURE_S = 12.0
BAR_MS = 10_000  # so that each measurement holds the end of a bar, of all symbols at once
MOMENTS = 2_000
VENUE = "binance-usdm"


class _Bus:
    """Takes events as the bus does, and notes how long they took."""

    connected = True

    def __init__(self) -> None:
        self.sent_ns = self.received_ns = 0  # of the frame that is decided on
        self.from_receipt = array("q")
        self.from_venue = array("q")

    def publish_nowait(self, event: Event, *, headers: dict[str, str] | None = None) -> bool:
        """Encode and address an event."""
        subject_of(event)
        encode(event)
        if event.ts_received_ns == self.received_ns:  # others were held back by their pace, or come by time
            handed_ns = now_ns()
            self.from_receipt.append(handed_ns - self.received_ns)
            self.from_venue.append(handed_ns - self.sent_ns)
        return True


class _Feed(VenueFeed):
    """The real one; it also reads when the server sent a frame."""

    def __init__(self, context: Context, config: VenueConfig, states: dict[str, Any], bus: _Bus) -> None:
        super().__init__(context, config, states)
        self._noted = bus
        self.frames = 0

    def on_frame(self, symbol: str, channel: Channel, payload: bytes, ts_received_ns: int) -> None:
        """Decide on a frame."""
        self._noted.sent_ns, self._noted.received_ns = int(payload[-1 - SENT_DIGITS : -1]), ts_received_ns
        self.frames += 1
        super().on_frame(symbol, channel, payload, ts_received_ns)


def run() -> Iterator[dict[str, object]]:
    """Yield delays in ms and the cost of a frame, for few symbols and for many at the same pace of frames."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    try:
        decisions_us = us_per_frame(SYMBOLS)
        with suppress(PermissionError):  # other work on this machine is no delay of ours
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        for symbols in SYMBOLS:
            with _serving(symbols, cores[-1]) as port, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                measured = runner.run(_measured(symbols, port))
            measured["decisions_us_per_frame"] = decisions_us[symbols]
            alone = {"core": len(cores) > 1, "priority": os.sched_getscheduler(0) == os.SCHED_FIFO}
            yield {**measured, "of_its_own": alone}
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.sched_setaffinity(0, cores)


@contextmanager
def _serving(symbols: int, core: int) -> Iterator[int]:
    """Run the server and yield its port."""
    command = [sys.executable, "-m", feed_server.__name__, str(symbols), str(FRAMES_PER_S), str(core)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield int(server.stdout.readline())
        server.communicate()


async def _measured(symbols: int, port: int) -> dict[str, object]:
    bus = _Bus()
    feed, states = _feed(symbols, port, bus)
    try:
        async with asyncio.timeout(START_S):
            await feed.start()
            while not all(state.feed == "live" and state.trades.is_whole for state in states.values()):
                await asyncio.sleep(0.05)
        await asyncio.sleep(SETTLE_S)
        del bus.from_receipt[:], bus.from_venue[:]
        frames, cpu_s, began_s = feed.frames, time.process_time(), time.perf_counter()
        await asyncio.sleep(MEASURE_S)
        frames, cpu_s, took_s = feed.frames - frames, time.process_time() - cpu_s, time.perf_counter() - began_s
    finally:
        await feed.stop()
    return {
        "symbols": symbols,
        "frames_per_s": round(frames / took_s),
        "events_per_frame": round(len(bus.from_receipt) / frames, 2),
        "receipt_to_bus_ms": _spread(bus.from_receipt),
        "sent_to_bus_ms": _spread(bus.from_venue),
        "cpu_share": round(cpu_s / took_s, 3),
        "cpu_us_per_frame": round(cpu_s / frames * 1e6, 1),
        "of_it_passing_time_us": round(_moment_s(states) * symbols / MOMENT_EVERY_S * took_s / frames * 1e6, 1),
        "resyncs": sum(state.tally.resyncs for state in states.values()),
    }


def _feed(symbols: int, port: int, bus: _Bus) -> tuple[_Feed, dict[str, Any]]:
    names = tuple(f"{name.removesuffix('USDT')}-USDT-PERP" for name in names_of(symbols))
    url = f"127.0.0.1:{port}"
    venue = VenueConfig(VENUE, "bench", f"http://{url}", f"ws://{url}", names)
    config = msgspec.structs.replace(Config(), market_data=MarketDataConfig(bar_interval_ms=BAR_MS))
    silent = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr), wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR)
    )
    context = Context(
        service=SERVICE.name,
        instance="0",
        config=config,
        bus=cast(Bus, bus),
        log=silent,
        metrics=Metrics(SERVICE.name),
        inbox=Inbox(),
    )
    make = initial(config)
    states = {name: make((VENUE, name)) for name in names}
    return _Feed(context, venue, states, bus), states


def _moment_s(states: dict[str, Any]) -> float:
    """Return how long one symbol's look at the clock takes: it comes by time, not by frames."""
    state = next(iter(states.values()))
    fact = MomentPassed(venue=state.venue, symbol=state.symbol, ts_received_ns=state.heard_ns)
    began_s = time.process_time()
    for _ in range(MOMENTS):
        SERVICE.on[MomentPassed](state, fact)
    return (time.process_time() - began_s) / MOMENTS


def _spread(delays_ns: array[int]) -> dict[str, float]:
    hundredths = quantiles(delays_ns, n=1_000)
    names = {"p50": hundredths[499], "p99": hundredths[989], "p999": hundredths[998], "max": max(delays_ns)}
    return {name: round(delay_ns / 1e6, 3) for name, delay_ns in names.items()}
