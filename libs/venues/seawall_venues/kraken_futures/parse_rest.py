"""Kraken futures REST bodies to events and to snapshots."""

from __future__ import annotations

from typing import Literal

import msgspec

from seawall_proto import BarClosed, TradePrinted
from seawall_venues.candles import bar_of, overlap
from seawall_venues.feed import BookSnapshot
from seawall_venues.parsing import (
    NS_PER_MS,
    Amount,
    Levels,
    Moment,
    Price,
    decoder_of,
    nanoseconds_of,
    printed,
    read,
    refuse,
)
from seawall_venues.port import Instrument

from .parse import MARKET_KINDS, Milliseconds, TradeName, base_units


class _RestBook(msgspec.Struct, frozen=True, gc=False):
    bids: Levels
    asks: Levels


class _BookAnswer(msgspec.Struct, frozen=True, gc=False):
    order_book: _RestBook = msgspec.field(name="orderBook")
    server_time: Moment | None = msgspec.field(name="serverTime", default=None)


class _RestTrade(msgspec.Struct, frozen=True, gc=False):
    """``trade_id`` is left out: it is the place in the answer, not a number of the trade."""

    time: Moment
    price: Price
    size: Amount
    side: Literal["buy", "sell"]
    type: str
    uid: TradeName


class _HistoryAnswer(msgspec.Struct, frozen=True, gc=False):
    history: tuple[_RestTrade, ...]


class _Candle(msgspec.Struct, frozen=True, gc=False):
    time: Milliseconds
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount


class _CandlesAnswer(msgspec.Struct, frozen=True, gc=False):
    candles: tuple[_Candle, ...]


_book = decoder_of(_BookAnswer, strict=True)
_history = decoder_of(_HistoryAnswer, strict=True)
_candles = decoder_of(_CandlesAnswer)  # only the charts write numbers as text


def parse_snapshot(payload: bytes, instrument: Instrument) -> BookSnapshot:
    """Return the book in the body of ``GET /derivatives/api/v3/orderbook``, which is whole; its number is its time."""
    answer: _BookAnswer = read(_book, "book", payload)
    bids, asks = answer.order_book.bids, answer.order_book.asks
    ts_venue_ns = nanoseconds_of(answer.server_time) if answer.server_time is not None else 0
    return BookSnapshot(
        update_id=ts_venue_ns,
        ts_venue_ns=ts_venue_ns,
        bids=tuple([(price, base_units(contracts, price, instrument)) for price, contracts in bids]),
        asks=tuple([(price, base_units(contracts, price, instrument)) for price, contracts in asks]),
        limit=max(len(bids), len(asks)) + 1,
    )


def parse_trades(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[TradePrinted, ...]:
    """Return the trades in the body of ``GET /derivatives/api/v3/history``, which lists the newest first."""
    answer: _HistoryAnswer = read(_history, "list of trades", payload)
    trades = list(answer.history)
    trades.reverse()  # so that those of one millisecond stay in order
    trades.sort(key=lambda trade: trade.time)
    return tuple(
        printed(
            instrument,
            trade.uid,
            nanoseconds_of(trade.time),
            trade.price,
            base_units(trade.size, trade.price, instrument),
            trade.side,
            ts_received_ns,
        )
        for trade in trades
        if trade.size and trade.type in MARKET_KINDS
    )


def parse_bars(payload: bytes, instrument: Instrument, interval_ms: int, ts_received_ns: int) -> tuple[BarClosed, ...]:
    """Return the candles in the body of ``GET /api/charts/v1/trade/<symbol>/<resolution>``, oldest first.

    The answer does not say how long they last.
    """
    answer: _CandlesAnswer = read(_candles, "list of candles", payload)
    if overlap((candle.time for candle in answer.candles), interval_ms):
        refuse("list of candles", payload, f"two are less than {interval_ms} ms apart")
    candles = sorted(answer.candles, key=lambda candle: candle.time)
    return tuple(_bar(candle, instrument, interval_ms, ts_received_ns) for candle in candles)


def _bar(candle: _Candle, instrument: Instrument, interval_ms: int, ts_received_ns: int) -> BarClosed:
    """Return a candle as a bar.

    Of its volume only the contracts are told, so what they are in the other unit is at the typical price. How
    much of it buyers took, and in how many trades, is not told: 0.
    """
    typical_price = (candle.high + candle.low + candle.close) / 3
    volume = base_units(candle.volume, typical_price, instrument)
    return bar_of(
        candle,
        instrument,
        candle.time * NS_PER_MS,
        interval_ms * NS_PER_MS,
        ts_received_ns,
        volume=volume,
        quote_volume=volume * typical_price,
    )
