"""Downloads from a venue that misbehaves: nothing missing, nothing twice, nothing that was not closed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import polars as pl
import pytest

from seawall_history.download.client import Client
from seawall_history.download.run import Downloaded, Manner, Progress, download
from seawall_history.download.sources import SOURCES
from seawall_history.errors import BadInputError, DownloadError, StoreBusyError
from seawall_history.intervals import HOUR_NS, MINUTE_NS, NS_PER_MS
from seawall_history.names import Dataset
from seawall_history.store import Store
from seawall_history.writer import writing
from tests.integration.history.fake_binance import (
    HOUR_MS,
    LISTED_MS,
    MINUTE_MS,
    NOW_MS,
    FakeBinance,
    candle,
)

MINUTES = Dataset("binance-usdm", "BTC-USDT-PERP", "candles", MINUTE_NS)
RATES = Dataset("binance-usdm", "BTC-USDT-PERP", "funding")
PRINTS = Dataset("binance-usdm", "BTC-USDT-PERP", "trades")
LISTED_NS, NOW_NS = LISTED_MS * NS_PER_MS, NOW_MS * NS_PER_MS
LAST_CLOSED_NS = NOW_NS // MINUTE_NS * MINUTE_NS - MINUTE_NS


@asynccontextmanager
async def client_of(venue: FakeBinance, **more: Any) -> AsyncIterator[Client]:
    patience = {"timeout_s": 0.4, "first_pause_s": 0.01, "rate_limit": False, **more}
    async with Client(SOURCES["binance-usdm"], url=venue.url, **patience) as client:
        yield client


async def fetch(
    venue: FakeBinance, store: Store, dataset: Dataset, begin: int, end: int | None, **more: Any
) -> Downloaded:
    async with client_of(venue) as client:
        return await download(store, client, dataset, (begin, end), now_ns=lambda: NOW_NS, **more)


def minutes(store: Store) -> pl.DataFrame:
    return store.candles("binance-usdm", "BTC-USDT-PERP", MINUTE_NS).collect()


def assert_whole(frame: pl.DataFrame, begin: int, end: int) -> None:
    """The minutes of a range: each once, in order, each as the venue tells it."""
    assert frame["ts_open_ns"].to_list() == list(range(begin, end, MINUTE_NS))
    for row in frame.gather_every(997).iter_rows(named=True):
        told = candle(row["ts_open_ns"] // NS_PER_MS, MINUTE_MS)
        assert [row[name] for name in ("open", "high", "low", "close", "volume")] == [float(each) for each in told[1:6]]
        assert (row["quote_volume"], row["trade_count"], row["buy_volume"]) == (float(told[7]), told[8], float(told[9]))


async def test_a_download_holds_every_minute_once_and_never_the_open_one(venue: FakeBinance, store: Store) -> None:
    done = await fetch(venue, store, MINUTES, LISTED_NS, None)
    frame = minutes(store)
    assert_whole(frame, LISTED_NS, LAST_CLOSED_NS + MINUTE_NS)
    assert done.merged.added == frame.height == 5_760
    assert frame["source"].unique().to_list() == ["ccxt:binanceusdm"]


async def test_a_candle_that_is_open_by_the_venues_clock_is_open_though_ours_is_ahead(
    venue: FakeBinance, store: Store
) -> None:
    async with client_of(venue) as client:
        await download(store, client, MINUTES, (NOW_NS - HOUR_NS, None), now_ns=lambda: NOW_NS + 5 * MINUTE_NS)
    assert minutes(store)["ts_open_ns"][-1] == LAST_CLOSED_NS


async def test_a_second_run_asks_for_nothing_that_is_here(venue: FakeBinance, store: Store) -> None:
    await fetch(venue, store, MINUTES, LISTED_NS, LISTED_NS + 24 * HOUR_NS)
    venue.asked.clear()
    again = await fetch(venue, store, MINUTES, LISTED_NS, LISTED_NS + 24 * HOUR_NS)
    assert (again.missing_ns, venue.asked) == (0, [])
    more = await fetch(venue, store, MINUTES, LISTED_NS, LISTED_NS + 25 * HOUR_NS)
    assert (more.missing_ns, more.merged.added) == (HOUR_NS, 60)
    assert [int(each["startTime"]) for each in venue.asked_for("klines")] == [LISTED_MS + 24 * HOUR_MS]


async def test_years_before_a_listing_cost_a_few_requests_and_are_not_asked_for_again(
    venue: FakeBinance, store: Store
) -> None:
    begin = LISTED_NS - 3 * 365 * 24 * HOUR_NS
    await fetch(venue, store, MINUTES, begin, LISTED_NS + HOUR_NS)
    assert minutes(store)["ts_open_ns"][0] == LISTED_NS
    assert len(venue.asked) <= 5
    venue.asked.clear()
    await fetch(venue, store, MINUTES, begin, LISTED_NS + HOUR_NS)
    assert venue.asked == []


async def test_minutes_the_venue_does_not_have_are_not_asked_for_again(venue: FakeBinance, store: Store) -> None:
    venue.absent = {LISTED_MS + minute * MINUTE_MS for minute in (*range(100, 130), 1_439, *range(2_000, 4_500))}
    await fetch(venue, store, MINUTES, LISTED_NS, None)
    frame = minutes(store)
    assert frame.height == 5_760 - len(venue.absent)
    venue.asked.clear()
    assert (await fetch(venue, store, MINUTES, LISTED_NS, None)).missing_ns == 0
    assert venue.asked == []


async def test_a_venue_that_gives_less_than_a_page_leaves_no_hole(venue: FakeBinance, store: Store) -> None:
    venue.most_rows = 137
    await fetch(venue, store, MINUTES, LISTED_NS, LISTED_NS + 50 * HOUR_NS)
    assert_whole(minutes(store), LISTED_NS, LISTED_NS + 50 * HOUR_NS)


@pytest.mark.parametrize("fault", ["500", "503", "truncated", "cut", "object", "hang"])
async def test_a_passing_fault_is_asked_again(venue: FakeBinance, store: Store, fault: str) -> None:
    venue.faults.extend([fault, "", fault, fault])
    notes: list[str] = []
    async with client_of(venue, note=notes.append) as client:
        await download(store, client, MINUTES, (LISTED_NS, LISTED_NS + 50 * HOUR_NS), now_ns=lambda: NOW_NS)
    assert_whole(minutes(store), LISTED_NS, LISTED_NS + 50 * HOUR_NS)
    assert len(notes) == 3
    reasons = {"truncated": "an answer that is no JSON: '[[1746", "object": "an answer without a list of rows"}
    assert all(reasons.get(fault, "again in") in note for note in notes)


@pytest.mark.parametrize("status", ["429", "418"])
async def test_a_rate_limit_is_waited_out_as_long_as_the_venue_says(
    venue: FakeBinance, store: Store, status: str
) -> None:
    venue.faults.extend(["", f"{status}:1"])
    began = asyncio.get_running_loop().time()
    await fetch(venue, store, MINUTES, LISTED_NS, LISTED_NS + 50 * HOUR_NS)
    assert asyncio.get_running_loop().time() - began >= 1.0
    assert len(venue.asked_for("klines")) == 4
    assert_whole(minutes(store), LISTED_NS, LISTED_NS + 50 * HOUR_NS)


async def test_a_ban_of_days_is_told_and_what_came_before_it_is_kept(venue: FakeBinance, store: Store) -> None:
    venue.faults.extend(["", "418:259200"])
    with pytest.raises(DownloadError, match=r"asks to wait 259200 s"):
        await fetch(venue, store, MINUTES, LISTED_NS, LISTED_NS + 50 * HOUR_NS)
    assert minutes(store).height == 1_000


async def test_a_venue_that_keeps_failing_is_given_up_and_the_next_run_goes_on(
    venue: FakeBinance, store: Store
) -> None:
    venue.faults.extend(["", "", *["500"] * 8])
    with pytest.raises(DownloadError, match="in 8 tries"):
        await fetch(venue, store, MINUTES, LISTED_NS, LISTED_NS + 50 * HOUR_NS)
    assert minutes(store).height == 2_000
    venue.asked.clear()
    await fetch(venue, store, MINUTES, LISTED_NS, LISTED_NS + 50 * HOUR_NS)
    assert len(venue.asked_for("klines")) == 1
    assert_whole(minutes(store), LISTED_NS, LISTED_NS + 50 * HOUR_NS)


async def test_a_refusal_is_not_asked_again(venue: FakeBinance, store: Store) -> None:
    venue.faults.append("451")
    with pytest.raises(DownloadError, match="binance-usdm refuses candles of BTC/USDT:USDT"):
        await fetch(venue, store, MINUTES, LISTED_NS, LISTED_NS + HOUR_NS)
    assert len(venue.asked_for("klines")) == 1


async def test_a_symbol_that_is_not_listed_is_told_with_its_nearest(venue: FakeBinance, store: Store) -> None:
    dataset = Dataset("binance-usdm", "BTD-USDT-PERP", "candles", MINUTE_NS)
    with pytest.raises(DownloadError, match="lists no BTD/USDT:USDT among 2 instruments; near it are BTC/USDT:USDT"):
        await fetch(venue, store, dataset, LISTED_NS, None)


async def test_a_candle_that_cannot_be_true_is_left_out_and_told(venue: FakeBinance, store: Store) -> None:
    false = candle(LISTED_MS + 5 * MINUTE_MS, MINUTE_MS)
    false[2], false[3] = false[3], false[2]
    venue.spoilt[false[0]] = false
    done = await fetch(venue, store, MINUTES, LISTED_NS, LISTED_NS + HOUR_NS)
    assert minutes(store).height == 59
    assert done.notes == ["1 candles that cannot be true: left out"]


async def test_a_range_that_is_not_past_is_refused(venue: FakeBinance, store: Store) -> None:
    with pytest.raises(BadInputError, match="expected a range in the past"):
        await fetch(venue, store, MINUTES, NOW_NS + HOUR_NS, None)


async def test_imported_minutes_are_not_downloaded_again(venue: FakeBinance, store: Store) -> None:
    await fetch(venue, Store(store.folder / "other"), MINUTES, LISTED_NS, LISTED_NS + HOUR_NS)
    imported = Store(store.folder / "other").candles("binance-usdm", "BTC-USDT-PERP", MINUTE_NS).collect()
    with writing(store, MINUTES, lambda: NOW_NS) as writer:
        writer.add(imported.with_columns(pl.lit("a file").alias("source")))
    venue.asked.clear()
    await fetch(venue, store, MINUTES, LISTED_NS, LISTED_NS + 2 * HOUR_NS)
    assert [int(each["startTime"]) for each in venue.asked_for("klines")] == [LISTED_MS + HOUR_MS]
    assert minutes(store)["source"].value_counts().sort("source")["count"].to_list() == [60, 60]


async def test_a_history_has_one_writer(venue: FakeBinance, store: Store) -> None:
    with writing(store, MINUTES, lambda: NOW_NS), pytest.raises(StoreBusyError, match="another command writes it"):
        await fetch(venue, store, MINUTES, LISTED_NS, None)


async def test_progress_ends_at_the_whole_range(venue: FakeBinance, store: Store) -> None:
    seen: list[Progress] = []
    await fetch(venue, store, MINUTES, LISTED_NS - 9 * HOUR_NS, LISTED_NS + 50 * HOUR_NS, report=seen.append)
    assert [each.done_ns for each in seen] == sorted(each.done_ns for each in seen)
    assert (seen[0].done_ns, seen[-1].done_ns, seen[-1].rows) == (0, 59 * HOUR_NS, 3_000)


async def test_a_cancelled_download_keeps_what_came(venue: FakeBinance, store: Store) -> None:
    venue.faults.extend(["", "", "hang"])
    async with client_of(venue, timeout_s=30) as client:
        work = asyncio.create_task(download(store, client, MINUTES, (LISTED_NS, None), now_ns=lambda: NOW_NS))
        while len(venue.asked_for("klines")) < 3:
            await asyncio.sleep(0.01)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
    assert minutes(store).height == 2_000


SCRIPT = """
import asyncio, sys
from seawall_history.download.client import Client
from seawall_history.download.run import Manner, download
from seawall_history.download.sources import SOURCES
from seawall_history.names import Dataset
from seawall_history.store import Store

async def main(url, folder, begin, now):
    async with Client(SOURCES["binance-usdm"], url=url, rate_limit=False) as client:
        dataset = Dataset("binance-usdm", "BTC-USDT-PERP", "candles", 60_000_000_000)
        manner = Manner(flush_rows=1_500)
        await download(Store(folder), client, dataset, (begin, None), now_ns=lambda: now, manner=manner)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""


async def test_a_killed_download_goes_on_where_it_was_stored(venue: FakeBinance, store: Store) -> None:
    venue.pause_s = 0.05
    for kill_after in (2, 3, 4):  # pages: before a flush, in it, behind it
        venue.asked.clear()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SCRIPT, venue.url, str(store.folder), str(LISTED_NS), str(NOW_NS)
        )
        while len(venue.asked_for("klines")) < kill_after and process.returncode is None:
            await asyncio.sleep(0.005)
        if process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    venue.pause_s = 0.0
    held = minutes(store).height
    assert held >= 1_500
    venue.asked.clear()
    await fetch(venue, store, MINUTES, LISTED_NS, None)
    assert_whole(minutes(store), LISTED_NS, LAST_CLOSED_NS + MINUTE_NS)
    assert len(venue.asked_for("klines")) <= -(-(5_760 - held) // 1_000)


async def test_funding_comes_with_its_mark_price_on_the_minute_it_is_due(venue: FakeBinance, store: Store) -> None:
    venue.most_rows = 4
    await fetch(venue, store, RATES, LISTED_NS - 30 * 24 * HOUR_NS, None)
    rates = store.funding("binance-usdm", "BTC-USDT-PERP").collect()
    assert rates["ts_funding_ns"].to_list() == list(range(LISTED_NS, NOW_NS - 10 * MINUTE_NS, 8 * HOUR_NS))
    assert rates["mark_price"].null_count() == 0
    assert rates["funding_rate"][0] == float(f"0.0000{LISTED_MS // HOUR_MS % 90 + 10}")
    venue.asked.clear()
    assert (await fetch(venue, store, RATES, LISTED_NS - 30 * 24 * HOUR_NS, None)).missing_ns == 0
    assert venue.asked == []


async def test_mark_prices_that_the_rates_lack_come_from_the_mark_price_candles(
    venue: FakeBinance, store: Store
) -> None:
    venue.marks_in_rates = False
    await fetch(venue, store, RATES, LISTED_NS, None)
    rates = store.funding("binance-usdm", "BTC-USDT-PERP").collect()
    expected = [float(candle(ts_ns // NS_PER_MS, HOUR_MS)[1]) for ts_ns in rates["ts_funding_ns"]]
    assert rates["mark_price"].to_list() == expected
    assert len(venue.asked_for("markPriceKlines")) == 1


def trades_of(count: int, step_ms: int) -> list[dict[str, Any]]:
    """Aggregated trades, three at a time in one millisecond."""
    return [
        {
            "a": 7_000 + number,
            "p": f"{95_000 + number % 40}.5",
            "q": "0.01",
            "nq": "0.01",
            "f": number * 2,
            "l": number * 2 + 1,
            "T": LISTED_MS + 5 * HOUR_MS + number // 3 * step_ms,
            "m": number % 2 == 0,
        }
        for number in range(count)
    ]


async def test_trades_come_each_once_over_pages_hours_and_days(venue: FakeBinance, store: Store) -> None:
    venue.trades = trades_of(9_000, 40_000)  # 33 hours
    venue.faults.extend(["", "500", "truncated"])
    await fetch(venue, store, PRINTS, LISTED_NS - 24 * HOUR_NS, None)
    trades = store.trades("binance-usdm", "BTC-USDT-PERP").collect()
    assert trades["trade_id"].to_list() == [f"agg-{trade['a']}" for trade in venue.trades]
    assert trades["aggressor"].head(2).to_list() == ["sell", "buy"]
    assert len(list(store.folder_of(PRINTS).glob("*.parquet"))) == 2
    venue.asked.clear()
    assert (await fetch(venue, store, PRINTS, LISTED_NS - 24 * HOUR_NS, None)).missing_ns == 0
    assert venue.asked == []


async def test_a_download_of_trades_that_ended_between_two_of_one_millisecond_loses_none(
    venue: FakeBinance, store: Store
) -> None:
    venue.trades = trades_of(3_000, 1_000)
    venue.faults.extend(["", *["500"] * 8])
    with pytest.raises(DownloadError):
        await fetch(venue, store, PRINTS, LISTED_NS + 5 * HOUR_NS, None, manner=Manner(flush_rows=1))
    assert store.trades("binance-usdm", "BTC-USDT-PERP").collect().height == 1_000  # two of three of a millisecond
    await fetch(venue, store, PRINTS, LISTED_NS, None)
    trades = store.trades("binance-usdm", "BTC-USDT-PERP").collect()
    assert trades["trade_id"].to_list() == [f"agg-{trade['a']}" for trade in venue.trades]
