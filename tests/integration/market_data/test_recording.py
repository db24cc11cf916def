"""A feed recorded over real sockets is verified and replayed: the same books, also after a break and a new file."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import msgspec

from seawall_market_data.recordings import Recording
from seawall_market_data.service import settings_of
from seawall_market_data.verify import verify
from seawall_proto import BookChanged
from seawall_runtime.clock import now_ns
from seawall_runtime.config import MarketDataConfig
from seawall_venues.capture import record as capture_record
from seawall_venues.capture.record import Recorder, RecordPlan
from seawall_venues.feeds import FEEDS
from seawall_venues.wire import FeedOptions
from tests.worlds.fake_venue import FakeVenue, until

BTC = "BTC-USDT-PERP"
SETTINGS = msgspec.structs.replace(settings_of(MarketDataConfig()), book_every_ns=1)
SEAWALL = [sys.executable, "-m", "seawall_cli.main"]


async def recorded(venue: FakeVenue, folder: Path, *, max_bytes: int = 1 << 30) -> Recorder:
    """Record some frames, a break, and some more."""
    plan = RecordPlan(
        spec=FEEDS["binance-usdm"],
        rest_url=venue.rest_url,
        websocket_url=venue.websocket_url,
        symbols=(BTC,),
        folder=folder,
        options=FeedOptions(),
        max_bytes=max_bytes,
        max_age_ns=1 << 60,
    )
    recorder = Recorder(plan, now_ns=now_ns, jitter=random.Random(1))
    task = asyncio.create_task(recorder.run())
    market = venue.markets["BTCUSDT"]
    market.now_ms = now_ns() // 1_000_000  # trades of long ago would be history
    try:
        for _ in range(2):
            await until(lambda: any(not socket.closed for socket in venue.sockets))
            for _ in range(60):
                await venue.send(market.depth())
                await venue.send(market.quote())
                await venue.send(market.trade())
                await asyncio.sleep(0.01)
            await venue.drop()
            await asyncio.sleep(0.3)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return recorder


async def test_what_was_recorded_verifies_and_says_the_markets_own_books(tmp_path: Path, monkeypatch: object) -> None:
    capture_record.SNAPSHOT_PAUSE_S = 0.02
    async with FakeVenue("BTCUSDT") as venue:
        recorder = await recorded(venue, tmp_path)
    assert recorder.frames == 360
    report = verify(Recording([tmp_path], SETTINGS))
    assert report.ok, report
    assert (report.frames, report.checks_failed, report.venues) == (360, 0, ["binance-usdm"])
    symbol = report.symbols[f"binance-usdm/{BTC}"]
    assert symbol.snapshots == 2
    assert symbol.quotes_compared == symbol.quotes_agreed > 80
    assert report.events["TradePrinted"] == 120
    assert verify(Recording([tmp_path], SETTINGS)).fingerprint == report.fingerprint


async def test_each_file_of_a_rotated_recording_stands_alone(tmp_path: Path) -> None:
    capture_record.SNAPSHOT_PAUSE_S = 0.02
    async with FakeVenue("BTCUSDT") as venue:
        recorder = await recorded(venue, tmp_path, max_bytes=120_000)
    files = recorder.writer.files
    assert len(files) >= 2
    whole = {
        event.id: event
        for line, replays in Recording([tmp_path], SETTINGS).lines()
        for replay in replays
        for event in replay.take(line)
        if isinstance(event, BookChanged)
    }
    for path in files[:-1]:
        alone = Recording([path], SETTINGS)
        books = [
            event
            for line, replays in alone.lines()
            for replay in replays
            for event in replay.take(line)
            if isinstance(event, BookChanged)
        ]
        assert books, f"{path.name} says no book"
        assert all((book.bids[0], book.asks[0]) == (whole[book.id].bids[0], whole[book.id].asks[0]) for book in books)


async def test_the_commands_record_verify_and_replay(tmp_path: Path) -> None:
    async with FakeVenue("BTCUSDT") as venue:
        where = ["--rest-url", venue.rest_url, "--websocket-url", venue.websocket_url, "--folder", str(tmp_path)]
        asked = [*SEAWALL, "record", "--venue", "binance-usdm", "--symbols", BTC, "--duration", "4", *where]
        process = await asyncio.create_subprocess_exec(*asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        market = venue.markets["BTCUSDT"]
        while process.returncode is None:
            if any(not socket.closed for socket in venue.sockets):
                await venue.send(market.depth())
                await venue.send(market.quote())
            await asyncio.sleep(0.02)
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    told = msgspec.json.decode(out)
    assert told["frames"] > 50
    assert [Path(name).parent for name in told["files"]] == [tmp_path]
    checked = subprocess.run([*SEAWALL, "feed", "verify", str(tmp_path)], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout.decode() + checked.stderr.decode()
    report = msgspec.json.decode(checked.stdout)
    assert (report["ok"], report["frames"]) == (True, told["frames"])
    shown = subprocess.run(
        [*SEAWALL, "feed", "replay", str(tmp_path), "--kinds", "BookChanged,FeedChanged"],
        capture_output=True,
        check=True,
    )
    kinds = {msgspec.json.decode(line)["type"] for line in shown.stdout.splitlines()}
    assert kinds == {"market.book_changed.v1", "market.feed_changed.v1"}


def test_wrong_words_are_refused_with_what_was_expected(tmp_path: Path) -> None:
    for arguments, said in (
        (["record", "--venue", "mtgox"], "expected one of binance-usdm"),
        (["record", "--venue", "okx", "--symbols", " , "], "--symbols is empty"),
        (["feed", "verify", str(tmp_path / "none")], "there is no such file or folder"),
        (["feed", "verify", str(tmp_path)], "holds no file"),
        (["feed", "verify", __file__], "not a recording"),
    ):
        run = subprocess.run([*SEAWALL, *arguments], capture_output=True, check=False)
        assert run.returncode == 2, (arguments, run)
        assert said in run.stderr.decode(), (arguments, run.stderr)
