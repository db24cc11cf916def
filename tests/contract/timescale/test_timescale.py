"""The statements for TimescaleDB, against the real extension."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from types import SimpleNamespace

import asyncpg
import pytest

from seawall_ledger import SCHEMA_VERSION, connect
from seawall_ledger.migrate import migrate, render_upgrade
from seawall_ledger.timescale import DAY_NS, HYPERTABLES
from seawall_proto import Event, TradePrinted, encode
from seawall_recorder.batch import Taken
from seawall_recorder.source import Message
from seawall_recorder.writer import Writer

MINUTE_NS = 60_000_000_000
NOON_NS = 1_790_000_040_000_000_000  # the start of a minute


def trade(number: int, ts_ns: int, price: float = 100.0, quantity: float = 1.0, aggressor: str = "buy") -> TradePrinted:
    return TradePrinted(
        id=f"trade-{number}",
        ts_received_ns=ts_ns + 1,
        venue="binance-usdm",
        symbol="BTC-USDT-PERP",
        ts_venue_ns=ts_ns,
        trade_id=str(number),
        price=price,
        quantity=quantity,
        aggressor=aggressor,  # type: ignore[arg-type]
    )


EARLY = [trade(number, NOON_NS + number * 7_000_000_000, 100.0 + number % 5) for number in range(20)]


async def ask(url: str, query: str, *arguments: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        found: list[asyncpg.Record] = await connection.fetch(query, *arguments)
        return found
    finally:
        await connection.close()


async def write(url: str, events: Sequence[Event], first_sequence: int = 1) -> dict[str, int]:
    """Write as the recorder does: messages of a stream, in one batch."""
    counted: dict[str, int] = {}
    lost: list[str] = []
    settings = SimpleNamespace(url=url, password_file=None)
    writer = Writer(
        settings,
        give_up=lambda stream, message, reason: lost.append(reason),
        count=lambda table, number: counted.update({table: counted.get(table, 0) + number}),
        log=logging.getLogger("test"),
    )
    messages = [
        Message(b"md.trade", b"$JS.ACK.MARKET.recorder.1.%d.1.5.0" % sequence, encode(event))
        for sequence, event in enumerate(events, first_sequence)
    ]
    await writer.write([Taken("MARKET", messages)])
    await writer.close()
    assert not lost
    return counted


@pytest.fixture(scope="module")
def database(timescale_url: str) -> str:
    """A database that was plain, held trades, and was then migrated with the extension at hand."""

    async def make() -> None:
        connection = await asyncpg.connect(timescale_url)
        await connection.execute(render_upgrade(None))
        await connection.close()
        await write(timescale_url, EARLY)
        assert await migrate(timescale_url) == SCHEMA_VERSION

    asyncio.run(make())
    return timescale_url


async def test_a_plain_database_that_gains_the_extension_keeps_its_rows_in_hypertables(database: str) -> None:
    rows = await ask(database, "SELECT hypertable_name AS name FROM timescaledb_information.hypertables")
    assert {row["name"] for row in rows} >= {table.name for table in HYPERTABLES}
    assert (await ask(database, "SELECT count(*) FROM trades"))[0][0] == len(EARLY)


async def test_migrating_again_changes_nothing(database: str) -> None:
    before = await ask(database, "SELECT count(*) FROM timescaledb_information.jobs")
    assert await migrate(database) == SCHEMA_VERSION
    assert await ask(database, "SELECT count(*) FROM timescaledb_information.jobs") == before


async def test_every_hypertable_is_compressed_and_ticks_are_forgotten(database: str) -> None:
    rows = await ask(database, "SELECT proc_name, hypertable_name AS name FROM timescaledb_information.jobs")
    jobs = {(row["proc_name"], row["name"]) for row in rows}
    for table in HYPERTABLES:
        packs = {("policy_compression", table.name), ("policy_columnstore", table.name)}
        assert packs & jobs, f"{table.name} is never compressed"
        assert (("policy_retention", table.name) in jobs) is (table.keep_ns is not None)


async def test_minute_bars_of_the_aggregate_equal_bars_made_from_the_trades(database: str) -> None:
    made = """
        SELECT ts_venue_ns / 60000000000 * 60000000000, (array_agg(price ORDER BY ts_venue_ns))[1], max(price),
               min(price), (array_agg(price ORDER BY ts_venue_ns DESC))[1], sum(quantity), count(*)
        FROM trades WHERE ts_venue_ns < $1 GROUP BY 1 ORDER BY 1"""
    kept = """
        SELECT ts_open_ns, open, high, low, close, volume, trade_count
        FROM minute_bars WHERE ts_open_ns < $1 ORDER BY 1"""
    end_ns = NOON_NS + DAY_NS
    expected = [tuple(row) for row in await ask(database, made, end_ns)]
    assert len(expected) >= 2
    assert [tuple(row) for row in await ask(database, kept, end_ns)] == expected
    connection = await asyncpg.connect(database)
    await connection.execute(f"CALL refresh_continuous_aggregate('minute_bars', {NOON_NS - DAY_NS}, {end_ns})")
    await connection.close()
    assert [tuple(row) for row in await ask(database, kept, end_ns)] == expected


async def test_rows_delivered_again_are_there_once_even_in_a_compressed_chunk(database: str) -> None:
    again = await write(database, EARLY)
    assert again == {"trades": 0}
    await ask(database, "SELECT compress_chunk(chunk) FROM show_chunks('trades') AS chunk")
    compressed = await ask(
        database,
        "SELECT count(*) FROM timescaledb_information.chunks WHERE hypertable_name = 'trades' AND is_compressed",
    )
    assert compressed[0][0] >= 1
    new = trade(99, EARLY[-1].ts_venue_ns + 1)
    assert await write(database, [*EARLY, new]) == {"trades": 1}
    assert (await ask(database, "SELECT count(*) FROM trades"))[0][0] == len(EARLY) + 1


async def test_retention_forgets_old_ticks_and_keeps_new_ones(database: str) -> None:
    now_ns = (await ask(database, "SELECT ns_now()"))[0][0]
    await write(database, [trade(1_000, now_ns - 200 * DAY_NS), trade(1_001, now_ns)])
    jobs = """
        SELECT job_id FROM timescaledb_information.jobs
        WHERE proc_name = 'policy_retention' AND hypertable_name = 'trades'"""
    connection = await asyncpg.connect(database)
    await connection.execute(f"CALL run_job({await connection.fetchval(jobs)})")
    await connection.close()
    left = {row["trade_id"] for row in await ask(database, "SELECT trade_id FROM trades")}
    assert "1000" not in left
    assert "1001" in left


async def test_the_ledger_works_over_the_same_database(database: str) -> None:
    ledger = await connect(database, application="execution", connections=1)
    async with ledger.transaction() as tx:
        assert await tx.claim("execution", "an-approval")
    async with ledger.transaction() as tx:
        assert not await tx.claim("execution", "an-approval")
    await ledger.close()
