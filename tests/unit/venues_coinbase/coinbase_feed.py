"""Frames as Coinbase writes them, the recording, and an owner of a socket that heeds what the wire says."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec

from seawall_proto import Level, QuoteTicked, TradePrinted
from seawall_venues.capture.read import read_capture
from seawall_venues.coinbase.book import DepthBook
from seawall_venues.coinbase.session import FEED
from seawall_venues.feed import Verdict
from seawall_venues.feed_errors import MalformedFrameError
from seawall_venues.port import Instrument
from seawall_venues.wire import Broken, FeedOptions, Leaving, Notice, Plan, Refused, Stray, Wire
from tests.paths import RECORDINGS, needs_recording

RECORDING = RECORDINGS / "coinbase" / "raw_ws" / "COINBASE.first15s.jsonl.zst"
recorded = needs_recording(RECORDING)
NUMBER = b'"sequence_num":'
TOP = 20


def instrument(symbol: str = "BTC-USD") -> Instrument:
    base, _, quote = symbol.partition("-")
    return Instrument(
        venue="coinbase",
        symbol=symbol,
        venue_symbol=symbol,
        base=base,
        quote=quote,
        settle=quote,
        tick_size=Decimal("0.01"),
        lot_size=Decimal("1e-8"),
        min_quantity=Decimal("1e-8"),
        max_quantity=Decimal(3400),
        market_max_quantity=Decimal(3400),
        min_notional=Decimal(1),
    )


BTC, ETH = instrument("BTC-USD"), instrument("ETH-USD")


def time_of(nanosecond: int) -> str:
    return f"2026-08-09T21:05:{nanosecond // 10**9:02d}.{nanosecond % 10**9:09d}Z"


def frame(channel: str, number: int, *events: Any, at_ns: int | None = None) -> bytes:
    """Return a frame; without a time of its own it is a millisecond later than the one numbered before."""
    timestamp = time_of(number * 1_000_000 if at_ns is None else at_ns)
    return msgspec.json.encode(
        {"channel": channel, "timestamp": timestamp, "sequence_num": number, "events": list(events)}
    )


def depth(kind: str, bids: Sequence[Level] = (), asks: Sequence[Level] = (), product: str = "BTC-USD") -> Any:
    """Return an event of an ``l2_data`` frame."""
    levels = [("bid", level) for level in bids] + [("offer", level) for level in asks]
    return {
        "type": kind,
        "product_id": product,
        "updates": [
            {"side": side, "event_time": time_of(1), "price_level": repr(price), "new_quantity": repr(quantity)}
            for side, (price, quantity) in levels
        ],
    }


def ticker(product: str = "BTC-USD", **changes: str) -> Any:
    """Return an event of a ``ticker`` frame."""
    quote = {"best_bid": "10", "best_bid_quantity": "1", "best_ask": "11", "best_ask_quantity": "2"}
    return {"type": "update", "tickers": [{"type": "ticker", "product_id": product, "price": "10", **quote, **changes}]}


def trade(number: int, product: str = "BTC-USD", **changes: Any) -> Any:
    """Return one trade."""
    time = "2026-08-09T21:05:42.514318Z"
    told = {"trade_id": str(number), "price": "10.5", "size": "0.25", "time": time, "side": "BUY"}
    return {"product_id": product, **told, **changes}


def trades(*items: Any, kind: str = "update") -> Any:
    """Return an event of a ``market_trades`` frame."""
    return {"type": kind, "trades": list(items)}


def candle(start: int, product: str = "BTC-USD", **changes: str) -> Any:
    """Return one candle."""
    prices = {"open": "10", "high": "12", "low": "9", "close": "11", "volume": "3.5"}
    return {"start": str(start), **prices, "product_id": product, **changes}


def new_wire(*instruments: Instrument) -> Wire:
    return FEED.wire(Plan("", instruments or (BTC, ETH), ()), FeedOptions())


def number_of(raw: bytes) -> int:
    start = raw.index(NUMBER) + len(NUMBER)
    return int(raw[start : raw.index(b",", start)])


def renumbered(raw: bytes, number: int) -> bytes:
    start = raw.index(NUMBER) + len(NUMBER)
    return raw[:start] + str(number).encode() + raw[raw.index(b",", start) :]


State = tuple[int, int, tuple[Level, ...], tuple[Level, ...]]


class Owner:
    """Owns a socket: hands frames to the wire and the parsers, and drops books as market-data does."""

    def __init__(self) -> None:
        self.wire = new_wire()
        self.books: dict[str, DepthBook] = {item.symbol: DepthBook(item) for item in (BTC, ETH)}
        self.notices: list[Notice] = []
        self.malformed = 0
        self.verdicts: list[Verdict] = []
        self.quotes: list[QuoteTicked] = []
        self.trades: list[TradePrinted] = []

    def take(self, raw: bytes) -> None:
        """Take a frame."""
        taken = self.wire.take(raw)
        if isinstance(taken, Stray | Refused | Broken | Leaving):
            self.notices.append(taken)
            if isinstance(taken, Broken):
                for book in self.books.values():
                    book.reset()
            return
        for symbol, channel in taken:
            try:
                self._read(symbol, channel, raw)
            except MalformedFrameError:
                self.malformed += 1
                if channel == "depth":
                    self.books[symbol].reset()

    def _read(self, symbol: str, channel: str, raw: bytes) -> None:
        about = BTC if symbol == BTC.symbol else ETH
        match channel:
            case "depth":
                update = FEED.dialect.parse_depth(raw, about)
                self.verdicts.append(self.books[symbol].apply(update))
            case "quote":
                quote = FEED.dialect.parse_quote(raw, about, 1)
                self.quotes += [quote] if quote is not None else []
            case "trade":
                self.trades += FEED.dialect.parse_trade(raw, about, 1)
            case "candle":
                FEED.dialect.parse_candle(raw, about, 1)

    def state(self, symbol: str) -> State | None:
        """Return what the book says, or None where it says nothing."""
        book = self.books[symbol]
        if not book.is_live:
            return None
        return book.update_id, book.ts_venue_ns, book.levels.bids.top(TOP), book.levels.asks.top(TOP)

    def states(self) -> dict[str, State]:
        """Return what the live books say."""
        return {symbol: state for symbol in self.books if (state := self.state(symbol)) is not None}


@cache
def recorded_frames() -> tuple[bytes, ...]:
    return tuple(line.data for line in read_capture(RECORDING) if line.kind == "recv")


@cache
def recorded_listing() -> bytes:
    return next(line.data for line in read_capture(RECORDING) if line.kind == "http")


@cache
def shallow_frames(levels: int = 150) -> tuple[bytes, ...]:
    """Return the recording with books cut to their top: the same market, ten times as fast to replay."""
    return tuple(_cut(raw, levels) if len(raw) > 1_000_000 else raw for raw in recorded_frames())


def _cut(raw: bytes, levels: int) -> bytes:
    whole = msgspec.json.decode(raw)
    for event in whole["events"]:
        bids = [level for level in event["updates"] if level["side"] == "bid"]
        asks = [level for level in event["updates"] if level["side"] == "offer"]
        event["updates"] = bids[:levels] + asks[:levels]
    return msgspec.json.encode(whole)


def snapshot_of(symbol: str, state: State, number: int, raw: bytes) -> bytes:
    """Return the snapshot that a new subscription brings: a book as it is, at the time of the frame ``raw``."""
    _, _, bids, asks = state
    whole = msgspec.json.decode(raw)
    event = depth("snapshot", bids, asks, symbol)
    whole.update(channel="l2_data", sequence_num=number, events=[event])
    return msgspec.json.encode(whole)
