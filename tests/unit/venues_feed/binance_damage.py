"""Frames of Binance that were lost, doubled, swapped, cut or altered on the way, and the book that read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from seawall_venues.binance.session import FEED as USDM
from seawall_venues.binance_spot.session import FEED as SPOT
from seawall_venues.capture.read import read_capture
from seawall_venues.feed import Verdict
from seawall_venues.feed_errors import MalformedFrameError
from seawall_venues.instruments import unlisted
from seawall_venues.port import Instrument
from seawall_venues.wire import FeedSpec
from tests.unit.venues_feed.binance_tape import OPTIONS, REPLAY, ModelBook, SpotMarket, Top, whole
from tests.worlds.feed_frames import GeneratedMarket

LEVELS = 20
FRAMES = 60
FEEDS = {"usdm": USDM, "spot": SPOT}


@dataclass(frozen=True)
class Run:
    """Depth frames in order, the snapshot that the first of them spans, and what the book is at each number."""

    feed: FeedSpec
    instrument: Instrument
    snapshot: bytes
    frames: tuple[bytes, ...]
    tops: dict[int, Top]
    models: tuple[ModelBook, ...]


@cache
def generated_run(venue: str) -> Run:
    """Return a seeded market's run, in the words of ``usdm`` or ``spot``."""
    market: GeneratedMarket | SpotMarket = GeneratedMarket(5) if venue == "usdm" else SpotMarket(5)
    first, snapshot = market.depth(), market.snapshot()
    return _run(venue, snapshot, [first, *(market.depth() for _ in range(FRAMES + 1))])


@cache
def recorded_run(venue: str, path: Path) -> Run:
    """Return the first frames of a recording that follow its snapshot."""
    lines = list(islice(read_capture(path), 8_000))
    snapshot = next(line.data for line in lines if line.kind == "http")
    return _run(venue, snapshot, [line.data for line in lines if b"@depth" in line.data[:64]])


def _run(venue: str, snapshot: bytes, frames: Sequence[bytes]) -> Run:
    feed = FEEDS[venue]
    told = unlisted(feed.venue, "BTCUSDT")
    # the first to be kept is the one after the snapshot at spot, and the one that it ends in at USD-M
    last = feed.dialect.parse_snapshot(snapshot, told).update_id + (venue == "spot")
    kept = [frame for frame in frames if feed.dialect.parse_depth(frame, told).last_update_id >= last][: FRAMES + 1]
    model, tops, models = ModelBook(snapshot), dict[int, Top](), []
    for frame in kept:
        model.apply(frame)
        tops[model.update_id] = model.top(LEVELS)
        models.append(model.copy())
    return Run(feed, told, snapshot, tuple(kept), tops, tuple(models))


class Reader:
    """Reads frames as market-data does: a frame that cannot be read is the end of the book."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.book = run.feed.dialect.new_book(run.instrument)
        self._wire = run.feed.wire(REPLAY, OPTIONS)
        self._wire.add(run.instrument)

    def begin(self) -> None:
        """Read the first frame and the snapshot."""
        self.read(self.run.frames[0])
        snapshot = self.run.feed.dialect.parse_snapshot(self.run.snapshot, self.run.instrument)
        assert self.book.load(whole(snapshot)) is Verdict.APPLIED
        assert self.is_right()

    def read(self, frame: bytes) -> Verdict | None:
        """Take one frame; None where it was none of a book, or could not be read."""
        taken = self._wire.take(frame)
        if type(taken) is not tuple:
            return None
        verdict: Verdict | None = None
        for _, channel in taken:
            if channel == "depth":
                try:
                    update: Any = self.run.feed.dialect.parse_depth(frame, self.run.instrument)
                except MalformedFrameError:
                    self.book.reset()
                else:
                    verdict = self.book.apply(update)
        return verdict

    def is_right(self) -> bool:
        """True unless the book is live and not what it should be at its number."""
        book = self.book
        if not book.is_live:
            return True
        return self.run.tops.get(book.update_id) == (book.levels.bids.top(LEVELS), book.levels.asks.top(LEVELS))

    def recover(self, position: int) -> None:
        """Load the snapshot as of a frame; the book must be live and right from then on, to the end."""
        self.read(self.run.frames[position])
        assert self.book.load(self.run.models[position].snapshot()) is Verdict.APPLIED
        assert self.book.is_live
        assert self.is_right()
        for frame in self.run.frames[position + 1 :]:
            assert self.read(frame) is Verdict.APPLIED
            assert self.is_right()
        assert self.book.update_id == self.run.models[-1].update_id


def numbers_of(run: Run, frame: bytes) -> tuple[int, ...] | None:
    """Return the numbers that a frame bears, or None where it cannot be read."""
    try:
        update: Any = run.feed.dialect.parse_depth(frame, run.instrument)
    except MalformedFrameError:
        return None
    return update.first_update_id, update.last_update_id, getattr(update, "previous_update_id", 0)


def same_levels(run: Run, frame: bytes, other: bytes) -> bool:
    """True where two frames that can be read tell of the same levels."""
    one, two = (run.feed.dialect.parse_depth(payload, run.instrument) for payload in (frame, other))
    return bool((one.bids, one.asks) == (two.bids, two.asks))


def altered(frame: bytes) -> Iterator[bytes]:
    """Yield the frame with each digit of its three numbers replaced by each other digit."""
    for name in (b'"U":', b'"u":', b'"pu":'):
        start = frame.find(name)
        if start < 0:
            continue
        start += len(name)
        end = frame.index(b",", start)
        for at in range(start, end):
            for digit in b"0123456789":
                if frame[at] != digit:
                    yield frame[:at] + bytes((digit,)) + frame[at + 1 :]
