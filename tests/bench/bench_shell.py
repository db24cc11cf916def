"""What the shell costs: an event through the whole loop, and a message through the durable consumer."""

from __future__ import annotations

import asyncio
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog

from seawall_cli.embedded import NatsServer
from seawall_proto import Event, QuoteTicked, TradePrinted, decode, encode
from seawall_runtime.app import App
from seawall_runtime.bus import Bus
from seawall_runtime.config import Config, NatsConfig
from seawall_runtime.consumers import ConsumerSpec
from seawall_runtime.inbox import FlowMessage
from seawall_runtime.process import Process
from seawall_runtime.pull import Pulled, Puller
from seawall_runtime.service import Key, Service, State, step

NAME = "shell"
EVENTS = 10_000  # fits the inbox, so none is dropped
MESSAGES = 500
SUBJECT = "md.trade.binance-usdm.BTC-USDT-PERP"


def _tick(number: int) -> TradePrinted:
    return TradePrinted(
        id=f"{number:032x}",
        venue="binance-usdm",
        symbol="BTC-USDT-PERP",
        ts_venue_ns=1,
        ts_received_ns=1,
        trade_id=str(number),
        price=60_000.1,
        quantity=0.5,
        aggressor="buy",
    )


def _on_trade(state: list[int], event: TradePrinted) -> tuple[list[int], Sequence[Event]]:
    state[0] += 1
    quote = QuoteTicked(
        venue=event.venue,
        symbol=event.symbol,
        ts_venue_ns=event.ts_venue_ns,
        update_id=1,
        bid_price=event.price,
        bid_quantity=1,
        ask_price=event.price,
        ask_quantity=1,
    )
    return state, (quote,)


SERVICE = Service("bench", {TradePrinted: _on_trade}, (QuoteTicked,), lambda event: event.symbol)


def run() -> dict[str, object]:
    """Return processor time in us per event, and publish-to-handler delays in ms beside core NATS's own."""
    with tempfile.TemporaryDirectory(prefix="seawall-bench-") as directory:
        server = NatsServer(Path(directory) / "nats")
        server.start()
        try:
            bare_us = _bare_us()
            loop_us = asyncio.run(_loop_us(server.url, Path(directory)))
            core_ms, pull_ms = asyncio.run(_delays_ms(server.url))
        finally:
            server.stop()
    return {
        "decode_step_encode_us": round(bare_us, 2),
        "loop_with_publish_us": round(loop_us, 2),
        "loop_to_bare": round(loop_us / bare_us, 2),
        "core_p50_ms": round(statistics.median(core_ms), 3),
        "consumer_p50_ms": round(statistics.median(pull_ms), 3),
        "consumer_p99_ms": round(statistics.quantiles(pull_ms, n=100)[98], 3),
    }


def _bare_us() -> float:
    data, states = encode(_tick(1)), dict[Key, State]()
    began = time.process_time()
    for _ in range(EVENTS):
        for said in step(SERVICE, states, lambda key: [0], decode(data)):
            encode(said)  # type: ignore[arg-type]
    return (time.process_time() - began) / EVENTS * 1e6


async def _loop_us(url: str, directory: Path) -> float:
    seen = [0]
    config = msgspec.structs.replace(Config(), nats=NatsConfig(url=url), data_dir=directory)
    silent = structlog.make_filtering_bound_logger(logging.CRITICAL)
    log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr), wrapper_class=silent)
    process = Process(App(SERVICE, lambda _: lambda key: seen), config, "0", log)
    running = asyncio.create_task(process.run(None))
    while not process.inbox.open:
        await asyncio.sleep(0.01)
    messages = [FlowMessage(SUBJECT, encode(_tick(number)), None) for number in range(EVENTS)]
    began = time.process_time()
    for message in messages:
        process.inbox.offer_flow(message)
    while seen[0] < EVENTS:
        await asyncio.sleep(0)
    await process.bus.link.flush(5)
    took_s = time.process_time() - began
    process.stop()
    await running
    return took_s / EVENTS * 1e6


async def _delays_ms(url: str) -> tuple[list[float], list[float]]:
    core: asyncio.Queue[object] = asyncio.Queue()
    pulled: asyncio.Queue[Pulled] = asyncio.Queue()
    async with Bus(url, service="publisher") as publisher, Bus(url, service="taker") as taker:
        await taker.subscribe("risk.bench.core", core.put)
        puller = Puller(taker, ConsumerSpec("LEDGER", "bench", ("risk.bench.pull",)), pulled.put_nowait)
        await puller.start()
        core_ms, pull_ms = [], []
        for _ in range(MESSAGES):
            began = time.perf_counter()
            await publisher.link.send("risk.bench.core", b"{}")
            await core.get()
            core_ms.append((time.perf_counter() - began) * 1e3)
            began = time.perf_counter()
            await publisher.link.send("risk.bench.pull", b"{}")
            message = await pulled.get()
            pull_ms.append((time.perf_counter() - began) * 1e3)
            await puller.ack(message)
        await puller.stop()
    return core_ms, pull_ms
