"""Other people's files: every shape in use is read for what it says, and anything else is told."""

from __future__ import annotations

import gzip
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seawall_history.errors import BadInputError
from seawall_history.intervals import HOUR_NS, MINUTE_NS
from seawall_history.reading.file_names import FileWords, symbol_of_pair, words_of
from seawall_history.reading.read import Reading, read_file
from tests.unit.history.history_rows import BEGIN_NS

BEGIN_S = BEGIN_NS // 1_000_000_000
ROW = (BEGIN_NS, 100.0, 101.0, 99.0, 100.5, 3.0)
COLUMNS = ("ts_open_ns", "open", "high", "low", "close", "volume")


def read(path: Path, text: str, **more: object) -> Reading:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return read_file(path, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        f"time,open,high,low,close,volume\n{BEGIN_S},100,101,99,100.5,3\n",
        f"Timestamp;Open;High;Low;Close;Volume\n{BEGIN_S}000;100;101;99;100.5;3\n",
        f"open_time\topen\thigh\tlow\tclose\tvolume\n{BEGIN_S}000000\t100\t101\t99\t100.5\t3\n",
        f"ts,o,h,l,c,v\n{BEGIN_NS},100,101,99,100.5,3\n",
        f"{BEGIN_S},100,101,99,100.5,3\n",
        f"{BEGIN_S}.0,100,101,99,100.5,3\n",
        f"{BEGIN_S},100,101,99,100.5,3,17\n",
        f"{BEGIN_S},100,101,99,100.5,100.2,3,17\n",
        f"{BEGIN_S}000000,100,101,99,100.5,3,{BEGIN_S}059999999,300.1,17,1.5,150.1,0\n",
        "date,open,high,low,close,volume\n2025-05-02 00:00:00,100,101,99,100.5,3\n",
        "date,open,high,low,close,volume\n2025-05-02T00:00:00Z,100,101,99,100.5,3\n",
        "date,open,high,low,close,volume\n2025-05-02 00:00:00+00:00,100,101,99,100.5,3\n",
        "date,open,high,low,close,volume\n2025-05-02,100,101,99,100.5,3\n",
        '\ufeff"Date","Open","High","Low","Close","Volume"\n"2025-05-02 00:00","100","101","99","100.5","3"\n',
        "# a remark\n\ndate,open,high,low,close,volume\n2025-05-02 00:00:00.000,100,101,99,100.5,3\n",
        "Timestamps are UTC timezone,https://www.CryptoDataDownload.com\n"
        "Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USD\n2025-05-02 12-AM,BTCUSD,100,101,99,100.5,3,300.1\n",
        "https://www.CryptoDataDownload.com\n"
        f"unix,date,symbol,open,high,low,close,Volume USD,Volume BTC\n{BEGIN_S},x,BTC/USD,100,101,99,100.5,300.1,3\n",
    ],
)
@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_a_candle_is_read_however_it_is_written(tmp_path: Path, text: str, ending: str) -> None:
    reading = read(tmp_path / f"file{ending}", text)
    assert reading.kind == "candles"
    assert reading.frame.select(COLUMNS).row(0) == ROW
    assert reading.zone == ""
    line = text.splitlines()[reading.frame["row"][0] - 1]
    assert "100.5" in line


def test_counts_and_quote_volumes_come_from_where_a_source_has_them(tmp_path: Path) -> None:
    binance = f"{BEGIN_S}000,100,101,99,100.5,3,{BEGIN_S}059,300.1,17,1.5,150.1,0\n"
    frame = read(tmp_path / "one.csv", binance).frame
    assert frame.select("quote_volume", "buy_volume", "trade_count").row(0) == (300.1, 1.5, 17)
    assert read(tmp_path / "two.csv", f"{BEGIN_S},100,101,99,100.5,3,17\n").frame["trade_count"][0] == 17


def test_times_of_another_zone_are_converted_and_told(tmp_path: Path) -> None:
    text = "date,open,high,low,close,volume\n2025-05-02T02:00:00+02:00,100,101,99,100.5,3\n"
    reading = read(tmp_path / "file.csv", text)
    assert (reading.frame["ts_open_ns"][0], reading.zone) == (BEGIN_NS, "+02:00")
    moment = datetime.fromtimestamp(BEGIN_S, UTC)
    frame = pl.DataFrame({"date": [moment], **dict(zip(COLUMNS[1:], ([each] for each in ROW[1:]), strict=True))})
    frame.with_columns(pl.col("date").dt.convert_time_zone("Asia/Tokyo")).write_ipc(tmp_path / "file.feather")
    reading = read_file(tmp_path / "file.feather")
    assert (reading.frame["ts_open_ns"][0], reading.zone) == (BEGIN_NS, "Asia/Tokyo")


@pytest.mark.parametrize("unit", ["ns", "us", "ms"])
@pytest.mark.parametrize("zone", ["UTC", None])
def test_feather_and_parquet_times_are_read_in_every_unit(tmp_path: Path, unit: str, zone: str | None) -> None:
    frame = pl.DataFrame({"date": [BEGIN_NS], **dict(zip(COLUMNS[1:], ([each] for each in ROW[1:]), strict=True))})
    times = pl.from_epoch("date", time_unit="ns").dt.cast_time_unit(unit)  # type: ignore[arg-type]
    frame = frame.with_columns(times if zone is None else times.dt.replace_time_zone(zone))
    frame.write_ipc(tmp_path / "file.feather")
    frame.write_parquet(tmp_path / "file.parquet")
    for name in ("file.feather", "file.parquet"):
        assert read_file(tmp_path / name).frame.select(COLUMNS).row(0) == ROW


def test_freqtrade_keeps_the_rate_in_the_open(tmp_path: Path) -> None:
    times = [BEGIN_NS + 6_000_000, BEGIN_NS + 8 * HOUR_NS + 1_000_000]
    frame = pl.DataFrame(
        {"date": times, "open": [0.0001, -0.0002], "high": 0.0, "low": 0.0, "close": 0.0, "volume": 0.0}
    )
    path = tmp_path / "BTC_USDT_USDT-8h-funding_rate.feather"
    frame.with_columns(pl.from_epoch("date", time_unit="ns")).write_ipc(path)
    reading = read_file(path)
    assert reading.kind == "funding"
    assert reading.frame["funding_rate"].to_list() == [0.0001, -0.0002]
    assert reading.frame["ts_funding_ns"].to_list() == [BEGIN_NS, BEGIN_NS + 8 * HOUR_NS]


@pytest.mark.parametrize(
    ("text", "identity", "aggressor"),
    [
        (f"7,100.5,0.25,25.1,{BEGIN_S}000,true\n", "7", "sell"),
        (f"7,100.5,0.25,25.1,{BEGIN_S}000,False,True\n", "7", "buy"),
        (f"7,100.5,0.25,1,2,{BEGIN_S}000,true\n", "agg-7", "sell"),
        (f"7,100.5,0.25,1,2,{BEGIN_S}000000,False,True\n", "agg-7", "buy"),
        (f"timestamp,id,side,price,amount\n{BEGIN_S}000,7,SELL,100.5,0.25\n", "7", "sell"),
        (f"id,price,qty,time,isBuyerMaker\n7,100.5,0.25,{BEGIN_S}000,false\n", "7", "buy"),
    ],
)
def test_a_trade_is_read_however_it_is_written(tmp_path: Path, text: str, identity: str, aggressor: str) -> None:
    reading = read(tmp_path / "file.csv", text, kind="trades")
    expected = (BEGIN_NS, identity, 100.5, 0.25, aggressor)
    assert reading.frame.select("ts_trade_ns", "trade_id", "price", "quantity", "aggressor").row(0) == expected


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("BTC_USDT_USDT-1m-futures.feather", ("", "BTC-USDT-PERP", "candles", MINUTE_NS)),
        (
            "binance/1000PEPE_USDT_USDT-5m-futures.parquet",
            ("binance-usdm", "1000PEPE-USDT-PERP", "candles", 5 * MINUTE_NS),
        ),
        ("binance/BTC_USDT-1m.feather", ("binance-spot", "BTC-USDT", "candles", MINUTE_NS)),
        ("bybit/futures/BTC_USDT_USDT-8h-funding_rate.feather", ("bybit-linear", "BTC-USDT-PERP", "funding", 0)),
        ("okx/ETH_USDT-trades.feather", ("okx", "ETH-USDT", "trades", 0)),
        ("XBTUSD_60.csv.gz", ("", "BTC-USD", "candles", HOUR_NS)),
        ("kraken/XDGEUR_1440.csv", ("kraken", "DOGE-EUR", "candles", 24 * HOUR_NS)),
        ("Coinbase_BTCUSD_1h.csv", ("coinbase", "BTC-USD", "candles", HOUR_NS)),
        ("Binance_ETHUSDT_2021_minute.csv", ("binance-spot", "ETH-USDT", "candles", MINUTE_NS)),
        ("BTC_USD_BTC-1h-futures.feather", ("", "", None, 0)),  # inverse: its quantities are contracts
        ("prices.csv", ("", "", None, 0)),
    ],
)
def test_the_name_of_a_file_tells_what_is_in_it(
    tmp_path: Path, name: str, words: tuple[str, str, str | None, int]
) -> None:
    found = words_of(tmp_path / name)
    assert (found.venue, found.symbol, found.kind, found.interval_ns) == words
    assert not found.mark


def test_mark_prices_are_told_from_candles_of_trades() -> None:
    assert words_of(Path("BTC_USDT_USDT-8h-mark.feather")) == FileWords(
        "", "BTC-USDT-PERP", "candles", 8 * HOUR_NS, mark=True
    )


@pytest.mark.parametrize(
    ("pair", "symbol"), [("XBTUSD", "BTC-USD"), ("ETHXBT", "ETH-BTC"), ("NXTUSD", "NXT-USD"), ("BTC/USDT", "BTC-USDT")]
)
def test_a_pair_is_taken_apart_at_its_quote_currency(pair: str, symbol: str) -> None:
    assert symbol_of_pair(pair) == symbol


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("empty.csv", "", "no line of data"),
        ("header.csv", "time,open,high,low,close,volume\n", "no rows"),
        ("few.csv", f"time,open,high,low\n{BEGIN_S},1,2,3\n", "expected candles, funding or trades"),
        ("novolume.csv", f"time,open,high,low,close\n{BEGIN_S},1,2,3,4\n", "no column for volume among time, open"),
        ("notime.csv", "open,high,low,close,volume\n1,2,3,4,5\n", "no column of times among open"),
        ("old.csv", "time,open,high,low,close,volume\n17,1,2,3,4,5\n", "holds numbers such as 17, expected times"),
        ("words.csv", "time,open,high,low,close,volume\nsoon,1,2,3,4,5\n", "holds 'soon', expected times such as"),
        ("headless.csv", "1,2,3,4\n", "no header and 4 columns, the first line '1,2,3,4'"),
        ("ragged.csv", f"time,open,high,low,close,volume\n{BEGIN_S},1,2,3,4,5,6,7\n", "is not what its ending says"),
        ("twice.csv", f"time,open,Open,high,low,close,volume\n{BEGIN_S},1,1,2,3,4,5\n", "two columns of one name"),
        ("file.feather", "not arrow", "is not what its ending says"),
        ("file.parquet", "not parquet", "is not what its ending says"),
        ("file.txt", "1,2", "expected a file that ends in .feather"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_was_found(tmp_path: Path, name: str, text: str, words: str) -> None:
    with pytest.raises(BadInputError) as caught:
        read(tmp_path / name, text)
    assert words in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def test_a_compressed_file_that_ends_early_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file.csv.gz"
    rows = "".join(f"{BEGIN_S + each * 60},1,2,3,4,5\n" for each in range(20_000))
    path.write_bytes(gzip.compress(rows.encode())[:-1_000])
    with pytest.raises(BadInputError, match=r"file\.csv\.gz"):
        read_file(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"none\.csv cannot be read"):
        read_file(tmp_path / "none.csv")


FUZZED = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@FUZZED
@given(st.binary(max_size=400), st.sampled_from([".csv", ".csv.gz", ".feather", ".parquet"]))
def test_any_bytes_are_a_reading_or_a_complaint(tmp_path: Path, data: bytes, ending: str) -> None:
    path = tmp_path / f"fuzz{ending}"
    path.write_bytes(data)
    with suppress(BadInputError):
        read_file(path)


cells = st.one_of(
    st.sampled_from(
        ["", "nan", "inf", "-1", "0", "1e400", "100", "abc", '"', "2025-05-02", "1746144000", "true", "9" * 30]
    )
)


@FUZZED
@given(st.lists(st.lists(cells, min_size=1, max_size=9), min_size=1, max_size=6), st.booleans())
def test_any_cells_are_a_reading_or_a_complaint(tmp_path: Path, lines: list[list[str]], header: bool) -> None:
    path = tmp_path / "cells.csv"
    text = "\n".join([*(["time,open,high,low,close,volume"] if header else []), *(",".join(line) for line in lines)])
    path.write_text(text)
    try:
        reading = read_file(path)
    except BadInputError:
        return
    assert reading.frame.columns == [*reading.schema.columns, "row"]


def test_a_year_of_minutes_keeps_its_times_exactly(tmp_path: Path) -> None:
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    rows = [f"{begin + timedelta(minutes=each):%Y-%m-%d %H:%M:%S},1,1,1,1,1" for each in range(0, 366 * 1_440, 7)]
    frame = read(tmp_path / "year.csv", "date,open,high,low,close,volume\n" + "\n".join(rows)).frame
    assert set(frame["ts_open_ns"].diff().drop_nulls()) == {7 * MINUTE_NS}
