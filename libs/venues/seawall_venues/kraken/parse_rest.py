"""Kraken spot REST bodies to events and to snapshots. Here numbers are text, and times are in seconds."""

from __future__ import annotations

from typing import Literal

import msgspec

from seawall_proto import BarClosed, TradePrinted
from seawall_venues.candles import bar_of, overlap
from seawall_venues.feed import BookSnapshot
from seawall_venues.parsing import (
    MS_PER_S,
    NS_PER_MS,
    NS_PER_S,
    Amount,
    Number,
    Price,
    UnixSeconds,
    decoder_of,
    printed,
    read,
    refuse,
)
from seawall_venues.port import Instrument

from .limits import SNAPSHOT_LEVELS
from .parse import Seconds, nanoseconds_of_seconds


class _RestLevel(msgspec.Struct, frozen=True, gc=False, array_like=True):
    price: Price
    quantity: Amount
    changed_s: UnixSeconds


class _RestBook(msgspec.Struct, frozen=True, gc=False):
    asks: tuple[_RestLevel, ...]
    bids: tuple[_RestLevel, ...]


class _RestTrade(msgspec.Struct, frozen=True, gc=False, array_like=True):
    price: Price
    quantity: Amount
    traded_s: Seconds
    side: Literal["b", "s"]
    order_type: str
    miscellaneous: str
    trade_id: Number


class _RestCandle(msgspec.Struct, frozen=True, gc=False, array_like=True):
    open_s: UnixSeconds
    open: Price
    high: Price
    low: Price
    close: Price
    vwap: Amount
    volume: Amount
    trade_count: Number


class _Answer(msgspec.Struct, frozen=True):
    """A REST answer: under ``result`` the pair by a name of its own, and ``last``."""

    result: dict[str, msgspec.Raw]


_answer = decoder_of(_Answer)
_book = decoder_of(_RestBook)
_trades = decoder_of(tuple[_RestTrade, ...])
_candles = decoder_of(tuple[_RestCandle, ...])


def _of_pair(what: str, payload: bytes) -> bytes:
    """Return what a REST answer holds beside ``last``. Raises MalformedFrameError where that is not one pair."""
    answer: _Answer = read(_answer, what, payload)
    pairs = [bytes(raw) for name, raw in answer.result.items() if name != "last"]
    if len(pairs) != 1:
        refuse(what, payload, f"it tells of {len(pairs)} pairs")
    return pairs[0]


def parse_snapshot(payload: bytes, instrument: Instrument) -> BookSnapshot:
    """Return the book in the body of ``GET /0/public/Depth``; its number is the time of its newest level."""
    book: _RestBook = read(_book, "book", _of_pair("book", payload))
    newest_s = max((level.changed_s for side in (book.bids, book.asks) for level in side), default=0)
    return BookSnapshot(
        update_id=newest_s * NS_PER_S,
        ts_venue_ns=0,
        bids=tuple([(level.price, level.quantity) for level in book.bids]),
        asks=tuple([(level.price, level.quantity) for level in book.asks]),
        limit=SNAPSHOT_LEVELS,
    )


def parse_trades(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[TradePrinted, ...]:
    """Return the trades in the body of ``GET /0/public/Trades``, oldest first."""
    trades: tuple[_RestTrade, ...] = read(_trades, "list of trades", _of_pair("list of trades", payload))
    return tuple(
        printed(
            instrument,
            str(trade.trade_id),
            nanoseconds_of_seconds(trade.traded_s),
            trade.price,
            trade.quantity,
            "buy" if trade.side == "b" else "sell",
            ts_received_ns,
        )
        for trade in sorted(trades, key=lambda trade: trade.trade_id)
        if trade.quantity
    )


def parse_bars(payload: bytes, instrument: Instrument, interval_ms: int, ts_received_ns: int) -> tuple[BarClosed, ...]:
    """Return the candles in the body of ``GET /0/public/OHLC``, oldest first; the last one is open still.

    The answer does not say how long they last.
    """
    candles: tuple[_RestCandle, ...] = read(_candles, "list of candles", _of_pair("list of candles", payload))
    if overlap((candle.open_s * MS_PER_S for candle in candles), interval_ms):
        refuse("list of candles", payload, f"two are less than {interval_ms} ms apart")
    return tuple(
        bar_of(
            candle,
            instrument,
            candle.open_s * NS_PER_S,
            interval_ms * NS_PER_MS,
            ts_received_ns,
            volume=candle.volume,
            quote_volume=candle.volume * candle.vwap,
            trade_count=candle.trade_count,
        )
        for candle in sorted(candles, key=lambda candle: candle.open_s)
    )
