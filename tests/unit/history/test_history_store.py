"""The store: whole after a crash at any moment, closed to names that lead out of it, and read by range."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from seawall_history import files, manifest, writer
from seawall_history.errors import BadInputError, StoreError
from seawall_history.intervals import MINUTE_NS, interval_name, interval_ns_of
from seawall_history.names import Dataset
from seawall_history.schema import CANDLES
from seawall_history.store import Store
from seawall_history.verify.check import check_store
from seawall_history.writer import writing
from tests.unit.history.history_rows import BEGIN_NS, MINUTES, NOW_NS, candles

MONTH_MINUTES = 30 * 1_440  # from the second of May, two days into June


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "history")


def put(store: Store, rows: pl.DataFrame, **more: object) -> None:
    with writing(store, MINUTES, lambda: NOW_NS) as opened:
        opened.add(rows, **more)  # type: ignore[arg-type]


def held(store: Store) -> list[int]:
    frame = store.candles("binance-usdm", "BTC-USDT-PERP", MINUTE_NS).collect()
    return [(each - BEGIN_NS) // MINUTE_NS for each in frame["ts_open_ns"]]


def test_each_month_is_a_file_in_a_folder_that_says_what_it_holds(store: Store) -> None:
    put(store, candles([0, 1, MONTH_MINUTES, MONTH_MINUTES + 1]))
    folder = store.folder / "venue=binance-usdm" / "symbol=BTC-USDT-PERP" / "kind=candles" / "interval=1m"
    assert sorted(path.name for path in folder.glob("*.parquet")) == ["2025-05.parquet", "2025-06.parquet"]
    told = json.loads((folder / "manifest.json").read_text())["parts"]["2025-05"]
    assert told["rows"] == 2
    assert (told["ts_from_ns"], told["ts_to_ns"]) == (BEGIN_NS, BEGIN_NS + MINUTE_NS)
    assert told["sources"] == ["one"]
    assert told["sha256"] == files.sha256_of(folder / "2025-05.parquet")
    assert pl.read_parquet(folder / "2025-05.parquet", hive_partitioning=False).schema == pl.Schema(CANDLES.columns)


def test_a_range_holds_its_first_moment_and_not_its_last(store: Store) -> None:
    put(store, candles([*range(10), MONTH_MINUTES]))
    frame = store.candles(
        "binance-usdm", "BTC-USDT-PERP", MINUTE_NS, BEGIN_NS + 3 * MINUTE_NS, BEGIN_NS + 6 * MINUTE_NS
    )
    assert frame.collect()["ts_open_ns"].to_list() == [BEGIN_NS + each * MINUTE_NS for each in (3, 4, 5)]
    none = store.candles("binance-usdm", "BTC-USDT-PERP", MINUTE_NS, 0, BEGIN_NS).collect()
    assert (none.height, none.schema) == (0, pl.Schema(CANDLES.columns))
    [chunk] = store.chunks(MINUTES, BEGIN_NS + 9 * MINUTE_NS, BEGIN_NS + 20 * MINUTE_NS)
    assert chunk.height == 1


def test_a_history_that_is_not_there_is_told_with_what_is(store: Store) -> None:
    put(store, candles([0]))
    with pytest.raises(StoreError, match="of this symbol there is binance-usdm BTC-USDT-PERP candles 1m"):
        store.candles("binance-usdm", "BTC-USDT-PERP", 5 * MINUTE_NS)


class Crash(BaseException):
    """The power goes."""


def crash_at(step: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """End everything in the ``step``-th change of the folder; return what was done, to be read afterwards."""
    done: list[str] = []
    rename, write = files.put_in_place, files.write_whole

    def step_on(what: str) -> None:
        if len(done) == step:
            raise Crash
        done.append(what)

    def put_in_place(temporary: Path, path: Path) -> None:
        step_on(f"rename {path.name}")
        rename(temporary, path)

    def write_whole(path: Path, data: bytes) -> None:
        step_on(f"write {path.name}")
        write(path, data)

    monkeypatch.setattr(writer, "put_in_place", put_in_place)
    monkeypatch.setattr(files, "put_in_place", rename)
    monkeypatch.setattr(manifest, "write_whole", write_whole)
    return done


@pytest.mark.parametrize("step", range(5))
def test_after_a_crash_at_any_step_every_file_is_whole_and_the_next_run_completes_it(
    store: Store, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    before, after = [0, 1, MONTH_MINUTES], [0, 1, 2, MONTH_MINUTES, MONTH_MINUTES + 1]
    put(store, candles(before))
    with monkeypatch.context() as patched:
        done = crash_at(step, patched)
        if step < 4:
            with pytest.raises(Crash):
                put(store, candles(after), asked=[(0, BEGIN_NS)])
        else:
            put(store, candles(after), asked=[(0, BEGIN_NS)])
            assert done == [
                "write manifest.json",
                "rename 2025-05.parquet",
                "rename 2025-06.parquet",
                "write manifest.json",
            ]
    assert set(before) <= set(held(store)) <= set(after)
    assert all(
        report.clean or report.counts.keys() == {"missing"} for report in check_store(store, [MINUTES], now_ns=NOW_NS)
    )
    put(store, candles(after), asked=[(0, BEGIN_NS)])
    assert held(store) == after
    found = store.manifest(MINUTES)
    assert found is not None
    assert (found.pending, found.asked) == ({}, [(0, BEGIN_NS)])
    assert list(store.folder.rglob("*.tmp")) == []


def test_a_file_that_is_neither_the_old_nor_the_announced_one_is_damage(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, candles([0]))
    with monkeypatch.context() as patched:
        crash_at(1, patched)
        with pytest.raises(Crash):
            put(store, candles([0, 1]))
    [path] = store.folder.rglob("*.parquet")
    path.write_bytes(b"PAR1 and nothing")
    with pytest.raises(StoreError, match=r"2025-05\.parquet is damaged"):
        held(store)


@pytest.mark.parametrize(
    ("venue", "symbol"),
    [
        ("..", "BTC-USDT"),
        ("binance/../..", "BTC-USDT"),
        ("binance-usdm", "../BTC"),
        ("binance-usdm", "/etc/passwd"),
        ("binance-usdm", "BTC/USDT"),
        ("binance-usdm", "BTC\x00USDT"),
        ("binance-usdm", "BTC.USDT"),
        ("binance-usdm", "-rf"),
        ("binance-usdm", ""),
        ("binance-usdm", "B" * 65),
        ("binance-usdm", "币安-USDT"),
        ("binance-usdm\n", "BTC-USDT"),
    ],
)
def test_a_name_that_could_lead_out_of_the_folder_is_refused(venue: str, symbol: str) -> None:
    with pytest.raises(BadInputError, match="expected letters, digits"):
        Dataset(venue, symbol, "candles", MINUTE_NS)


def test_a_manifest_cannot_name_a_file_outside_of_its_folder(store: Store) -> None:
    put(store, candles([0]))
    [path] = store.folder.rglob("manifest.json")
    path.write_text(path.read_text().replace('"2025-05"', '"../../../../../2025-05"'))
    with pytest.raises(StoreError, match="is no manifest"):
        held(store)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', "\xff"])
def test_a_manifest_that_is_none_is_told(store: Store, text: str) -> None:
    put(store, candles([0]))
    [path] = store.folder.rglob("manifest.json")
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(StoreError, match="is no manifest"):
        store.manifest(MINUTES)


def test_a_folder_that_was_moved_under_another_name_is_told(store: Store) -> None:
    put(store, candles([0]))
    folder = store.folder / "venue=binance-usdm"
    (folder / "symbol=BTC-USDT-PERP").rename(folder / "symbol=ETH-USDT-PERP")
    with pytest.raises(StoreError, match="expected binance-usdm ETH-USDT-PERP candles 1m: the folder was moved"):
        store.candles("binance-usdm", "ETH-USDT-PERP", MINUTE_NS)


def test_files_without_a_manifest_are_neither_believed_nor_written_over(store: Store) -> None:
    put(store, candles([0]))
    [path] = store.folder.rglob("manifest.json")
    path.unlink()
    [report] = check_store(store, store.datasets(), now_ns=NOW_NS)
    assert "has no manifest" in report.defects[0].reason
    with pytest.raises(StoreError, match="is there and not in the manifest"):
        put(store, candles([1]))


def test_nothing_is_written_where_nothing_is_new(store: Store) -> None:
    put(store, candles([0, 1]))
    before = {path: path.stat().st_mtime_ns for path in store.folder.rglob("*") if path.name != ".lock"}
    put(store, candles([1]))
    assert {path: path.stat().st_mtime_ns for path in store.folder.rglob("*") if path.name != ".lock"} == before


@pytest.mark.parametrize(
    ("name", "length_s"), [("1s", 1), ("1m", 60), ("4h", 14_400), ("1d", 86_400), ("1w", 604_800), ("90m", 5_400)]
)
def test_intervals_have_one_name(name: str, length_s: int) -> None:
    assert interval_ns_of(name) == length_s * 1_000_000_000
    assert interval_name(length_s * 1_000_000_000) == name
    assert interval_name(interval_ns_of("60m")) == "1h"
