"""Kraken futures REST bodies to events and to snapshots."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from seawall_proto import BarClosed, TradePrinted
from seawall_venues.candles import overlap
from seawall_venues.feed import BookSnapshot
from seawall_venues.port import Instrument

from .parse import (
    MARKET_KINDS,
    NS_PER_MS,
    UNREADABLE,
    Amount,
    Milliseconds,
    Price,
    TradeName,
    base_units,
    printed,
    refuse,
)
from .symbols import VENUE

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class _RestBook(msgspec.Struct, frozen=True, gc=False):
    bids: tuple[tuple[Price, Amount], ...]
    asks: tuple[tuple[Price, Amount], ...]


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


_decode_book = msgspec.json.Decoder(_BookAnswer).decode
_decode_history = msgspec.json.Decoder(_HistoryAnswer).decode
# Not strict: the charts write numbers as text.
_decode_candles = msgspec.json.Decoder(_CandlesAnswer, strict=False).decode

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _nanoseconds(moment: datetime) -> int:
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000


def parse_snapshot(payload: bytes, instrument: Instrument) -> BookSnapshot:
    """Return the book in the body of ``GET /derivatives/api/v3/orderbook``, which is whole; its number is its time."""
    try:
        answer: _BookAnswer = _decode_book(payload)
    except UNREADABLE as error:
        refuse("book", payload, error)
    bids, asks = answer.order_book.bids, answer.order_book.asks
    ts_venue_ns = _nanoseconds(answer.server_time) if answer.server_time is not None else 0
    return BookSnapshot(
        update_id=ts_venue_ns,
        ts_venue_ns=ts_venue_ns,
        bids=tuple([(price, base_units(contracts, price, instrument)) for price, contracts in bids]),
        asks=tuple([(price, base_units(contracts, price, instrument)) for price, contracts in asks]),
        limit=max(len(bids), len(asks)) + 1,
    )


def parse_trades(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[TradePrinted, ...]:
    """Return the trades in the body of ``GET /derivatives/api/v3/history``, which lists the newest first."""
    try:
        answer: _HistoryAnswer = _decode_history(payload)
    except UNREADABLE as error:
        refuse("list of trades", payload, error)
    trades = list(answer.history)
    trades.reverse()  # so that those of one millisecond stay in order
    trades.sort(key=lambda trade: trade.time)
    return tuple(
        printed(trade.uid, _nanoseconds(trade.time), (trade.price, trade.size), trade.side, instrument, ts_received_ns)
        for trade in trades
        if trade.size and trade.type in MARKET_KINDS
    )


def parse_bars(payload: bytes, instrument: Instrument, interval_ms: int, ts_received_ns: int) -> tuple[BarClosed, ...]:
    """Return the candles in the body of ``GET /api/charts/v1/trade/<symbol>/<resolution>``, oldest first.

    The answer does not say how long they last.
    """
    try:
        answer: _CandlesAnswer = _decode_candles(payload)
        if overlap((candle.time for candle in answer.candles), interval_ms):
            raise ValueError(f"two are less than {interval_ms} ms apart")
    except UNREADABLE as error:
        refuse("list of candles", payload, error)
    candles = sorted(answer.candles, key=lambda candle: candle.time)
    return tuple(_bar(candle, instrument, interval_ms, ts_received_ns) for candle in candles)


def _bar(candle: _Candle, instrument: Instrument, interval_ms: int, ts_received_ns: int) -> BarClosed:
    """Return a candle as a bar.

    Of its volume only the contracts are told, so what they are in the other unit is at the typical price. How
    much of it buyers took, and in how many trades, is not told: 0.
    """
    open_ns, interval_ns = candle.time * NS_PER_MS, interval_ms * NS_PER_MS
    typical_price = (candle.high + candle.low + candle.close) / 3
    volume = base_units(candle.volume, typical_price, instrument)
    return BarClosed(
        id=f"{VENUE}.{instrument.symbol}.bar.{interval_ns}.{open_ns}",
        ts_received_ns=ts_received_ns,
        venue=VENUE,
        symbol=instrument.symbol,
        ts_venue_ns=open_ns + interval_ns,
        interval_ns=interval_ns,
        ts_open_ns=open_ns,
        ts_close_ns=open_ns + interval_ns,
        open=candle.open,
        high=candle.high,
        low=candle.low,
        close=candle.close,
        volume=volume,
        quote_volume=volume * typical_price,
        buy_volume=0.0,
        trade_count=0,
        repaired=True,
    )
