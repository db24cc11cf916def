"""Recordings: played as they are, over and over without a gap, and refused clearly when they are damaged."""

from __future__ import annotations

import asyncio
import gzip
import json
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from seawall_paper_venue.market_frames import BookSnapshot, BookTicker, DepthUpdate, MarketMessage, Trade
from seawall_paper_venue.sources import RecordingError, RecordingSource, SyntheticSource, open_source
from seawall_paper_venue.sources import recording as recording_module
from seawall_paper_venue.sources import recording_scan as scan_module
from seawall_paper_venue.sources.recording_files import SNAPSHOT, Line, read_lines
from seawall_sim.instruments import rules_for
from tests.paths import RECORDINGS, USDM_RECORDING, needs_recording

pytestmark = pytest.mark.asyncio(loop_scope="module")
encode = msgspec.json.encode
JSONL = RECORDINGS / "binance" / "raw_ws" / "cryptofeed_v3" / "BINANCE_FUTURES.jsonl.zst"
START_NS = 1_700_000_000_000_000_000
# the recorder's clock runs behind the exchange's, as in the real recordings
LEAD_MS = 1_270


def generated(symbols: tuple[str, ...], seconds: float) -> Iterator[tuple[int, MarketMessage]]:
    for ts_ns, message in SyntheticSource(rules_for(symbols).values(), 5).timed():
        if ts_ns > seconds * 1e9:
            return
        if isinstance(message, DepthUpdate | Trade | BookTicker):
            message.event_ms = message.transaction_ms = (START_NS + ts_ns) // 1_000_000 + LEAD_MS
        if isinstance(message, BookSnapshot):
            message.event_ms = message.transaction_ms = START_NS // 1_000_000 + LEAD_MS
        yield START_NS + ts_ns, message


def recorded_lines(symbol: str, seconds: float) -> list[bytes]:
    """A recording of our own market in the recorder's format, its snapshot a few lines in."""
    lines: list[bytes] = []
    snapshot: BookSnapshot | None = None
    for ts_ns, message in generated((symbol,), seconds):
        if isinstance(message, BookSnapshot):
            snapshot = message
            continue
        kind = {DepthUpdate: "depth@0ms", Trade: "trade", BookTicker: "bookTicker"}.get(type(message))
        if kind is None:
            continue
        lines.append(
            b'%d {"stream":"%b@%b","data":%b}\n' % (ts_ns, symbol.lower().encode(), kind.encode(), encode(message))
        )
        if len(lines) == 1 and snapshot is not None:
            lines.append(b"%d %b\n" % (ts_ns, encode(msgspec.structs.replace(snapshot, symbol=""))))
    return lines


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A folder with two symbols of a few seconds."""
    for symbol in ("BTCUSDT", "ETHUSDT"):
        with gzip.open(tmp_path / f"{symbol.lower()}_20240808.gz", "wb") as file:
            file.writelines(recorded_lines(symbol, 3.0))
    return tmp_path


def times_removed(data: bytes) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(data)
    return {name: value for name, value in decoded.items() if name not in ("E", "T")}


@needs_recording(USDM_RECORDING)
async def test_every_recorded_frame_comes_back_byte_for_byte_but_for_its_times() -> None:
    """Through decoding and encoding again, over the first half minute."""
    source = RecordingSource(USDM_RECORDING, ["BTCUSDT"])
    lines = (line for line in read_lines(USDM_RECORDING / "btcusdt_20240808.gz") if line.stream != SNAPSHOT)
    played = (message for _, message in source.one_run() if not isinstance(message, BookSnapshot))
    for message in islice(played, 10_000):
        again = encode(message)
        # lines before the snapshot are left out of the run; after it not one may be
        assert any(bytes(line.payload) == again for line in lines), again


@needs_recording(USDM_RECORDING)
async def test_rebuilt_book_agrees_with_the_recorded_quotes_at_every_version() -> None:
    """The exchange's own quotes are an independent witness of the book."""
    from seawall_paper_venue.book import VenueBook

    book = VenueBook()
    messages = [message for _, message in RecordingSource(USDM_RECORDING, ["BTCUSDT"]).one_run()]
    quotes = sorted((each for each in messages if isinstance(each, BookTicker)), key=lambda quote: quote.update_id)
    versions = [quote.update_id for quote in quotes]
    compared = 0
    for message in messages:
        if isinstance(message, BookSnapshot):
            book.load(message)
        elif isinstance(message, DepthUpdate):
            book.apply(message)
            # the quote is sent when the top changes: the latest one up to this version is the top now
            index = bisect_right(versions, message.last_update_id) - 1
            if index >= 0:
                quote = quotes[index]
                compared += 1
                assert book.best() == ((quote.bid_price, quote.bid_quantity), (quote.ask_price, quote.ask_quantity))
    assert compared > 6_500


@needs_recording(USDM_RECORDING)
async def test_recording_plays_over_the_venue_with_a_live_clock(start_venue: Any) -> None:
    venue = await start_venue(RecordingSource(USDM_RECORDING, ["BTCUSDT", "ETHUSDT"]), speed=5.0)
    names = "btcusdt@depth@0ms/btcusdt@trade/ethusdt@bookTicker"
    seen: set[str] = set()
    latest = 0
    async with venue.session.ws_connect(f"{venue.url}/stream?streams={names}") as connection:
        for _ in range(600):
            frame = json.loads((await connection.receive(timeout=5)).data)
            seen.add(frame["stream"])
            now_ms = venue.hub.now_ms()
            assert frame["data"]["T"] <= frame["data"]["E"] <= now_ms
            assert now_ms - frame["data"]["E"] < 1_500
            if frame["stream"] == "btcusdt@depth@0ms":
                assert frame["data"]["pu"] > latest or not latest
                latest = frame["data"]["pu"]
    assert len(seen) == 3
    assert (await venue.get("/fapi/v1/premiumIndex?symbol=BTCUSDT"))["markPrice"].startswith("61")


@needs_recording(JSONL)
async def test_second_format_plays_too_and_aggregates_stand_for_trades() -> None:
    source = RecordingSource(JSONL)
    assert source.symbols == ("SUSHIUSDT", "AKROUSDT", "KEEPUSDT", "CTKUSDT")
    kinds = {type(message).__name__ for _, message in source.one_run()}
    assert kinds == {"BookSnapshot", "DepthUpdate", "BookTicker", "AggregateTrade"}


async def test_symbols_are_merged_by_time(recording: Path) -> None:
    times = [ts_ns for ts_ns, _ in RecordingSource(recording).one_run()]
    assert times == sorted(times)
    symbols = {message.symbol for _, message in RecordingSource(recording).one_run()}
    assert symbols == {"BTCUSDT", "ETHUSDT"}


async def test_one_symbol_can_be_chosen(recording: Path) -> None:
    assert {message.symbol for _, message in RecordingSource(recording, ["ETHUSDT"]).one_run()} == {"ETHUSDT"}


async def test_fastest_frame_tells_the_lead_of_the_exchange_clock(recording: Path) -> None:
    path = recording / "btcusdt_20240808.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    late = [b"%d %b" % (int(line.partition(b" ")[0]) + 30_000_000, line.partition(b" ")[2]) for line in lines[2:]]
    path.write_bytes(gzip.compress(b"".join([*lines[:2], *late])))
    source = RecordingSource(path)
    messages = [message for _, message in islice(source.timed(), 50) if not isinstance(message, BookSnapshot)]
    dues = [due_ns for due_ns, message in islice(source.timed(), 50) if not isinstance(message, BookSnapshot)]
    ages_ms = [due_ns // 1_000_000 - message.event_ms for due_ns, message in zip(dues, messages, strict=True)]
    assert ages_ms[0] <= 1
    assert ages_ms[5:] == pytest.approx([30] * len(ages_ms[5:]), abs=1)


async def test_each_run_begins_where_the_one_before_ended(recording: Path) -> None:
    dues: list[int] = []
    starts: list[int] = []
    for due_ns, message in RecordingSource(recording, ["BTCUSDT"]).timed():
        if isinstance(message, BookSnapshot):
            starts.append(due_ns)
            if len(starts) == 4:
                break
        dues.append(due_ns)
    assert dues == sorted(dues)
    lengths_ns = {later - earlier for earlier, later in pairwise(starts)}
    assert len(lengths_ns) == 1
    assert lengths_ns.pop() == pytest.approx(3_000_000_000, abs=200_000_000)


async def test_recorded_lead_of_the_exchange_clock_is_taken_out(recording: Path) -> None:
    """The receive clock ran 1.27 s behind; nothing may seem to come from the future."""
    for due_ns, message in islice(RecordingSource(recording).timed(), 200):
        if not isinstance(message, BookSnapshot):
            assert abs(due_ns // 1_000_000 - message.event_ms) <= 1


async def test_runs_follow_each_other_without_a_gap_for_clients(start_venue: Any, recording: Path) -> None:
    """Three times round: one unbroken book, ids and times that only rise, and every run's frames are there."""
    venue = await start_venue(RecordingSource(recording), speed=8.0)
    names = "/".join(
        f"{symbol}@{kind}"
        for symbol in ("btcusdt", "ethusdt")
        for kind in ("depth@0ms", "trade", "aggTrade", "bookTicker")
    )
    last: dict[str, dict[str, Any]] = {}
    counts: dict[str, int] = {}
    async with venue.session.ws_connect(f"{venue.url}/stream?streams={names}") as connection, asyncio.timeout(15):
        snapshots = {
            symbol: await venue.get(f"/fapi/v1/depth?symbol={symbol}&limit=1000") for symbol in ("BTCUSDT", "ETHUSDT")
        }
        books = {symbol: [dict(each["bids"]), dict(each["asks"])] for symbol, each in snapshots.items()}
        while counts.get("btcusdt@depth@0ms", 0) < 150:
            frame = json.loads((await connection.receive(timeout=5)).data)
            stream, data = frame["stream"], frame["data"]
            before = last.get(stream)
            if data["e"] == "depthUpdate":
                if data["u"] < snapshots[data["s"]]["lastUpdateId"]:
                    continue
                if before is not None:
                    assert data["pu"] == before["u"]
                    assert data["U"] > before["u"]
                for side, changes in zip(books[data["s"]], (data["b"], data["a"]), strict=True):
                    for price, quantity in changes:
                        if float(quantity) == 0:
                            side.pop(price, None)
                        else:
                            side[price] = quantity
            elif before is not None:
                identity = {"trade": "t", "aggTrade": "a", "bookTicker": "u"}[data["e"]]
                assert data[identity] > before[identity] or (data["e"] == "bookTicker" and data["u"] >= before["u"])
                assert data["e"] == "bookTicker" or data[identity] == before[identity] + 1
            last[stream] = data
            counts[stream] = counts.get(stream, 0) + 1
    venue.task.cancel()
    await asyncio.gather(venue.task, return_exceptions=True)
    assert counts["btcusdt@depth@0ms"] >= 150  # 60 a run
    for symbol, (bids, asks) in books.items():
        assert max(map(float, bids)) < min(map(float, asks)), symbol


async def test_book_after_the_turn_is_the_snapshots_book(recording: Path) -> None:
    """The change that leads over to the next run moves the old book exactly onto the snapshot."""
    from seawall_paper_venue.market_hub import MarketHub

    class Deaf:
        def on_book(self, *told: Any) -> None: ...
        def on_trade(self, *told: Any) -> None: ...
        def on_mark(self, *told: Any) -> None: ...

    source = RecordingSource(recording, ["BTCUSDT"])
    hub = MarketHub(rules_for(["BTCUSDT"]), source, Deaf())
    book = hub.markets["BTCUSDT"].book
    turns = 0
    for ts_ns, message in source.timed():
        before = book.last_update_id
        hub.accept(ts_ns, message)
        if isinstance(message, BookSnapshot):
            turns += 1
            assert book.top(5_000) == (message.bids, message.asks)
            assert book.last_update_id == message.last_update_id > before
            if turns == 3:
                break
    assert turns == 3


async def test_look_ahead_is_bounded(recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Playing holds a frame a file, not the recording."""
    read: list[Line] = []

    def counted(path: Path) -> Iterator[Line]:
        for line in read_lines(path):
            read.append(line)
            yield line

    monkeypatch.setattr(recording_module, "read_lines", counted)
    frames = RecordingSource(recording).one_run()
    for taken in range(1, 300):
        next(frames)
        assert len(read) <= taken + 6


def damaged(path: Path, kind: str) -> Path:
    """Make the recording at ``path`` unusable in one way, and return what to open."""
    whole = path.read_bytes()
    lines = gzip.decompress(whole).splitlines(keepends=True)
    match kind:
        case "missing":
            path.unlink()
        case "empty file":
            path.write_bytes(b"")
        case "empty recording":
            path.write_bytes(gzip.compress(b""))
        case "truncated":
            path.write_bytes(whole[: len(whole) // 2])
        case "bit rot":
            middle = len(whole) // 2
            path.write_bytes(
                whole[:middle] + bytes(byte ^ 0xFF for byte in whole[middle : middle + 64]) + whole[middle + 64 :]
            )
        case "not gzip":
            path.write_bytes(b"hello")
        case "no time":
            path.write_bytes(gzip.compress(b"soon " + lines[0]))
        case "half a line":
            path.write_bytes(gzip.compress(b"".join(lines)[:-30]))
        case "not a frame":
            path.write_bytes(gzip.compress(b'1 {"stream":"btcusdt@trade","data":{"e":"trade"}}\n' + b"".join(lines)))
        case "no snapshot":
            path.write_bytes(gzip.compress(b"".join(line for line in lines if b"lastUpdateId" not in line)))
        case "spot":
            path.write_bytes(gzip.compress(b"".join(lines).replace(b'"pu"', b'"x"')))
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "does not exist"),
        ("empty file", "empty"),
        ("empty recording", "is empty"),
        ("truncated", "cut short or damaged"),
        ("bit rot", "cut short or damaged|line"),
        ("not gzip", "cut short or damaged"),
        ("no time", "line 1: does not begin with a time"),
        ("half a line", "line [0-9]+: Input data was truncated"),
        ("not a frame", "line 1: .*expected USD-M market frames"),
        ("no snapshot", "no depth snapshot"),
        ("spot", "expected USD-M frames, not spot"),
    ],
)
async def test_damaged_recording_is_refused_at_once_with_what_where_and_expected(
    recording: Path, kind: str, words: str
) -> None:
    path = damaged(recording / "btcusdt_20240808.gz", kind)
    with pytest.raises(RecordingError, match=words) as refusal:
        open_source(f"recording:{path}", rules_for(["BTCUSDT"]))
    assert str(path) in str(refusal.value)
    assert "expected" in str(refusal.value)


async def test_damage_far_behind_the_head_is_found_before_playing(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_module, "_HEAD_LINES", 20)
    path = recording / "btcusdt_20240808.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join([*lines[:-5], b"rubbish\n", *lines[-5:]])))
    with pytest.raises(RecordingError, match=f"line {len(lines) - 4}: does not begin"):
        RecordingSource(path)


async def test_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no market")
    with pytest.raises(RecordingError, match="holds no recording"):
        RecordingSource(tmp_path)


async def test_symbol_that_was_not_recorded_is_refused(recording: Path) -> None:
    with pytest.raises(RecordingError, match="holds BTCUSDT, ETHUSDT; expected also SOLUSDT"):
        open_source(f"recording:{recording}", rules_for(["BTCUSDT", "SOLUSDT"]))


async def test_truncated_second_format_is_refused(tmp_path: Path) -> None:
    lines = [json.dumps({"t": "header"}), json.dumps({"t": "recv", "ts": 1.0, "data": "{}"})] * 50
    path = tmp_path / "market.jsonl.zst"
    path.write_bytes(zstandard.compress("\n".join(lines).encode())[:-8])
    with pytest.raises(RecordingError, match=r"market\.jsonl\.zst"):
        RecordingSource(path)


async def test_hole_in_a_recording_stops_the_venue_and_names_it(start_venue: Any, recording: Path) -> None:
    from seawall_paper_venue.market_hub import BookGapError

    path = recording / "btcusdt_20240808.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    depth = [number for number, line in enumerate(lines) if b"@depth" in line]
    del lines[depth[20]]
    path.write_bytes(gzip.compress(b"".join(lines)))
    venue = await start_venue(RecordingSource(path), symbols=("BTCUSDT",), speed=20.0)
    with pytest.raises(BookGapError, match="BTCUSDT: book stands at update"):
        await asyncio.wait_for(venue.task, 5)


@pytest.mark.parametrize(
    "text", ["", "synthetic:x", "recording", "recording:", "live:http://a", "live:nonsense,ws://b", "tape:/x"]
)
async def test_unknown_source_is_refused_with_the_choices(text: str) -> None:
    with pytest.raises(Exception, match="expected synthetic"):
        open_source(text, rules_for(["BTCUSDT"]))


async def test_same_seed_is_the_same_market_frame_by_frame() -> None:
    rules = list(rules_for(["BTCUSDT", "ETHUSDT"]).values())

    def first(seed: int) -> list[bytes]:
        return [encode(message) for _, message in islice(SyntheticSource(rules, seed).timed(), 1_000)]

    assert first(7) == first(7)
    assert first(7) != first(8)
