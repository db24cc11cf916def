"""Frames in Bybit's dialect for its tests: recorded ones, and a seeded market's; and a reader like market-data."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import msgspec

from seawall_proto import BarClosed, FundingPosted, QuoteTicked, TradePrinted
from seawall_venues.bybit.book import DepthBook
from seawall_venues.bybit.session import LINEAR_FEED, SPOT_FEED
from seawall_venues.bybit.symbols import LINEAR
from seawall_venues.capture.read import read_capture
from seawall_venues.feed import Verdict
from seawall_venues.feed_errors import MalformedFrameError
from seawall_venues.port import Instrument
from seawall_venues.wire import Broken, FeedOptions, FeedSpec, Notice, Plan, Routes, Stray
from tests.paths import RECORDINGS

RECORDING = RECORDINGS / "bybit" / "raw_ws" / "BYBIT.first27s.jsonl.zst"
FEEDS = {feed.venue: feed for feed in (LINEAR_FEED, SPOT_FEED)}
REPLAY = Plan("", (), ())

Levels = tuple[tuple[float, float], ...]
Sides = tuple[Levels, Levels]
encode = msgspec.json.encode
decode = msgspec.json.decode


def instrument(venue_symbol: str = "BTCUSDT", symbol: str = "BTC-USDT-PERP", venue: str = LINEAR) -> Instrument:
    """Return an instrument of which only the names matter."""
    one = Decimal(1)
    base, quote, *_ = symbol.split("-")
    return Instrument(
        venue=venue,
        symbol=symbol,
        venue_symbol=venue_symbol,
        base=base,
        quote=quote,
        settle=quote,
        tick_size=Decimal("0.1"),
        lot_size=one,
        min_quantity=one,
        max_quantity=one,
        market_max_quantity=one,
        min_notional=one,
    )


def depth_frame(
    kind: str, number: int, sequence: int, bids: Any, asks: Any, *, topic: str = "", ts_ms: int = 0
) -> bytes:
    """Return a book frame of BTCUSDT, with the keys in the order of contracts; its time follows its number."""
    return encode(
        {
            "topic": topic or "orderbook.50.BTCUSDT",
            "type": kind,
            "ts": ts_ms or 1_700_000_000_001 + sequence,
            "data": {"s": "BTCUSDT", "b": bids, "a": asks, "u": number, "seq": sequence},
            "cts": ts_ms or 1_700_000_000_000 + sequence,
        }
    )


class GeneratedMarket:
    """A seeded market of BTCUSDT that is told as a window of 50 levels a side, like the venue tells it."""

    WINDOW = 50

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._bids = {60_000 - i: self._lots() for i in range(90)}
        self._asks = {60_001 + i: self._lots() for i in range(90)}
        self.number = 1_000
        self.sequence = 5_000

    def snapshot(self) -> bytes:
        """Return the whole window now."""
        bids, asks = self._window()
        return depth_frame("snapshot", self.number, self.sequence, _texts(bids), _texts(asks))

    def step(self) -> bytes:
        """Let the market move, and return what changed in the window."""
        before = self._window()
        for side, sign, best in ((self._bids, -1, max(self._bids)), (self._asks, 1, min(self._asks))):
            for _ in range(self._random.randint(1, 8)):
                price = best + sign * min(int(self._random.expovariate(0.08)), 85)
                if self._random.random() < 0.3 and len(side) > 60:
                    side.pop(price, None)
                else:
                    side[price] = self._lots()
        if self._random.random() < 0.2:
            self._shift()
        after = self._window()
        changed = []
        for old, new in zip(before, after, strict=True):
            gone = dict.fromkeys(old.keys() - new.keys(), 0)
            changed.append(gone | {price: lots for price, lots in new.items() if old.get(price) != lots})
        self.number += 1
        self.sequence += self._random.randint(1, 300)
        return depth_frame("delta", self.number, self.sequence, _texts(changed[0]), _texts(changed[1]))

    def quote(self) -> bytes:
        """Return the best quote now, under the book's own number."""
        bid, ask = max(self._bids), min(self._asks)
        bids, asks = _texts({bid: self._bids[bid]}), _texts({ask: self._asks[ask]})
        topic = "orderbook.1.BTCUSDT"
        return depth_frame("snapshot", self.number, self.sequence, bids, asks, topic=topic)

    def sides(self) -> Sides:
        """Return the window as a book should show it."""
        bids, asks = self._window()
        return (
            tuple((float(price), lots / 1_000) for price, lots in sorted(bids.items(), reverse=True)),
            tuple((float(price), lots / 1_000) for price, lots in sorted(asks.items())),
        )

    def _window(self) -> tuple[dict[int, int], dict[int, int]]:
        bids = sorted(self._bids, reverse=True)[: self.WINDOW]
        asks = sorted(self._asks)[: self.WINDOW]
        return {price: self._bids[price] for price in bids}, {price: self._asks[price] for price in asks}

    def _shift(self) -> None:
        up = self._random.random() < 0.5
        taken, filled = (self._asks, self._bids) if up else (self._bids, self._asks)
        price = min(taken) if up else max(taken)
        del taken[price]
        filled[price] = self._lots()
        far = max(taken) + 1 if up else min(taken) - 1
        taken[far] = self._lots()

    def _lots(self) -> int:
        return self._random.randint(1, 9_999)


def _texts(levels: dict[int, int]) -> list[list[str]]:
    return [[str(price), f"{lots / 1_000}" if lots else "0"] for price, lots in levels.items()]


class Reader:
    """Reads one connection the way market-data does: a wire, a book for each instrument, and what is said."""

    def __init__(self, feed: FeedSpec, instruments: tuple[Instrument, ...], plan: Plan = REPLAY) -> None:
        self.feed = feed
        self.wire = feed.wire(plan, FeedOptions())
        self.books = {one.symbol: feed.dialect.new_book(one) for one in instruments}
        self.taken: Counter[str] = Counter()
        self.verdicts: Counter[tuple[str, Verdict]] = Counter()
        self.quotes: list[QuoteTicked] = []
        self.trades: list[TradePrinted] = []
        self.candles: list[BarClosed] = []
        self.funding: dict[str, FundingPosted] = {}
        self._by_symbol = {one.symbol: one for one in instruments}
        self._by_venue_symbol = {one.venue_symbol: one for one in instruments}

    def read(self, frame: bytes) -> Routes | Notice:
        """Take one frame to its end."""
        taken = self.wire.take(frame)
        if isinstance(taken, Stray) and taken.venue_symbol in self._by_venue_symbol:
            self.wire.add(self._by_venue_symbol[taken.venue_symbol])
            taken = self.wire.take(frame)
        if isinstance(taken, Broken):
            for book in self.books.values():
                book.reset()
        if type(taken) is not tuple:
            self.taken[type(taken).__name__] += 1
            return taken
        self.taken["routed" if taken else "quiet"] += 1
        for symbol, channel in taken:
            try:
                self._hand(channel, frame, self._by_symbol[symbol])
            except MalformedFrameError:
                self.taken["malformed"] += 1
                if channel == "depth":
                    self.books[symbol].reset()
        return taken

    def _hand(self, channel: str, frame: bytes, one: Instrument) -> None:
        dialect = self.feed.dialect
        match channel:
            case "depth":
                verdict = self.books[one.symbol].apply(dialect.parse_depth(frame, one))
                self.verdicts[one.symbol, verdict] += 1
            case "quote":
                quote = dialect.parse_quote(frame, one, 1)
                self.quotes += [] if quote is None else [quote]
            case "trade":
                self.trades += dialect.parse_trade(frame, one, 1)
            case "candle":
                self.candles += dialect.parse_candle(frame, one, 1)
            case "funding":
                posted = dialect.parse_funding(frame, one, 1, self.funding.get(one.symbol))
                if posted is not None:
                    self.funding[one.symbol] = posted


def sides_of(book: Any) -> Sides:
    """Return everything a live book shows."""
    return book.levels.bids.top(1_000), book.levels.asks.top(1_000)


def linear_reader() -> Reader:
    """Return a reader of BTCUSDT alone, subscribed as in production."""
    one = instrument()
    return Reader(LINEAR_FEED, (one,), Plan("", (one,), ("depth", "quote", "trade", "candle", "funding")))


class Recorded(NamedTuple):
    """One venue's part of the recording."""

    feed: FeedSpec
    listing: bytes
    instruments: tuple[Instrument, ...]
    frames: tuple[bytes, ...]


@cache
def recorded(venue: str) -> Recorded:
    """Return what was recorded of a venue."""
    feed = FEEDS[venue]
    address: dict[str, str] = {}
    listing, frames = b"", []
    for line in read_capture(RECORDING):
        if line.kind == "connect":
            address[line.connection] = line.address
        elif line.kind == "http" and feed.is_listing(line.address):
            listing = line.data
        elif line.kind == "recv" and feed.speaks(address[line.connection]):
            frames.append(line.data)
    return Recorded(feed, listing, feed.parse_instruments((listing,)), tuple(frames))


@cache
def recorded_books(venue: str) -> dict[str, tuple[Instrument, tuple[bytes, ...]]]:
    """Return the depth frames of each instrument that was recorded."""
    part = recorded(venue)
    found: dict[str, list[bytes]] = {}
    for frame in part.frames:
        topic = decode(frame).get("topic", "")
        if topic.startswith("orderbook.200."):
            found.setdefault(topic.removeprefix("orderbook.200."), []).append(frame)
    named = {one.venue_symbol: one for one in part.instruments}
    return {symbol: (named[symbol], tuple(frames)) for symbol, frames in found.items()}


def states_of(frames: tuple[bytes, ...], one: Instrument) -> dict[int, Sides]:
    """Return the undamaged book at each of its numbers."""
    dialect = LINEAR_FEED.dialect
    book = DepthBook()
    states = {}
    for frame in frames:
        book.apply(dialect.parse_depth(frame, one))
        states[book.update_id] = sides_of(book)
    return states
