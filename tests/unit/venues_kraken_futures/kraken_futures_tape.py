"""Kraken futures as they were recorded, and a run of one contract's book."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from random import Random

import msgspec

from seawall_proto import Level
from seawall_venues.capture.line import Line
from seawall_venues.capture.read import read_capture
from seawall_venues.feed import Verdict, VerifiedBook
from seawall_venues.feed_errors import MalformedFrameError
from seawall_venues.instruments import unlisted
from seawall_venues.kraken_futures.session import FEED
from seawall_venues.port import Instrument
from seawall_venues.wire import FeedOptions, Plan, Stray
from tests.paths import RECORDINGS

RECORDING = RECORDINGS / "kraken" / "raw_ws" / "cryptofeed_v3" / "KRAKEN_FUTURES.jsonl.zst"
OPTIONS = FeedOptions()
REPLAY = Plan("", (), ())
LINEAR = unlisted("kraken-futures", "PF_XBTUSD", "BTC-USD-PERP")
INVERSE = msgspec.structs.replace(
    unlisted("kraken-futures", "PI_XBTUSD", "BTC-USD-INVERSE-PERP"), contract_size=Decimal(10), is_inverse=True
)
Top = tuple[tuple[Level, ...], tuple[Level, ...]]


def top(book: VerifiedBook) -> Top:
    """Return all that a book shows."""
    return book.levels.bids.top(1_000), book.levels.asks.top(1_000)


@cache
def recorded() -> tuple[Line, ...]:
    """Return the recording's lines, read once."""
    return tuple(read_capture(RECORDING))


@cache
def listed() -> dict[str, Instrument]:
    """Return the recorded list by our symbols."""
    body = next(line.data for line in recorded() if line.kind == "http")
    return {instrument.symbol: instrument for instrument in FEED.parse_instruments([body])}


@dataclass(frozen=True)
class Run:
    """The book's frames of one contract in order, and what an undamaged book shows at each number."""

    instrument: Instrument
    frames: tuple[bytes, ...]
    tops: dict[int, Top]


def _run(instrument: Instrument, frames: list[bytes]) -> Run:
    book, tops = FEED.dialect.new_book(instrument), dict[int, Top]()
    for frame in frames:
        assert book.apply(FEED.dialect.parse_depth(frame, instrument)) is Verdict.APPLIED
        tops[book.update_id] = top(book)
    return Run(instrument, tuple(frames), tops)


@cache
def recorded_run() -> Run:
    """Return the beginning of the busiest contract's recorded book."""
    instrument = listed()["ETH-USD-INVERSE-PERP"]
    heads = tuple(f'{{"feed":"{feed}","product_id":"PI_ETHUSD"'.encode() for feed in ("book_snapshot", "book"))
    frames = [line.data for line in recorded() if line.kind == "recv" and line.data.startswith(heads)]
    return _run(instrument, frames[:120])


@cache
def made_run() -> Run:
    """Return a book made here, in the very layout of the venue."""
    chance, sequence, ts_ms = Random(3), 100, 1_790_000_000_000
    levels = {side: [f'{{"price":{price}.0,"qty":1.5}}' for price in prices] for side, prices in _PRICES.items()}
    frames = [
        f'{{"feed":"book_snapshot","product_id":"PF_XBTUSD","timestamp":{ts_ms},"seq":{sequence},"tickSize":null,'
        f'"bids":[{",".join(levels["buy"])}],"asks":[{",".join(levels["sell"])}]}}'
    ]
    for _ in range(119):
        sequence, ts_ms = sequence + 1, ts_ms + chance.randint(0, 50)
        side = chance.choice(("buy", "sell"))
        price, quantity = chance.choice(_PRICES[side]), chance.choice((0.0, 0.25, 1.75, 9.0))
        frames.append(
            f'{{"feed":"book","product_id":"PF_XBTUSD","side":"{side}","seq":{sequence},"price":{price}.0,'
            f'"qty":{quantity},"timestamp":{ts_ms}}}'
        )
    return _run(LINEAR, [frame.encode() for frame in frames])


_PRICES = {"buy": range(64_001, 64_030), "sell": range(64_030, 64_060)}


class Reader:
    """Reads frames as market-data does: a frame that cannot be read is the end of the book."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.book = FEED.dialect.new_book(run.instrument)
        self._wire = FEED.wire(REPLAY, OPTIONS)
        self._wire.add(run.instrument)

    def read(self, frame: bytes) -> Verdict | None:
        """Take one frame; None where it was none of this book, or could not be read."""
        taken = self._wire.take(frame)
        if type(taken) is not tuple:
            if type(taken) is not Stray:
                self.book.reset()
            return None
        verdict: Verdict | None = None
        for _, channel in taken:
            if channel == "depth":
                try:
                    verdict = self.book.apply(FEED.dialect.parse_depth(frame, self.run.instrument))
                except MalformedFrameError:
                    self.book.reset()
        return verdict

    def read_all(self, positions: range | list[int]) -> None:
        """Take these frames; after each the book is what it was at its number without damage, or is not live."""
        for position in positions:
            self.read(self.run.frames[position])
            assert self.is_right()

    def is_right(self) -> bool:
        """True unless the book is live and not what it was at its number without damage."""
        return not self.book.is_live or top(self.book) == self.run.tops.get(self.book.update_id)

    def begin_again(self) -> None:
        """The run's first frame is its snapshot; with it the book is live and right to the end."""
        self.read_all(range(len(self.run.frames)))
        assert self.book.is_live
        assert self.book.update_id == max(self.run.tops)
