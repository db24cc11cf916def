"""Kraken spot as it was recorded, as it is made here by a seed, and how market-data reads either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random
from zlib import crc32

from seawall_proto import Level, QuoteTicked, TradePrinted
from seawall_venues.capture.line import Line
from seawall_venues.capture.read import read_capture
from seawall_venues.feed import Verdict, VerifiedBook
from seawall_venues.feed_errors import MalformedFrameError
from seawall_venues.instruments import unlisted
from seawall_venues.kraken.session import FEED
from seawall_venues.kraken.v1 import V1_FEED
from seawall_venues.port import Instrument
from seawall_venues.wire import FeedOptions, FeedSpec, Notice, Plan, Stray
from tests.paths import RECORDINGS

RAW = RECORDINGS / "kraken" / "raw_ws"
OLD_TEN_PAIRS = RAW / "cryptofeed_v3" / "KRAKEN.jsonl.zst"
OLD_ONE_PAIR = RAW / "python-kraken-sdk" / "orderbook-v1.json.gz"
NEW_ONE_PAIR = RAW / "python-kraken-sdk" / "orderbook-v2.json.gz"
LISTED_ON_STREAM = RAW / "kraken-data-recorder" / "instrument_snapshot.json.gz"

OPTIONS = FeedOptions()
REPLAY = Plan("", (), ())
BTC = unlisted("kraken", "BTC/USD", "BTC-USD")
OLD_BTC = unlisted("kraken", "XBT/USD", "BTC-USD")
Top = tuple[tuple[Level, ...], tuple[Level, ...]]


def top(book: VerifiedBook) -> Top:
    """Return all that a book shows."""
    return book.levels.bids.top(1_000), book.levels.asks.top(1_000)


@dataclass
class Heard:
    """What was heard of one pair."""

    instrument: Instrument
    book: VerifiedBook
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    bests: list[tuple[int, float, float]] = field(default_factory=list)
    quotes: list[QuoteTicked] = field(default_factory=list)
    trades: list[TradePrinted] = field(default_factory=list)


@dataclass
class Replay:
    """What was heard of a whole recording."""

    pairs: dict[str, Heard] = field(default_factory=dict)
    quiet: int = 0
    notices: list[Notice] = field(default_factory=list)


def replayed(spec: FeedSpec, lines: Sequence[Line]) -> Replay:
    """Read a recording as market-data does, learning of its pairs from the frames themselves."""
    heard = Replay()
    bodies = [line.data for line in lines if line.kind == "http"]
    listed = {instrument.venue_symbol: instrument for instrument in spec.parse_instruments(bodies)}
    wires = {line.connection: spec.wire(REPLAY, OPTIONS) for line in lines}
    for line in lines:
        if line.kind != "recv":
            continue
        taken = wires[line.connection].take(line.data)
        if type(taken) is Stray:
            name = taken.venue_symbol
            instrument = listed.get(name) or unlisted(spec.venue, name)
            wires[line.connection].add(instrument)
            heard.pairs.setdefault(instrument.symbol, Heard(instrument, spec.dialect.new_book(instrument)))
            taken = wires[line.connection].take(line.data)
        if type(taken) is not tuple:
            heard.notices.append(taken)  # type: ignore[arg-type]
            continue
        heard.quiet += not taken
        for symbol, channel in taken:
            _hear(spec, heard.pairs[symbol], channel, line)
    return heard


def _hear(spec: FeedSpec, pair: Heard, channel: str, line: Line) -> None:
    dialect, instrument = spec.dialect, pair.instrument
    if channel == "depth":
        pair.verdicts[pair.book.apply(dialect.parse_depth(line.data, instrument))] += 1
        if pair.book.is_live:
            assert not pair.book.levels.trouble()
            bids, asks = pair.book.levels.bids, pair.book.levels.asks
            pair.bests.append((line.ts_ns, bids.best(), asks.best()))
    elif channel == "quote":
        quote = dialect.parse_quote(line.data, instrument, line.ts_ns)
        assert quote is not None
        pair.quotes.append(quote)
    elif channel == "trade":
        pair.trades += dialect.parse_trade(line.data, instrument, line.ts_ns)


@cache
def recorded(path: Path) -> tuple[Line, ...]:
    """Return a recording's lines, read once."""
    return tuple(read_capture(path))


@dataclass(frozen=True)
class Run:
    """The book's frames of one pair in order, and what an undamaged book shows after each."""

    spec: FeedSpec
    instrument: Instrument
    frames: tuple[bytes, ...]
    tops: tuple[Top | None, ...]


def _run(spec: FeedSpec, instrument: Instrument, frames: Sequence[bytes]) -> Run:
    book = spec.dialect.new_book(instrument)
    tops: list[Top | None] = []
    for frame in frames:
        book.apply(spec.dialect.parse_depth(frame, instrument))
        tops.append(top(book) if book.is_live else None)
    return Run(spec, instrument, tuple(frames), tuple(tops))


@cache
def new_run() -> Run:
    """Return the beginning of a recorded book of today's protocol."""
    return _run(FEED, BTC, [line.data for line in recorded(NEW_ONE_PAIR)[:250]])


@cache
def old_run() -> Run:
    """Return the beginning of a recorded book of the old protocol."""
    frames = [line.data for line in recorded(OLD_ONE_PAIR) if line.data.lstrip().startswith(b"[")]
    return _run(V1_FEED, OLD_BTC, frames[:200])


@cache
def made_run(depth: int = 10) -> Run:
    """Return a book made here, in the very layout of the venue."""
    market = MadeMarket(7, depth=depth)
    return _run(FEED, BTC, [market.snapshot(), *(market.update() for _ in range(200))])


class MadeMarket:
    """A seeded market that says what the venue would say to a subscriber of ``depth`` levels.

    It counts in whole ticks and lots, and makes its checksums by the venue's description, apart from the
    code under test.
    """

    def __init__(self, seed: int, mid: int = 294_300, depth: int = 10) -> None:
        self._chance = Random(seed)
        self._depth = depth
        self.ts_us = 0
        chance = self._chance
        self._bids = {mid - 1 - offset: chance.randint(1, 10**9) for offset in range(0, 90, 2)}
        self._asks = {mid + offset: chance.randint(1, 10**9) for offset in range(0, 90, 2)}
        self._mid = mid

    def snapshot(self) -> bytes:
        """Return a first frame with the best ten levels a side."""
        return self._frame("snapshot", self._best(self._bids, -1), self._best(self._asks, 1))

    def update(self) -> bytes:
        """Change up to three levels, and return what is told of it."""
        before = self._best(self._bids, -1), self._best(self._asks, 1)
        told: tuple[dict[int, int], dict[int, int]] = {}, {}
        while not (told[0] or told[1]):
            for _ in range(self._chance.randint(1, 3)):
                self._change()
            after = self._best(self._bids, -1), self._best(self._asks, 1)
            for side, full in enumerate((self._bids, self._asks)):
                gone = {price: 0 for price in before[side] if price not in full}
                told[side].update(gone)
                told[side].update({p: q for p, q in after[side].items() if before[side].get(p) != q})
        self.ts_us += self._chance.randint(1, 90_000)
        return self._frame("update", *told)

    def top(self) -> Top:
        """Return the ten best levels a side as they are now."""
        return tuple(  # type: ignore[return-value]
            tuple((price / 10, quantity / 10**8) for price, quantity in islice(self._best(side, sign).items(), 10))
            for side, sign in ((self._bids, -1), (self._asks, 1))
        )

    def _change(self) -> None:
        chance = self._chance
        side, sign = (self._bids, -1) if chance.random() < 0.5 else (self._asks, 1)
        price = chance.choice(sorted(side, key=lambda key: sign * key)[: self._depth + 4])
        if chance.random() < 0.3 and len(side) > 30:
            del side[price]
        elif chance.random() < 0.5:
            side[price] = chance.randint(1, 10**10)
        else:
            other = min(self._asks) if sign < 0 else max(self._bids)
            beside = price + chance.choice((-1, 1, 2, -2))
            if (beside < other) == (sign < 0) and beside != other:
                side[beside] = chance.randint(1, 10**7)

    def _best(self, side: dict[int, int], sign: int) -> dict[int, int]:
        return {price: side[price] for price in sorted(side, key=lambda key: sign * key)[: self._depth]}

    def _frame(self, kind: str, bids: dict[int, int], asks: dict[int, int]) -> bytes:
        text = "".join(
            f"{price}{quantity}"
            for side, sign in ((self._asks, 1), (self._bids, -1))
            for price, quantity in islice(self._best(side, sign).items(), 10)
        )
        moment = datetime(2026, 9, 21, tzinfo=UTC) + timedelta(microseconds=self.ts_us)
        return (
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":[{_levels(bids)}],'
            f'"asks":[{_levels(asks)}],"checksum":{crc32(text.encode())},"timestamp":"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"}}]}}'
        ).encode()


def _levels(levels: dict[int, int]) -> str:
    return ",".join(
        f'{{"price":{Decimal(price) / 10:.1f},"qty":{Decimal(quantity) / 10**8:.8f}}}'
        for price, quantity in levels.items()
    )


class Reader:
    """Reads frames as market-data does: a frame that cannot be read is the end of the book."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.book = run.spec.dialect.new_book(run.instrument)
        self._wire = run.spec.wire(REPLAY, OPTIONS)
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
                    verdict = self.book.apply(self.run.spec.dialect.parse_depth(frame, self.run.instrument))
                except MalformedFrameError:
                    self.book.reset()
        return verdict

    def read_all(self, positions: Sequence[int]) -> None:
        """Take these frames; after each the book is what it was there without damage, or is not live."""
        for position in positions:
            self.read(self.run.frames[position])
            assert self.shows(position)

    def shows(self, position: int) -> bool:
        """True unless the book is live and not what it was after this frame without damage."""
        return not self.book.is_live or top(self.book) == self.run.tops[position]
