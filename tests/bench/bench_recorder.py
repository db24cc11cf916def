"""Recorder: trades waiting in a JetStream stream, into PostgreSQL once each; the floor is bare asyncpg COPY.

The floor copies the same rows, ready-made, into the same table in batches of 1 000 and as large as
the recorder's own. Both start from an empty table. What the recorder does besides: fetch from the
stream, check that nothing is missing, decode, make rows, keep the position in the same transaction.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from seawall_cli.embedded import NatsServer, PostgresServer
from seawall_ledger.history import TRADES, Row, trade_row
from seawall_ledger.migrate import migrate
from seawall_proto import TradePrinted, encode, subject_of
from seawall_recorder.effects import BATCH, RecorderEffects
from seawall_runtime.bus import Bus
from seawall_runtime.config import Config, DatabaseConfig, NatsConfig
from seawall_runtime.context import Context
from seawall_runtime.inbox import Inbox
from seawall_runtime.metrics import Metrics
from seawall_runtime.streams import ensure_streams

NAME = "recorder"
ROWS = 300_000
ROUNDS = 3
START_NS = 1_790_000_000_000_000_000


def trade(number: int) -> TradePrinted:
    """Return one trade as market-data would say it."""
    return TradePrinted(
        id=f"binance-usdm.BTC-USDT-PERP.trade.{number}",
        ts_received_ns=START_NS + number * 1_000 + 5,
        venue="binance-usdm",
        symbol="BTC-USDT-PERP",
        ts_venue_ns=START_NS + number * 1_000,
        trade_id=str(number),
        price=60_000.1 + number % 100,
        quantity=0.001 * (number % 50 + 1),
        aggressor="buy" if number % 2 else "sell",
    )


async def fill_stream(url: str) -> list[Row]:
    """Put the trades into the stream and return the rows that they make."""
    rows = []
    async with Bus(url, service="bench") as bus:
        await ensure_streams(bus)
        for number in range(ROWS):
            event = trade(number)
            rows.append(trade_row(event))
            await bus.link.send(subject_of(event), encode(event))
            if number % 500 == 0:
                await bus.link.flush(5)
        while int((await bus.api("STREAM.INFO.MARKET"))["state"]["messages"]) < ROWS:
            await asyncio.sleep(0.05)
    return rows


async def bare_copy(connection: asyncpg.Connection, rows: Sequence[Row], batch: int) -> float:
    """Return rows/s of asyncpg's COPY alone."""
    await connection.execute("TRUNCATE trades")
    started = time.perf_counter()
    for at in range(0, len(rows), batch):
        await connection.copy_records_to_table("trades", records=rows[at : at + batch], columns=TRADES.columns)
    return len(rows) / (time.perf_counter() - started)


async def recorded(connection: asyncpg.Connection, config: Config) -> float:
    """Return rows/s from the recorder's start until every trade of the stream is committed."""
    await connection.execute("TRUNCATE trades, stream_positions")
    metrics = Metrics("recorder")
    async with Bus(config.nats.url, service="recorder", metrics=metrics) as bus:
        context = Context(
            service="recorder",
            instance="0",
            config=config,
            bus=bus,
            log=logging.getLogger("bench"),
            metrics=metrics,
            inbox=Inbox(),
        )
        effects = RecorderEffects(context)
        started = time.perf_counter()
        await effects.start()
        while await connection.fetchval("SELECT sequence FROM stream_positions WHERE stream = 'MARKET'") != ROWS:
            await asyncio.sleep(0.02)
        seconds = time.perf_counter() - started
        await effects.stop()
    found = await connection.fetchval("SELECT count(*) FROM trades")
    if found != ROWS:
        raise AssertionError(f"{found} rows, expected {ROWS}")
    return ROWS / seconds


async def measure(nats: NatsServer, postgres: PostgresServer, folder: Path) -> dict[str, Any]:
    """Take turns, so that whatever else the machine does hits all alike."""
    config = Config(
        data_dir=folder,
        nats=NatsConfig(url=nats.url),
        database=DatabaseConfig(url=postgres.url, password_file=postgres.password_file),
    )
    await migrate(config.database)
    rows = await fill_stream(nats.url)
    connection = await asyncpg.connect(postgres.url, password=postgres.password_file.read_text())
    rounds = [
        (
            await bare_copy(connection, rows, 1_000),
            await bare_copy(connection, rows, BATCH),
            await recorded(connection, config),
        )
        for _ in range(ROUNDS)
    ]
    await connection.close()
    small, large, ours = (statistics.median(column) for column in zip(*rounds, strict=True))
    return {
        "rows": ROWS,
        "rows_per_second": round(ours),
        "asyncpg_copy_of_1000_rows_per_second": round(small),
        f"asyncpg_copy_of_{BATCH}_rows_per_second": round(large),
        "ratio_to_copy_of_1000": round(statistics.median(mine / theirs for theirs, _, mine in rounds), 2),
    }


def run() -> dict[str, Any]:
    """Start both servers, measure, stop both."""
    logging.getLogger("seawall_ledger").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nats, postgres = NatsServer(folder / "nats"), PostgresServer(folder / "postgres")
        nats.start()
        postgres.start()
        try:
            return uvloop.run(measure(nats, postgres, folder))
        finally:
            nats.stop()
            postgres.stop()
