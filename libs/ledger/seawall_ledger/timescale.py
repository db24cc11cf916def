"""Hypertables, compression, retention and the bars aggregate, where TimescaleDB is there.

Run at every migration and idempotent, so that a database that gains the extension later is
converted then. Time columns are integer nanoseconds, as everywhere in Seawall.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import asyncpg
from asyncpg import Connection

logger = logging.getLogger(__name__)

HOUR_NS = 3_600 * 1_000_000_000
DAY_NS = 24 * HOUR_NS


@dataclass(frozen=True, slots=True)
class Hypertable:
    """How one history table is cut, packed and forgotten. ``keep_ns`` None keeps it for ever."""

    name: str
    time_column: str
    segment_by: str
    chunk_ns: int
    compress_after_ns: int
    keep_ns: int | None


HYPERTABLES: tuple[Hypertable, ...] = (
    Hypertable("trades", "ts_venue_ns", "venue, symbol", 6 * HOUR_NS, DAY_NS, 90 * DAY_NS),
    Hypertable("quotes", "ts_venue_ns", "venue, symbol", 6 * HOUR_NS, DAY_NS, 30 * DAY_NS),
    Hypertable("books", "ts_venue_ns", "venue, symbol", 6 * HOUR_NS, DAY_NS, 30 * DAY_NS),
    Hypertable("bars", "ts_open_ns", "venue, symbol, interval_ns", 7 * DAY_NS, 14 * DAY_NS, None),
    Hypertable("activity_bars", "ts_open_ns", "venue, symbol, kind", 7 * DAY_NS, 14 * DAY_NS, None),
    Hypertable("asset_quotes", "ts_received_ns", "asset, market", 6 * HOUR_NS, DAY_NS, 30 * DAY_NS),
    Hypertable("currency_rates", "ts_received_ns", "currency", 7 * DAY_NS, 14 * DAY_NS, None),
    Hypertable("funding", "ts_venue_ns", "venue, symbol", 7 * DAY_NS, 14 * DAY_NS, None),
    Hypertable("equity", "ts_received_ns", "venue, account", 7 * DAY_NS, 30 * DAY_NS, None),
    Hypertable("events", "ts_received_ns", "type", DAY_NS, 7 * DAY_NS, 365 * DAY_NS),
)

MINUTE_BARS = """
DROP VIEW minute_bars;
CREATE MATERIALIZED VIEW minute_bars WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT venue,
       symbol,
       time_bucket(60000000000::bigint, ts_venue_ns) AS ts_open_ns,
       first(price, ts_venue_ns) AS open,
       max(price) AS high,
       min(price) AS low,
       last(price, ts_venue_ns) AS close,
       sum(quantity) AS volume,
       sum(price * quantity) AS quote_volume,
       coalesce(sum(quantity) FILTER (WHERE aggressor = 'buy'), 0) AS buy_volume,
       count(*) AS trade_count
FROM trades
GROUP BY venue, symbol, time_bucket(60000000000::bigint, ts_venue_ns)
WITH NO DATA;
"""
# The newest bucket is left to the real-time part of the view; three days cover a late backfill.
REFRESH_START_NS, REFRESH_END_NS = 3 * DAY_NS, HOUR_NS // 30


async def timescale_available(connection: Connection) -> bool:
    """Return whether the TimescaleDB extension is in this database, after trying to create it."""
    if await _installed(connection):
        return True
    if not await connection.fetchval("SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'"):
        return False
    try:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        logger.warning("TimescaleDB is on this server but cannot be used: %s", error)
        return False
    return True


async def _installed(connection: Connection) -> bool:
    return bool(await connection.fetchval("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"))


async def arrange_history(connection: Connection, *, timescale: bool) -> None:
    """Turn the history tables into hypertables with their policies; on plain PostgreSQL say that they stay plain."""
    if not timescale:
        logger.warning(
            "TimescaleDB is not on this server: history tables stay plain, "
            "without compression, retention or a bars aggregate"
        )
        return
    for table in HYPERTABLES:
        if not await _is_hypertable(connection, table.name):
            await _create(connection, table)
    if not await _is_aggregate(connection, "minute_bars"):
        await _create_minute_bars(connection)


async def _is_hypertable(connection: Connection, name: str) -> bool:
    return bool(
        await connection.fetchval("SELECT 1 FROM timescaledb_information.hypertables WHERE hypertable_name = $1", name)
    )


async def _is_aggregate(connection: Connection, name: str) -> bool:
    return bool(
        await connection.fetchval(
            "SELECT 1 FROM timescaledb_information.continuous_aggregates WHERE view_name = $1", name
        )
    )


async def _create(connection: Connection, table: Hypertable) -> None:
    await connection.execute(
        f"SELECT create_hypertable('{table.name}', '{table.time_column}', chunk_time_interval => {table.chunk_ns},"
        " create_default_indexes => false, migrate_data => true)"
    )
    await connection.execute(f"SELECT set_integer_now_func('{table.name}', 'ns_now')")
    await connection.execute(
        f"ALTER TABLE {table.name} SET (timescaledb.compress, timescaledb.compress_segmentby = '{table.segment_by}',"
        f" timescaledb.compress_orderby = '{table.time_column}')"
    )
    await connection.execute(f"SELECT add_compression_policy('{table.name}', {table.compress_after_ns}::bigint)")
    if table.keep_ns is not None:
        await connection.execute(f"SELECT add_retention_policy('{table.name}', {table.keep_ns}::bigint)")


async def _create_minute_bars(connection: Connection) -> None:
    await connection.execute(MINUTE_BARS)
    await connection.execute(
        "SELECT add_continuous_aggregate_policy('minute_bars',"
        f" start_offset => {REFRESH_START_NS}::bigint, end_offset => {REFRESH_END_NS}::bigint,"
        " schedule_interval => interval '1 minute')"
    )
