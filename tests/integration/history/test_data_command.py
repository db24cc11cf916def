"""``seawall data`` as people run it: what it prints, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from seawall_history.intervals import MINUTE_NS, NS_PER_MS
from seawall_history.store import Store
from seawall_runtime.clock import now_ns
from tests.integration.history.conftest import PROGRAM, Run
from tests.integration.history.fake_binance import LISTED_MS, FakeBinance

HEAD = "time,open,high,low,close,volume"
GOOD = [f"{1_746_144_000 + minute * 60},100,101,99,100.5,3" for minute in range(5)]


def write_csv(path: Path, *rows: str) -> Path:
    path.write_text("\n".join([HEAD, *(rows or GOOD)]) + "\n")
    return path


NAMED = ("--venue", "binance-usdm", "--symbol", "BTC-USDT-PERP", "--interval", "1m")


async def test_a_download_says_what_came_and_a_second_that_nothing_was_missing(venue: FakeBinance, data: Run) -> None:
    arguments = ("download", *NAMED, "--from", "2025-05-01", "--to", "2025-05-02T03:00", "--url", venue.url)
    first = await data(*arguments)
    assert first.code == 0, first.err
    assert first.out.startswith("binance-usdm BTC-USDT-PERP candles 1m: 180 new rows")
    assert "binance-usdm BTC-USDT-PERP candles 1m: 100%, 180 rows" in first.err
    again = await data(*arguments)
    assert (again.code, again.out) == (0, "binance-usdm BTC-USDT-PERP candles 1m: nothing was missing\n")
    told = json.loads((await data(*arguments, "--json")).out)
    assert told["failed"] == []
    assert told["histories"][0]["missing_ns"] == 0


async def test_several_symbols_come_in_one_run_and_a_wrong_one_is_told_before_any_is_fetched(
    venue: FakeBinance, data: Run
) -> None:
    span = ("--venue", "binance-usdm", "--from", "2025-05-02", "--to", "2025-05-02T01:00", "--url", venue.url)
    wrong = await data("download", "--symbol", "BTC-USDT-PERP,BTD-USDT-PERP", *span)
    assert wrong.code == 1
    assert "lists no BTD/USDT:USDT" in wrong.err
    assert venue.asked == []
    right = await data("download", "--symbol", "BTC-USDT-PERP,ETH-USDT-PERP", *span)
    assert right.out.count("60 new rows") == 2
    listed = json.loads((await data("list", "--json")).out)
    assert [(each["symbol"], each["rows"], each["holes"]) for each in listed] == [
        ("BTC-USDT-PERP", 60, 0),
        ("ETH-USDT-PERP", 60, 0),
    ]


async def test_a_server_that_refuses_ends_with_one_line_and_code_1(venue: FakeBinance, data: Run) -> None:
    venue.faults.append("451")
    ended = await data("download", *NAMED, "--from", "2025-05-02", "--url", venue.url)
    assert ended.code == 1
    last = ended.err.splitlines()[-1]
    assert last.startswith("seawall: binance-usdm BTC-USDT-PERP candles 1m: binance-usdm refuses candles")
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--venue", "ftx", "--symbol", "BTC-USDT-PERP", "--from", "2025-05-02"), "venue 'ftx': expected one of"),
        (("--venue", "okx", "--symbol", "../../etc", "--from", "2025-05-02"), "symbol '../../etc': expected"),
        (("--venue", "okx", "--symbol", "BTC-USDT", "--from", "yesterday"), "time 'yesterday': expected a date"),
        (("--venue", "okx", "--symbol", ",", "--from", "2025-05-02"), "an empty list of names"),
        (("--venue", "okx", "--symbol", "BTC-USDT", "--from", "2025-05-02", "--kind", "quotes"), "--kind quotes"),
        (("--venue", "okx", "--symbol", "BTC-USDT", "--from", "2025-05-02", "--interval", "1M"), "interval '1M'"),
        (("--venue", "binance-usdm", "--symbol", "BTC-USDT", "--from", "2025-05-02"), "expected a futures symbol"),
    ],
)
async def test_a_wrong_word_is_told_with_what_was_expected(data: Run, arguments: tuple[str, ...], words: str) -> None:
    ended = await data("download", *arguments)
    assert ended.code == 2
    assert words in ended.err
    assert "Traceback" not in ended.err


async def test_overlapping_imports_merge_and_a_difference_ends_with_5(data: Run, tmp_path: Path) -> None:
    write_csv(tmp_path / "one.csv")
    other = write_csv(tmp_path / "two.csv", GOOD[3], GOOD[4].replace("100.5", "100.6"), "1746144300,100,101,99,100,1")
    assert (await data("import", "one.csv", *NAMED)).out.startswith(
        "one.csv -> binance-usdm BTC-USDT-PERP candles 1m: 5 new"
    )
    second = await data("import", "two.csv", *NAMED)
    assert second.code == 5
    assert "1 new, 1 the same, 1 differ" in second.out
    assert "close 100.5" in second.out
    assert "100.6" in second.out
    store = Store(tmp_path / ".data" / "history")
    assert store.candles("binance-usdm", "BTC-USDT-PERP", MINUTE_NS).collect()["close"][4] == 100.5
    third = await data("import", str(other), *NAMED, "--replace")
    assert third.code == 0
    assert store.candles("binance-usdm", "BTC-USDT-PERP", MINUTE_NS).collect()["close"][4] == 100.6


async def test_a_file_with_a_false_row_is_refused_with_the_row_unless_it_may_be_dropped(
    data: Run, tmp_path: Path
) -> None:
    write_csv(tmp_path / "bad.csv", *GOOD, "1746144300,100,98,99,100,1", "1746144360,abc,101,99,100,1")
    refused = await data("import", "bad.csv", *NAMED)
    assert refused.code == 1
    assert "2 of 7 rows cannot be true" in refused.out
    assert "row 8: open is 'abc'; expected a finite number above 0" in refused.out
    assert "row 7: high 98 is below low 99" in refused.out
    assert (await data("list")).out == "nothing under .data/history\n"
    dropped = await data("import", "bad.csv", *NAMED, "--drop-bad")
    assert dropped.code == 0
    assert "5 new, 2 left out" in dropped.out


async def test_verify_names_each_defect_of_a_file_and_ends_with_5(data: Run, tmp_path: Path) -> None:
    write_csv(tmp_path / "bad.csv", GOOD[0], GOOD[1], GOOD[1], GOOD[4], "1746144330,100,98,99,nan,1")
    ended = await data("verify", "bad.csv")
    assert ended.code == 5
    for words in (
        "number: row 6 (2025-05-02 00:05:30Z): close is 'nan'",
        "grid: row 6 (2025-05-02 00:05:30Z): opens 30 s after a time of the 1m grid",
        "duplicate: row 4 (2025-05-02 00:01:00Z): same time as row 3, with the same values",
        "missing: row 5 (2025-05-02 00:04:00Z): 2 missing before this row: 2025-05-02 00:02:00Z",
    ):
        assert words in ended.out
    told = json.loads((await data("verify", "bad.csv", "--json")).out)
    assert told["clean"] is False
    assert told["checked"][0]["counts"] == {"number": 1, "grid": 1, "duplicate": 1, "missing": 2}
    overlooked = await data("verify", "bad.csv", "--ignore", "number,grid,duplicate,missing")
    assert overlooked.code == 0
    assert (await data("verify", write_csv(tmp_path / "good.csv").name)).code == 0


async def test_verify_finds_a_byte_that_was_changed_in_the_store(data: Run, tmp_path: Path) -> None:
    write_csv(tmp_path / "one.csv")
    await data("import", "one.csv", *NAMED)
    assert (await data("verify")).code == 0
    [path] = (tmp_path / ".data").rglob("*.parquet")
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    ended = await data("verify")
    assert ended.code == 5
    assert "2025-05.parquet has sha256" in ended.out


async def test_an_open_candle_of_a_file_is_left_out(data: Run, tmp_path: Path) -> None:
    this_minute_s = now_ns() // MINUTE_NS * 60
    rows = [f"{this_minute_s + minute * 60},100,101,99,100,3" for minute in (-3, -2, -1, 0)]
    write_csv(tmp_path / "now.csv", *rows)
    ended = await data("import", "now.csv", *NAMED)
    assert "3 new, 1 left out" in ended.out
    assert "1 candle that had not closed" in ended.out


async def test_load_without_a_system_or_a_database_is_told(data: Run, tmp_path: Path) -> None:
    write_csv(tmp_path / "one.csv")
    await data("import", "one.csv", *NAMED)
    assert (await data("load")).code == 4
    away = await data("load", "--database-url", "postgresql://seawall@127.0.0.1:1/none")
    assert away.code == 3
    assert "PostgreSQL gave no answer" in away.err


async def test_load_puts_history_into_the_named_database_once(data: Run, tmp_path: Path, postgres_url: str) -> None:
    from seawall_ledger.migrate import migrate

    await migrate(postgres_url)
    write_csv(tmp_path / "one.csv")
    await data("import", "one.csv", *NAMED)
    told: list[Any] = []
    for _ in range(2):
        ended = await data("load", "--database-url", postgres_url, "--json")
        assert ended.code == 0, ended.err
        told.append(json.loads(ended.out)[0]["added"])
    assert told == [5, 0]


async def test_help_of_the_whole_command_loads_no_polars_and_no_ccxt(data: Run) -> None:
    code = "import sys, seawall_cli.commands.data; print([name for name in ('polars', 'ccxt') if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


async def test_downloaded_minutes_are_in_the_store_that_trainers_read(
    venue: FakeBinance, data: Run, tmp_path: Path
) -> None:
    span = ("--from", "2025-05-02", "--to", "2025-05-02T02:00", "--url", venue.url, "--folder", "mine")
    assert (await data("download", *NAMED, *span)).code == 0
    begin = LISTED_MS * NS_PER_MS
    frame = Store(tmp_path / "mine").candles(
        "binance-usdm", "BTC-USDT-PERP", MINUTE_NS, begin + 30 * MINUTE_NS, begin + 40 * MINUTE_NS
    )
    assert isinstance(frame, pl.LazyFrame)
    assert frame.collect()["ts_open_ns"].to_list() == [begin + minute * MINUTE_NS for minute in range(30, 40)]


async def test_ctrl_c_keeps_what_came_and_the_next_run_goes_on(venue: FakeBinance, data: Run, tmp_path: Path) -> None:
    venue.pause_s = 0.1
    arguments = ("download", *NAMED, "--from", "2025-05-02", "--url", venue.url)
    ended = await data(*arguments, interrupt_when=lambda: len(venue.asked_for("klines")) >= 3)
    assert ended.code == 130
    assert "Traceback" not in ended.err
    held = Store(tmp_path / ".data" / "history").candles("binance-usdm", "BTC-USDT-PERP", MINUTE_NS).collect().height
    assert held >= 2_000
    venue.pause_s = 0.0
    venue.asked.clear()
    assert (await data(*arguments)).code == 0
    assert len(venue.asked_for("klines")) == -(-(5_760 - held) // 1_000)


async def test_a_terminal_sees_a_bar_that_fills(venue: FakeBinance, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    arguments = ("download", *NAMED, "--from", "2025-05-02", "--to", "2025-05-02T05:00", "--url", venue.url)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, "data", *arguments), stdout=subprocess.DEVNULL, stderr=theirs, cwd=tmp_path
    )
    os.close(theirs)
    assert await process.wait() == 0
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    assert "━" in shown
    assert "100 %" in shown
    assert "300 rows" in shown
