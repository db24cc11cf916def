"""Frames to measure: one case for each venue and kind that a recording holds, else a generated market's."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from seawall_market_data.recordings import Recording
from seawall_market_data.service import settings_of
from seawall_runtime.config import MarketDataConfig
from seawall_venues.capture.line import Line
from seawall_venues.feeds import FEEDS
from seawall_venues.instruments import unlisted
from seawall_venues.port import Instrument
from seawall_venues.wire import FeedOptions, FeedSpec, Plan, Stray, Wire
from tests.paths import RECORDINGS
from tests.worlds.feed_frames import GeneratedMarket

MAX_FRAMES = 2_000  # cryptofeed plays a thousand books a second
NS_PER_MS = 1_000_000
MIN_FRAMES = 30  # fewer tell nothing
GENERATED_LEVELS = 30
HFTBACKTEST = "binance/raw_ws/hftbacktest_20240808"
# Files that are played as one, and what is taken from them: the long Binance recordings hold no candles.
SOURCES: tuple[tuple[tuple[str, ...], frozenset[str]], ...] = (
    (
        (f"{HFTBACKTEST}/spot/btcusdt_20240808.gz", f"{HFTBACKTEST}/spot/btcusdt_20240809.gz"),
        frozenset({"depth", "quote", "trade"}),
    ),
    ((f"{HFTBACKTEST}/usdm/btcusdt_20240808.gz",), frozenset({"depth", "quote", "trade"})),
    (
        ("binance/raw_ws/cryptofeed_v3/BINANCE.jsonl.zst", "binance/raw_ws/cryptofeed_v3/BINANCE_FUTURES.jsonl.zst"),
        frozenset({"candle", "funding"}),
    ),
    (("bybit/raw_ws",), frozenset()),
    (("okx/raw_ws/cryptofeed_v3",), frozenset()),
    (("kraken/raw_ws/cryptofeed_v3",), frozenset()),
    (("coinbase/raw_ws",), frozenset()),
)
_SEQUENCE = re.compile(rb'"sequence_num":\d+')


class Frame(NamedTuple):
    """What came, when, and of which symbol."""

    payload: bytes
    ts_received_ns: int
    symbol: str


@dataclass
class Case:
    """Frames of one kind from one venue. ``opening`` makes the books live, before the clock runs."""

    venue: str
    kind: str
    source: str
    spec: FeedSpec
    instruments: dict[str, Instrument]
    snapshots: dict[str, bytes] = field(default_factory=dict)
    opening: list[Frame] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)

    @property
    def payloads(self) -> list[bytes]:
        """The measured frames without their times."""
        return [frame.payload for frame in self.frames]

    def depth_of(self, frame: Frame) -> Any:
        """Return what a depth frame says, as the venue's parser reads it."""
        instrument = next(one for one in self.instruments.values() if one.symbol == frame.symbol)
        return self.spec.dialect.parse_depth(frame.payload, instrument)


class _Sorter:
    """The frames of one venue's recording by what they tell of."""

    def __init__(self, spec: FeedSpec) -> None:
        self.spec = spec
        self.by_kind: dict[str, list[Frame]] = defaultdict(list)
        self.instruments: dict[str, Instrument] = {}
        self.snapshots: dict[str, bytes] = {}
        self._wires: dict[str, Wire] = {}

    def take(self, line: Line) -> None:
        """Sort one line."""
        if line.kind == "http" and line.address and self.spec.is_listing(line.address):
            listed = self.spec.parse_instruments((line.data,))
            self.instruments |= {instrument.venue_symbol: instrument for instrument in listed}
        elif line.kind == "http" and not line.address:
            self.snapshots[next(iter(self.instruments.values())).symbol] = line.data
        elif line.kind == "recv":
            self._sort(line)

    def _sort(self, line: Line) -> None:
        wire = self._wires.get(line.connection)
        if wire is None:
            wire = self._wires[line.connection] = self.spec.wire(Plan("", (), ()), FeedOptions())
        taken = wire.take(line.data)
        if isinstance(taken, Stray):
            wire.add(self._instrument(taken.venue_symbol))
            taken = wire.take(line.data)
        if isinstance(taken, tuple) and taken:
            kind = "/".join(dict.fromkeys(channel for _, channel in taken))
            self.by_kind[kind].append(Frame(line.data, line.ts_ns, taken[0].symbol))

    def _instrument(self, venue_symbol: str) -> Instrument:
        return self.instruments.setdefault(venue_symbol, unlisted(self.spec.venue, venue_symbol))


def cases() -> Iterator[Case]:
    """Yield every case that can be measured on this machine."""
    found = False
    for names, kinds in SOURCES:
        paths = [RECORDINGS / name for name in names]
        if all(path.exists() for path in paths):
            found = True
            yield from _recorded(paths, kinds)
    if not found:
        yield from _generated()


def _recorded(paths: Sequence[Path], kinds: frozenset[str]) -> Iterator[Case]:
    recording = Recording(paths, settings_of(MarketDataConfig()))
    sorters = {name: _Sorter(replay.spec) for name, replay in recording.replays.items()}
    replays = {id(replay): sorters[name] for name, replay in recording.replays.items()}
    for line, concerned in recording.lines():
        for replay in concerned:
            replays[id(replay)].take(line)
    for sorter in sorters.values():
        for kind, heard in sorted(sorter.by_kind.items()):
            if not kinds or kind in kinds:
                case = _case(sorter, kind, heard)
                if len(case.frames) >= MIN_FRAMES:
                    yield case


def _case(sorter: _Sorter, kind: str, heard: Sequence[Frame]) -> Case:
    spec = sorter.spec
    source = "recorded" if spec in FEEDS.values() else "recorded, of a protocol that is spoken no more"
    case = Case(spec.venue, kind, source, spec, sorter.instruments)
    if kind == "depth" and spec.dialect.resync == "snapshot":
        case.snapshots = sorter.snapshots
        start = _spanning(case, heard)
        case.opening, case.frames = list(heard[start : start + 1]), list(heard[start + 1 :])
    else:
        _open_each(case, heard)
    del case.frames[MAX_FRAMES:]
    numbers = count()
    for frames in (case.opening, case.frames):
        if kind == "trade" and spec.venue.startswith("binance"):
            frames[:] = [frame._replace(payload=as_aggregate(frame.payload)) for frame in frames]
        # a connection's numbers: the frames of other kinds were left out
        texts = [_SEQUENCE.sub(b'"sequence_num":%d' % next(numbers), frame.payload) for frame in frames]
        frames[:] = [frame._replace(payload=text) for frame, text in zip(frames, texts, strict=True)]
    return case


def _spanning(case: Case, frames: Sequence[Frame]) -> int:
    """Return which frame the only recorded snapshot falls into."""
    instrument = next(iter(case.instruments.values()))
    number = case.spec.dialect.parse_snapshot(case.snapshots[instrument.symbol], instrument).update_id
    return next(place for place, frame in enumerate(frames) if case.depth_of(frame).last_update_id > number)


def _open_each(case: Case, heard: Iterable[Frame]) -> None:
    """Let each symbol begin with its first frame, which is a book's snapshot, and end before the next snapshot."""
    begun: set[str] = set()
    ended: set[str] = set()
    for frame in heard:
        symbol, is_depth = frame.symbol, case.kind == "depth"
        is_whole = is_depth and _is_snapshot(case.depth_of(frame))
        if symbol not in begun:
            if is_whole or not is_depth:
                begun.add(symbol)
                case.opening.append(frame)
            continue
        if is_whole:
            ended.add(symbol)
        if symbol not in ended:
            case.frames.append(frame)


def _is_snapshot(update: Any) -> bool:
    return bool(update.is_snapshot) if hasattr(update, "is_snapshot") else update.kind == "snapshot"


def as_aggregate(frame: bytes) -> bytes:
    """Return a Binance trade as the aggregate of this one trade: cryptofeed reads no others."""
    fields = dict(re.findall(rb'"(\w)":("[^"]*"|\w+)', frame[frame.index(b'"data":') :]))
    stream = frame[: frame.index(b'"data":')].replace(b"@trade", b"@aggTrade")
    number = fields[b"t"]
    texts = (b'"%b":%b' % (name, number if name in b"afl" else fields[name]) for name in _AGGREGATE)
    return stream + b'"data":{"e":"aggTrade",' + b",".join(texts) + b"}}"


_AGGREGATE = (b"E", b"a", b"s", b"p", b"q", b"f", b"l", b"T", b"m")


def _generated() -> Iterator[Case]:
    spec = FEEDS["binance-usdm"]
    instrument = unlisted(spec.venue, "BTCUSDT", "BTC-USDT-PERP")
    market = GeneratedMarket(7, levels=900)
    first = market.depth()
    books = Case(
        spec.venue, "depth", "generated", spec, {"BTCUSDT": instrument}, {instrument.symbol: market.snapshot()}
    )
    quotes = Case(spec.venue, "quote", "generated", spec, books.instruments)
    trades = Case(spec.venue, "trade", "generated", spec, books.instruments)
    books.opening = [Frame(first, market.now_ms * NS_PER_MS, instrument.symbol)]
    for _ in range(MAX_FRAMES):
        depth, quote, trade = market.depth(changes=GENERATED_LEVELS), market.quote(), as_aggregate(market.trade())
        for case, payload in ((books, depth), (quotes, quote), (trades, trade)):
            case.frames.append(Frame(payload, market.now_ms * NS_PER_MS, instrument.symbol))
    yield from (books, quotes, trades)
