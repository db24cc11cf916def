"""History in a real PostgreSQL: every row once, and nothing that is there already changed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import polars as pl
import pytest

from seawall_history.errors import LoadError
from seawall_history.intervals import HOUR_NS, MINUTE_NS
from seawall_history.loading import Loaded, load
from seawall_history.names import Dataset
from seawall_history.schema import CANDLES, FUNDING, TRADES
from seawall_history.store import Store
from seawall_history.writer import writing
from seawall_ledger.history import BARS, event_of_row
from seawall_ledger.history import FUNDING as RATES
from seawall_ledger.migrate import migrate
from seawall_proto import BarClosed, FundingPosted, decode, encode

BEGIN_NS = 1_746_144_000_000_000_000
NOW_NS = BEGIN_NS + 90 * 24 * HOUR_NS
MINUTES = Dataset("binance-usdm", "BTC-USDT-PERP", "candles", MINUTE_NS)
FUNDED = Dataset("binance-usdm", "BTC-USDT-PERP", "funding")
PRINTS = Dataset("binance-usdm", "BTC-USDT-PERP", "trades")


@pytest.fixture
def database(postgres_url: str) -> str:
    """A migrated, empty database of the test's own."""
    asyncio.run(migrate(postgres_url))
    return postgres_url


def candles(count: int, *, known: bool = True) -> pl.DataFrame:
    numbers = pl.int_range(count, eager=True)
    frame = pl.DataFrame({"ts_open_ns": BEGIN_NS + numbers * MINUTE_NS, "open": 95_000.0 + numbers % 90})
    frame = frame.with_columns(high=pl.col("open") + 5, low=pl.col("open") - 5, close=pl.col("open") + 1, volume=4.0)
    if known:
        frame = frame.with_columns(quote_volume=380_000.25, buy_volume=1.5, trade_count=17)
    return CANDLES.shaped(frame.with_columns(source=pl.lit("a file")))


def put(store: Store, dataset: Dataset, rows: pl.DataFrame) -> None:
    with writing(store, dataset, lambda: NOW_NS) as writer:
        writer.add(rows)


async def ask(url: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        found: list[asyncpg.Record] = await connection.fetch(query)
        return found
    finally:
        await connection.close()


async def test_every_candle_is_a_bar_once_however_often_it_is_loaded(store: Store, database: str) -> None:
    put(store, MINUTES, candles(60_000))  # more than a batch, over two months
    [first] = await load(store, [MINUTES], database)
    [second] = await load(store, [MINUTES], database)
    assert (first.rows, first.added, second.rows, second.added) == (60_000, 60_000, 60_000, 0)
    [row] = await ask(database, "SELECT count(*), min(ts_open_ns), max(ts_open_ns), sum(trade_count) FROM bars")
    assert tuple(row) == (60_000, BEGIN_NS, BEGIN_NS + 59_999 * MINUTE_NS, 60_000 * 17)


async def test_a_loaded_candle_comes_back_as_the_event_it_stands_for(store: Store, database: str) -> None:
    put(store, MINUTES, candles(3))
    await load(store, [MINUTES], database)
    [row] = await ask(database, f"SELECT {', '.join(BARS.columns)} FROM bars ORDER BY ts_open_ns LIMIT 1")
    bar = event_of_row(BARS, row)
    assert isinstance(bar, BarClosed)
    assert decode(encode(bar)) == bar
    assert bar.id == f"binance-usdm.BTC-USDT-PERP.bar.{MINUTE_NS}.{BEGIN_NS}"
    assert (bar.ts_close_ns, bar.ts_venue_ns, bar.ts_received_ns) == (BEGIN_NS + MINUTE_NS,) * 3
    assert (bar.open, bar.buy_volume, bar.trade_count, bar.repaired) == (95_000.0, 1.5, 17, False)


async def test_what_a_source_does_not_tell_is_stood_in_for_and_said(store: Store, database: str) -> None:
    put(store, MINUTES, candles(10, known=False))
    [loaded] = await load(store, [MINUTES], database)
    [row] = await ask(database, "SELECT quote_volume, buy_volume, trade_count FROM bars ORDER BY ts_open_ns LIMIT 1")
    assert tuple(row) == (pytest.approx(4.0 * (95_005 + 94_995 + 95_001) / 3), 2.0, 0)
    assert loaded.stood_in == 10
    assert "10 bars without buy volume" in loaded.notes[0]


async def test_a_recorded_bar_stays_as_it_was_recorded(store: Store, database: str) -> None:
    put(store, MINUTES, candles(100))
    await load(store, [MINUTES], database, ts_to_ns=BEGIN_NS + 50 * MINUTE_NS)
    await ask(database, "UPDATE bars SET close = 1, id = 'recorded' WHERE ts_open_ns % 120000000000 = 0")
    [loaded] = await load(store, [MINUTES], database)
    assert (loaded.rows, loaded.added) == (100, 50)
    [row] = await ask(database, "SELECT count(*) FROM bars WHERE id = 'recorded' AND close = 1")
    assert row[0] == 25


async def test_funding_goes_in_with_its_mark_price_and_is_left_out_without(store: Store, database: str) -> None:
    rates = pl.DataFrame({"ts_funding_ns": [BEGIN_NS, BEGIN_NS + 8 * HOUR_NS], "funding_rate": [0.0001, -0.0002]})
    put(store, FUNDED, FUNDING.shaped(rates.with_columns(mark_price=pl.Series([95_000.5, None]), source=pl.lit("f"))))
    [loaded] = await load(store, [FUNDED], database)
    [again] = await load(store, [FUNDED], database)
    assert (loaded.added, loaded.left_out, again.added) == (1, 1, 0)
    assert "without a mark price" in loaded.notes[0]
    [row] = await ask(database, f"SELECT {', '.join(RATES.columns)} FROM funding")
    posted = event_of_row(RATES, row)
    assert isinstance(posted, FundingPosted)
    assert (posted.funding_rate, posted.mark_price, posted.ts_next_funding_ns) == (0.0001, 95_000.5, BEGIN_NS)


def prints(day: int) -> pl.DataFrame:
    times = [BEGIN_NS + day * 24 * HOUR_NS + number * 1_000_000 for number in range(10)]
    ids = [f"agg-{day * 10 + number}" for number in range(10)]
    frame = pl.DataFrame({"ts_trade_ns": times, "trade_id": ids}).with_columns(price=95_000.5, quantity=0.25)
    return TRADES.shaped(frame.with_columns(aggressor=pl.lit("buy"), source=pl.lit("a file")))


async def test_aggregated_trades_stay_out_of_days_that_are_recorded_trade_by_trade(store: Store, database: str) -> None:
    put(store, PRINTS, pl.concat([prints(0), prints(1)]))
    await ask(
        database,
        "INSERT INTO trades VALUES ('binance-usdm', 'BTC-USDT-PERP',"
        f" {BEGIN_NS + 5_000_000}, '123', 95000.5, 0.25, 'buy', 1, 'recorded')",
    )
    [loaded] = await load(store, [PRINTS], database)
    [again] = await load(store, [PRINTS], database)
    assert (loaded.rows, loaded.added, loaded.left_out, again.added) == (20, 10, 10, 0)
    rows = await ask(database, "SELECT trade_id FROM trades ORDER BY ts_venue_ns")
    assert [row[0] for row in rows] == ["123", *(f"agg-{number}" for number in range(10, 20))]


async def test_a_load_that_was_cut_off_is_completed_by_the_next(store: Store, database: str) -> None:
    put(store, MINUTES, candles(120_000))

    class Cut(Exception):
        pass

    def cut(loaded: Loaded) -> None:
        if loaded.added:
            raise Cut

    with pytest.raises(Cut):
        await load(store, [MINUTES], database, report=cut)
    [before] = await ask(database, "SELECT count(*) FROM bars")
    [loaded] = await load(store, [MINUTES], database)
    assert before[0] > 0
    assert loaded.added == 120_000 - before[0]


async def test_a_database_that_was_never_migrated_is_told(store: Store, postgres_url: str) -> None:
    put(store, MINUTES, candles(1))
    with pytest.raises(LoadError, match="seawall-ledger migrate"):
        await load(store, [MINUTES], postgres_url)


def test_the_password_file_is_used(tmp_path: Path) -> None:
    """Where the settings name one, a missing file is told before anything is asked."""
    from seawall_runtime.config import DatabaseConfig

    settings = DatabaseConfig(url="postgresql://seawall@127.0.0.1:1/none", password_file=tmp_path / "none")
    with pytest.raises(LoadError, match="password file"):
        asyncio.run(load(Store(tmp_path), [], settings))
