"""Recordings of Binance, read through the wire, the parsers and the book as market-data reads them."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec

from seawall_proto import BarClosed, Level, QuoteTicked, TradePrinted
from seawall_venues.binance_spot.dialect import KLINE_INTERVALS
from seawall_venues.capture.line import Line
from seawall_venues.capture.read import read_capture
from seawall_venues.feed import BookSnapshot, Dialect, Verdict, VerifiedBook
from seawall_venues.instruments import unlisted
from seawall_venues.port import Instrument
from seawall_venues.wire import FeedOptions, FeedSpec, Plan, Stray
from tests.paths import RECORDINGS
from tests.worlds.feed_frames import GeneratedMarket

RAW = RECORDINGS / "binance" / "raw_ws"
SPOT_DAYS = ("20240808", "20240809")
OPTIONS = FeedOptions()
REPLAY = Plan("", (), ())
INTERVALS_MS = {name: interval_ms for interval_ms, name in KLINE_INTERVALS.items()}
Top = tuple[tuple[Level, ...], tuple[Level, ...]]


def spot_files(venue_symbol: str) -> tuple[Path, ...]:
    """Return where the two files of a spot symbol lie; the second joins the first exactly."""
    return tuple(RAW / "hftbacktest_20240808" / "spot" / f"{venue_symbol}_{day}.gz" for day in SPOT_DAYS)


def usdm_file(venue_symbol: str) -> Path:
    """Return where the recorded minutes of a USD-M contract lie."""
    return RAW / "hftbacktest_20240808" / "usdm" / f"{venue_symbol}_20240808.gz"


def cryptofeed_file(name: str) -> Path:
    """Return where one of cryptofeed's recordings lies, e.g. of ``BINANCE_US``."""
    return RAW / "cryptofeed_v3" / f"{name}.jsonl.zst"


def listed(
    dialect: Dialect, path: str, answer: Mapping[str, Any], told: Instrument
) -> Sequence[TradePrinted | BarClosed]:
    """Return the events of a recorded answer of ``…/trades`` or ``…/klines``, by the interval that it was asked for."""
    body = msgspec.json.encode(answer["data"])
    if path.endswith("/trades"):
        return dialect.parse_trades(body, told, 0)
    (interval,) = parse_qs(answer["queryString"])["interval"]
    return dialect.parse_bars(body, told, INTERVALS_MS[interval], 0)


def whole(snapshot: BookSnapshot) -> BookSnapshot:
    """Return a snapshot that counts as the whole book.

    The market walks out of a recording's one snapshot; what was learned of deeper levels since is
    right as well, and an oracle compares it too.
    """
    return msgspec.structs.replace(snapshot, limit=1 << 30)


@dataclass
class Heard:
    """What was heard of one instrument."""

    book: VerifiedBook
    loads: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    tops: dict[int, Top] = field(default_factory=dict)
    quotes: list[QuoteTicked] = field(default_factory=list)
    trades: list[TradePrinted] = field(default_factory=list)
    candles: list[BarClosed] = field(default_factory=list)

    def agreement(self) -> tuple[int, int]:
        """Return at how many numbers of the book its top is the best quote's, and how many there are."""
        quotes = sorted(self.quotes, key=lambda quote: quote.update_id)
        numbers = [quote.update_id for quote in quotes]
        right = compared = 0
        for number, top in self.tops.items():
            at = bisect_right(numbers, number)
            if at:
                quote = quotes[at - 1]
                compared += 1
                right += top == (
                    ((quote.bid_price, quote.bid_quantity),),
                    ((quote.ask_price, quote.ask_quantity),),
                )
        return right, compared

    def trade_steps(self) -> Counter[int]:
        """Return how often the number rose by how much from trade to trade."""
        numbers = [int(trade.trade_id) for trade in self.trades]
        return Counter(after - before for before, after in pairwise(numbers))


class Tape:
    """Feeds recorded lines to a venue's wire and parsers, in the order of their times."""

    def __init__(self, feed: FeedSpec) -> None:
        self.feed = feed
        self.frames = 0
        self.kinds: Counter[str] = Counter()
        self.heard: dict[str, Heard] = {}
        self.listed: dict[str, Instrument] = {}
        self._wire = feed.wire(REPLAY, OPTIONS)

    def play(self, lines: Iterable[Line]) -> Tape:
        """Take every line and return itself."""
        for line in sorted(lines, key=lambda line: line.ts_ns):
            if line.kind == "recv":
                self._frame(line)
            elif line.kind == "http":
                self._answer(line)
        return self

    def _answer(self, line: Line) -> None:
        if self.feed.is_listing(line.address):
            found = self.feed.parse_instruments([line.data])
            self.listed = {one.venue_symbol: one for one in found}
            return
        symbol = line.address.partition("symbol=")[2].partition("&")[0]
        told = self.listed[symbol] if symbol else next(iter(self.listed.values()))
        heard, snapshot = self._of(told), self.feed.dialect.parse_snapshot(line.data, told)
        heard.loads[heard.book.load(whole(snapshot)).name] += 1
        self._look(heard)

    def _frame(self, line: Line) -> None:
        self.frames += 1
        routes = self._wire.take(line.data)
        if isinstance(routes, Stray):
            self.kinds["stray"] += 1
            told = self.listed.get(routes.venue_symbol)
            if told is None:  # this recording has no listing
                told = self.listed[routes.venue_symbol] = unlisted(self.feed.venue, routes.venue_symbol)
            self._wire.add(told)
            routes = self._wire.take(line.data)
        assert type(routes) is tuple, routes
        for symbol, channel in routes:
            self.kinds[channel] += 1
            told = next(one for one in self.listed.values() if one.symbol == symbol)
            self._hear(self._of(told), channel, line, told)

    def _hear(self, heard: Heard, channel: str, line: Line, told: Instrument) -> None:
        dialect, payload, ts_ns = self.feed.dialect, line.data, line.ts_ns
        match channel:
            case "depth":
                heard.verdicts[heard.book.apply(dialect.parse_depth(payload, told)).name] += 1
                self._look(heard)
            case "quote":
                quote = dialect.parse_quote(payload, told, ts_ns)
                assert quote is not None
                heard.quotes.append(quote)
            case "trade":
                heard.trades += dialect.parse_trade(payload, told, ts_ns)
            case "candle":
                heard.candles += dialect.parse_candle(payload, told, ts_ns)
            case other:
                raise AssertionError(other)

    def _of(self, told: Instrument) -> Heard:
        found = self.heard.get(told.symbol)
        if found is None:
            found = self.heard[told.symbol] = Heard(self.feed.dialect.new_book(told))
        return found

    @staticmethod
    def _look(heard: Heard) -> None:
        book = heard.book
        if book.is_live:
            assert book.levels.trouble() == ""
            heard.tops[book.update_id] = (tuple(book.levels.bids.top(1)), tuple(book.levels.asks.top(1)))


def tape_of(feed: FeedSpec, *paths: Path) -> Tape:
    """Return the tape of recordings, played one after the other."""
    tape = Tape(feed)
    for path in paths:
        tape.play(read_capture(path))
    return tape


def drops_unnoticed(feed: FeedSpec, path: Path, venue_symbol: str, *, before: int) -> tuple[int, int]:
    """Drop each depth frame of a recording in turn; return how often the very next did not tell, and of how many.

    ``before`` is how far below an update's last number a snapshot must be for the update to follow it.
    """
    told, dialect = unlisted(feed.venue, venue_symbol), feed.dialect
    frames = (line.data for line in read_capture(path) if b"@depth" in line.data[:64])
    updates = [msgspec.structs.replace(dialect.parse_depth(frame, told), bids=(), asks=()) for frame in frames]
    unnoticed = 0
    for last, following in zip(updates, updates[2:], strict=False):
        book = dialect.new_book(told)
        book.load(BookSnapshot(last.last_update_id - before, 0, (), (), 1))
        assert book.apply(last) is Verdict.APPLIED
        unnoticed += book.apply(following) is not Verdict.GAP
    return unnoticed, len(updates) - 2


class ModelBook:
    """A book as plain tables, kept without a line of ours: what a verified one must equal."""

    def __init__(self, snapshot: bytes) -> None:
        body = msgspec.json.decode(snapshot)
        self.update_id: int = body["lastUpdateId"]
        self._sides = [self._side(body["bids"]), self._side(body["asks"])]

    def apply(self, frame: bytes) -> None:
        """Take one depth frame that follows."""
        data: Any = msgspec.json.decode(frame)["data"]
        self.update_id = data["u"]
        for held, levels in zip(self._sides, (data["b"], data["a"]), strict=True):
            held.update(self._side(levels))

    def top(self, count: int) -> Top:
        """Return the best levels a side."""
        bids, asks = ({price: quantity for price, quantity in side.items() if quantity} for side in self._sides)
        return tuple(sorted(bids.items(), reverse=True)[:count]), tuple(sorted(asks.items())[:count])

    def copy(self) -> ModelBook:
        """Return the same book, to be kept as it is now."""
        other = object.__new__(ModelBook)
        other.update_id, other._sides = self.update_id, [dict(side) for side in self._sides]
        return other

    def snapshot(self) -> BookSnapshot:
        """Return the whole book."""
        bids, asks = self.top(1 << 30)
        return BookSnapshot(self.update_id, 0, bids, asks, 1 << 30)

    @staticmethod
    def _side(levels: list[list[str]]) -> dict[float, float]:
        return {float(price): float(quantity) for price, quantity in levels}


class SpotMarket:
    """The seeded market in spot's words: no predecessor, and numbers without a hole between updates."""

    def __init__(self, seed: int = 7, levels: int = 400) -> None:
        self.market = GeneratedMarket(seed, levels=levels)

    def depth(self) -> bytes:
        """Let the market move and return the frame that says so."""
        frame = msgspec.json.decode(self.market.depth())
        data = frame["data"]
        data["U"] = data.pop("pu") + 1
        del data["T"]
        return msgspec.json.encode(frame)

    def snapshot(self) -> bytes:
        """Return the body of ``GET /api/v3/depth`` now."""
        body = msgspec.json.decode(self.market.snapshot())
        return msgspec.json.encode({name: body[name] for name in ("lastUpdateId", "bids", "asks")})

    def quote(self) -> bytes:
        """Return the best quote now."""
        frame = msgspec.json.decode(self.market.quote())
        frame["data"] = {name: frame["data"][name] for name in "usbBaA"}
        return msgspec.json.encode(frame)
