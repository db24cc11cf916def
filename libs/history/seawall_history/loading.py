"""History into the database's tables, by COPY in batches; a row that is there already stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg
import polars as pl
from asyncpg import Connection

from seawall_ledger import DatabaseSettings, LedgerError
from seawall_ledger.database import close_connection, open_connection, told_as_ledger_errors
from seawall_ledger.history import BARS, FUNDING, TRADES, HistoryTable
from seawall_ledger.schema import check_schema

from .errors import LoadError
from .intervals import NS_PER_MS
from .names import Dataset
from .reading.read import AGGREGATED
from .schema import Kind
from .store import Store

BATCH = 50_000  # rows a transaction: some 20 MB on the way, and half a second
PATIENCE_S = 5.0  # a person is waiting
STATEMENT_TIMEOUT_S = 300.0  # nobody trades on this connection

TABLE_OF: Mapping[Kind, HistoryTable] = {"candles": BARS, "funding": FUNDING, "trades": TRADES}


@dataclass(slots=True)
class Loaded:
    """What became of one history: rows read, rows that are new in the table, and rows that could not go in."""

    dataset: Dataset
    rows: int = 0
    added: int = 0
    left_out: int = 0
    stood_in: int = 0
    notes: list[str] = field(default_factory=list)


def _silent(_loaded: Loaded) -> None:
    return


async def load(
    store: Store,
    datasets: Sequence[Dataset],
    settings: DatabaseSettings | str,
    *,
    ts_from_ns: int | None = None,
    ts_to_ns: int | None = None,
    report: Callable[[Loaded], None] = _silent,
) -> list[Loaded]:
    """Load histories into ``bars``, ``funding`` and ``trades``. A second run adds nothing.

    Raises LoadError where the database does not answer or refuses, StoreError where a file is damaged.
    """
    try:
        connection = await open_connection(
            settings, application="seawall-data", patience_s=PATIENCE_S, statement_timeout_s=STATEMENT_TIMEOUT_S
        )
        try:
            await check_schema(connection)
            with told_as_ledger_errors("loading"):
                return [await _load(connection, store, each, (ts_from_ns, ts_to_ns), report) for each in datasets]
        finally:
            await close_connection(connection)
    except LedgerError as error:
        raise LoadError(f"{error}; run the same command again, it goes on where it stopped") from error


async def _load(
    connection: Connection,
    store: Store,
    dataset: Dataset,
    wanted: tuple[int | None, int | None],
    report: Callable[[Loaded], None],
) -> Loaded:
    table, loaded = TABLE_OF[dataset.kind], Loaded(dataset)
    await connection.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {_staging(table)} (LIKE {table.name})")
    straight = True
    for chunk in store.chunks(dataset, *wanted):
        loaded.rows += chunk.height
        if dataset.kind == "trades" and await _is_recorded_singly(connection, dataset, chunk):
            loaded.left_out += chunk.height
            continue
        for batch in chunk.iter_slices(BATCH):
            rows = _rows(dataset, batch, loaded).rows()
            if straight:
                added = await _copy(connection, table, rows)
                straight = added is not None
            if not straight:
                added = await _merge(connection, table, rows)
            loaded.added += added or 0
            report(loaded)
    _explain(loaded)
    return loaded


def _rows(dataset: Dataset, batch: pl.DataFrame, loaded: Loaded) -> pl.DataFrame:
    """Return a batch in the columns of its table."""
    if dataset.kind == "candles":
        loaded.stood_in += batch["buy_volume"].null_count()
        values = _bar(dataset)
    elif dataset.kind == "funding":
        whole = batch.filter(pl.col("mark_price").is_not_null())
        loaded.left_out += batch.height - whole.height
        batch, values = whole, _rate(dataset)
    else:
        values = _trade(dataset)
    return batch.select(values[name].alias(name) for name in TABLE_OF[dataset.kind].columns)


def _common(dataset: Dataset, ts_venue_ns: pl.Expr, identity: pl.Expr) -> dict[str, pl.Expr]:
    """The columns that every table has. What is history was received when it happened."""
    return {
        "venue": pl.lit(dataset.venue),
        "symbol": pl.lit(dataset.symbol),
        "ts_venue_ns": ts_venue_ns,
        "ts_received_ns": ts_venue_ns,
        "id": identity,
    }


def _bar(dataset: Dataset) -> dict[str, pl.Expr]:
    """A candle as a bar. Where a source tells no more than the volume, neutral values stand for the rest."""
    opens, closes = pl.col("ts_open_ns"), pl.col("ts_open_ns") + dataset.interval_ns
    typical = (pl.col("high") + pl.col("low") + pl.col("close")) / 3
    identity = pl.format(f"{dataset.venue}.{dataset.symbol}.bar.{dataset.interval_ns}.{{}}", opens)
    return {
        **_common(dataset, closes, identity),
        **{name: pl.col(name) for name in ("ts_open_ns", "open", "high", "low", "close", "volume")},
        "interval_ns": pl.lit(dataset.interval_ns),
        "ts_close_ns": closes,
        "quote_volume": pl.coalesce("quote_volume", pl.col("volume") * typical),
        "buy_volume": pl.coalesce("buy_volume", pl.col("volume") / 2),
        "trade_count": pl.coalesce("trade_count", pl.lit(0, dtype=pl.Int64)),
        "repaired": pl.lit(False),
        "causes": pl.lit([], dtype=pl.List(pl.String)),
    }


def _rate(dataset: Dataset) -> dict[str, pl.Expr]:
    """A funding rate at the moment it was charged; history has no index price, so the mark price stands for it."""
    charged = pl.col("ts_funding_ns")
    identity = pl.format(f"{dataset.venue}.{dataset.symbol}.funding.{{}}", charged // NS_PER_MS)
    return {
        **_common(dataset, charged, identity),
        "mark_price": pl.col("mark_price"),
        "index_price": pl.col("mark_price"),
        "funding_rate": pl.col("funding_rate"),
        "ts_next_funding_ns": charged,
    }


def _trade(dataset: Dataset) -> dict[str, pl.Expr]:
    identity = pl.format(f"{dataset.venue}.{dataset.symbol}.trade.{{}}", pl.col("trade_id"))
    values = {name: pl.col(name) for name in ("trade_id", "price", "quantity", "aggressor")}
    return {**_common(dataset, pl.col("ts_trade_ns"), identity), **values}


async def _is_recorded_singly(connection: Connection, dataset: Dataset, chunk: pl.DataFrame) -> bool:
    """Return whether a day of aggregated trades is in the table one by one already: both would count twice."""
    if chunk.is_empty() or not chunk["trade_id"].str.starts_with(AGGREGATED).any():
        return False
    found = await connection.fetchval(
        "SELECT 1 FROM trades WHERE venue = $1 AND symbol = $2 AND ts_venue_ns BETWEEN $3 AND $4"
        " AND NOT starts_with(trade_id, $5) LIMIT 1",
        dataset.venue,
        dataset.symbol,
        chunk["ts_trade_ns"][0],
        chunk["ts_trade_ns"][-1],
        AGGREGATED,
    )
    return found is not None


def _staging(table: HistoryTable) -> str:
    return f"loading_{table.name}"


async def _copy(connection: Connection, table: HistoryTable, rows: list[tuple[object, ...]]) -> int | None:
    """Copy straight into the table; None where a row is there already, and then nothing was copied."""
    try:
        status: str = await connection.copy_records_to_table(table.name, records=rows, columns=table.columns)
    except asyncpg.UniqueViolationError:
        return None
    return _number(status)


async def _merge(connection: Connection, table: HistoryTable, rows: list[tuple[object, ...]]) -> int:
    staging, columns = _staging(table), ", ".join(table.columns)
    async with connection.transaction():
        await connection.copy_records_to_table(staging, records=rows, columns=table.columns)
        status = await connection.execute(
            f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {staging}"  # noqa: S608  names of our own
            f" ORDER BY {', '.join(table.key)} {table.merge_clause}"
        )
        await connection.execute(f"TRUNCATE {staging}")
    return _number(status)


def _number(status: str) -> int:
    return int(status.rpartition(" ")[2])


def _explain(loaded: Loaded) -> None:
    if loaded.stood_in:
        loaded.notes.append(
            f"{loaded.stood_in} bars without buy volume in the history: half the volume stands for it; unknown quote"
            " volumes stand as volume x (high + low + close) / 3, unknown trade counts as 0"
        )
    if loaded.left_out and loaded.dataset.kind == "funding":
        loaded.notes.append(f"{loaded.left_out} rates without a mark price: left out; import the -mark files")
    if loaded.left_out and loaded.dataset.kind == "trades":
        loaded.notes.append(f"{loaded.left_out} aggregated trades of days that are recorded trade by trade: left out")
