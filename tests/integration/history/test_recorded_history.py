"""Real downloads of others: two that must agree in every column, and the defects that are really in them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from seawall_history.importing import Imported, Said, import_files
from seawall_history.intervals import HOUR_NS, MINUTE_NS, parse_time
from seawall_history.ranges import runs
from seawall_history.store import Store
from seawall_history.verify.check import check_file, check_store, data_files
from seawall_runtime.clock import now_ns
from tests.paths import RECORDINGS, needs_recording

OHLCV = RECORDINGS / "binance" / "ohlcv"
TYPHONUN, SNOWGURU = OHLCV / "typhonun_usdm", OHLCV / "snowguru_usdm"
SPOT, FUNDING = OHLCV / "xylotech_spot", RECORDINGS / "binance" / "funding"
KRAKEN, COINBASE = RECORDINGS / "kraken" / "ohlcv", RECORDINGS / "coinbase" / "ohlcv"
BYBIT, MOHSENJFAR = RECORDINGS / "bybit" / "ohlcv", OHLCV / "mohsenjfar_usdm"
JOINED = ("BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "LTC")


def imported(store: Store, folder: Path) -> list[Imported]:
    results = list(import_files(store, folder, Said(), now_ns=now_ns))
    assert [each.error for each in results if each.error] == []
    return results


def minutes(store: Store, venue: str, symbol: str) -> pl.DataFrame:
    return store.candles(venue, symbol, MINUTE_NS).collect()


@needs_recording(TYPHONUN)
@needs_recording(SNOWGURU)
def test_two_downloads_agree_in_every_column_and_join_without_a_missing_minute(store: Store) -> None:
    results = imported(store, TYPHONUN) + imported(store, SNOWGURU)
    assert sum(each.merged.differing for each in results) == 0
    assert sum(each.merged.same for each in results) > 100_000  # a comparison that compares nothing proves nothing
    for asset in JOINED:
        frame = minutes(store, "binance-usdm", f"{asset}-USDT-PERP")
        assert len(runs(frame["ts_open_ns"], MINUTE_NS)) == 1, asset
    frame = minutes(store, "binance-usdm", "BTC-USDT-PERP")
    assert frame.height == 73_139
    assert frame["ts_open_ns"][0] == parse_time("2025-05-04T15:33")
    assert frame["ts_open_ns"][-1] == parse_time("2025-06-24T10:31")


@needs_recording(TYPHONUN)
@needs_recording(SNOWGURU)
def test_what_was_joined_is_clean_and_importing_it_again_changes_nothing(store: Store) -> None:
    imported(store, TYPHONUN)
    imported(store, SNOWGURU)
    before = {path: path.stat().st_mtime_ns for path in store.folder.rglob("*.parquet")}
    again = imported(store, SNOWGURU)
    assert sum(each.merged.added + each.merged.filled for each in again) == 0
    assert {path: path.stat().st_mtime_ns for path in store.folder.rglob("*.parquet")} == before
    reports = list(check_store(store, store.datasets(), now_ns=now_ns()))
    assert len(reports) > 60
    assert [each.label for each in reports if not each.clean] == []


@needs_recording(TYPHONUN)
def test_one_changed_price_is_told_with_both_values(store: Store, tmp_path: Path) -> None:
    name = "BTC_USDT_USDT-1m-futures.feather"
    frame = pl.read_ipc(TYPHONUN / name)
    row = 20_000
    here = pl.int_range(pl.len()) == row
    changed = frame.with_columns(pl.when(here).then(pl.col("volume") + 1).otherwise(pl.col("volume")).alias("volume"))
    changed.write_ipc(tmp_path / name)
    said = Said(venue="binance-usdm")
    imported(store, TYPHONUN / name)
    [result] = import_files(store, tmp_path / name, said, now_ns=now_ns)
    [told] = result.merged.differences
    assert (told.column, told.ts_ns) == ("volume", frame["date"].dt.timestamp("ns")[row])
    assert (told.kept, told.other) == (frame["volume"][row], frame["volume"][row] + 1)
    held = minutes(store, "binance-usdm", "BTC-USDT-PERP")
    assert held["volume"].to_list() == frame["volume"].to_list()


@needs_recording(SPOT)
def test_spot_folders_import_without_further_words(store: Store) -> None:
    results = imported(store, SPOT)
    assert [each.dataset for each in results] == [
        "binance-spot BTC-USDT candles 15m",
        "binance-spot BTC-USDT candles 1m",
        "binance-spot BTC-USDT candles 5m",
        "binance-spot ETH-USDT candles 1m",
    ]
    assert store.candles("binance-spot", "BTC-USDT", 5 * MINUTE_NS).collect().height == 140_614


@needs_recording(SPOT)
def test_minutes_and_five_minutes_of_one_source_tell_the_same(store: Store) -> None:
    imported(store, SPOT)
    fives = store.candles("binance-spot", "BTC-USDT", 5 * MINUTE_NS)
    folded = (
        store.candles("binance-spot", "BTC-USDT", MINUTE_NS)
        .group_by((pl.col("ts_open_ns") // (5 * MINUTE_NS) * 5 * MINUTE_NS).alias("ts_open_ns"))
        .agg(pl.col("open").first(), pl.col("high").max(), pl.col("low").min(), pl.col("close").last(), pl.len())
        .filter(pl.col("len") == 5)
    )
    both = fives.join(folded, on="ts_open_ns", suffix="_folded").collect()
    assert both.height > 8_000
    for name in ("open", "high", "low", "close"):
        assert both[name].to_list() == both[f"{name}_folded"].to_list()


@needs_recording(FUNDING)
def test_funding_comes_with_the_mark_prices_beside_it(store: Store) -> None:
    imported(store, FUNDING)
    rates = store.funding("binance-usdm", "BTC-USDT-PERP").collect()
    assert (rates.height, rates["mark_price"].null_count()) == (2_151, 0)
    assert rates["ts_funding_ns"].diff().drop_nulls().unique().to_list() == [8 * HOUR_NS]
    [candle] = [path for path in data_files(FUNDING) if path.name == "BTC_USDT_USDT-8h-mark.feather"]
    assert rates["mark_price"].to_list() == pl.read_ipc(candle)["open"].to_list()


@needs_recording(KRAKEN)
def test_kraken_archives_import_and_their_quiet_hours_are_named(store: Store) -> None:
    assert [each.dataset for each in imported(store, KRAKEN)] == [
        "kraken ETH-USD candles 1h",
        "kraken BTC-USD candles 1h",
    ]
    frame = store.candles("kraken", "BTC-USD", HOUR_NS).collect()
    assert (frame.height, frame["trade_count"][0], frame["close"][0]) == (70_253, 1, 122.0)
    report = check_file(KRAKEN / "avkhimen_1h" / "XBTUSD_60.csv.gz", now_ns=now_ns())
    assert report.counts == {"missing": 10_856}
    assert report.defects[0].row == 2
    assert report.defects[0].reason == "22 missing before this row: 2013-10-06 22:00:00Z to 2013-10-07 19:00:00Z"


@needs_recording(COINBASE)
def test_coinbase_hours_that_are_out_of_place_in_the_file_are_named_and_imported_in_order(store: Store) -> None:
    """Five hours of 2017-11-12 stand in the wrong order in the file, which itself runs backwards."""
    path = COINBASE / "cryptodatadownload_1h" / "Coinbase_BTCUSD_1h.csv.gz"
    report = check_file(path, now_ns=now_ns())
    assert report.counts == {"order": 6, "zero_volume": 15}
    assert [each.row for each in report.defects if each.kind == "order"] == [3, 13_660, 13_658, 13_656, 13_654, 13_652]
    imported(store, COINBASE)
    frame = store.candles("coinbase", "BTC-USD", HOUR_NS).collect()
    assert len(runs(frame["ts_open_ns"], HOUR_NS)) == 1
    assert (frame.height, frame["volume"][-1], frame["quote_volume"][-1]) == (16_863, 780.41, 6_238_605.1)


@needs_recording(BYBIT)
@needs_recording(MOHSENJFAR)
def test_the_same_minutes_on_two_venues_are_two_histories_that_differ_little(store: Store) -> None:
    imported(store, BYBIT)
    imported(store, MOHSENJFAR)
    here = store.candles("bybit-linear", "BTC-USDT-PERP", 5 * MINUTE_NS)
    there = store.candles("binance-usdm", "BTC-USDT-PERP", 5 * MINUTE_NS)
    both = here.join(there, on="ts_open_ns", suffix="_there").collect()
    assert both.height > 14_000
    assert (both["close"] / both["close_there"] - 1).abs().max() < 0.01  # type: ignore[operator]


@needs_recording(OHLCV)
def test_every_recording_is_read_and_only_the_known_defects_are_found() -> None:
    found: Counter[str] = Counter()
    files = [path for path in data_files(RECORDINGS) if path.suffix in {".feather", ".gz"}]
    for path in files:
        found.update(check_file(path, now_ns=now_ns()).counts)
    assert len(files) == 123
    # Kraken writes no candle without a trade; Binance stood still for 70 minutes on 2024-10-28
    assert found == {"missing": 14_330, "zero_volume": 43, "order": 18}


@pytest.mark.parametrize("name", ["BTC_USDT_USDT-1m-futures.feather"])
@needs_recording(TYPHONUN)
def test_a_damaged_copy_of_a_recording_is_refused_whole(store: Store, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes((TYPHONUN / name).read_bytes()[:200_000])
    [result] = import_files(store, tmp_path / name, Said(venue="binance-usdm"), now_ns=now_ns)
    assert "is not what its ending says" in result.error
    assert store.datasets() == []
