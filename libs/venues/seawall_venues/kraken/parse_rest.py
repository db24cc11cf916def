"""Kraken spot REST bodies to events and to snapshots. Here numbers are text, and times are in seconds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from seawall_proto import BarClosed, TradePrinted
from seawall_venues.candles import overlap
from seawall_venues.feed import BookSnapshot
from seawall_venues.port import Instrument

from .limits import SNAPSHOT_LEVELS
from .parse import NS_PER_S, UNREADABLE, Amount, Number, Price, bar_of, printed, refuse

NS_PER_MS = 1_000_000
MS_PER_S = 1_000

UnixSeconds = Annotated[int, msgspec.Meta(gt=0, lt=1 << 33)]
Seconds = Annotated[float, msgspec.Meta(gt=0, lt=1 << 33)]  # with decimals, of which microseconds count


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


def _decoder_of(kind: Any) -> msgspec.json.Decoder[Any]:
    # Not strict: REST writes numbers as text.
    return msgspec.json.Decoder(kind, strict=False)


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_book = _decoder_of(_RestBook).decode
_decode_trades = _decoder_of(tuple[_RestTrade, ...]).decode
_decode_candles = _decoder_of(tuple[_RestCandle, ...]).decode


def _of_pair(payload: bytes) -> bytes:
    """Return what a REST answer holds beside ``last``. Raises ValueError where that is not one pair."""
    (pair,) = (bytes(raw) for name, raw in _decode_answer(payload).result.items() if name != "last")
    return pair


def parse_snapshot(payload: bytes, instrument: Instrument) -> BookSnapshot:
    """Return the book in the body of ``GET /0/public/Depth``; its number is the time of its newest level."""
    try:
        book: _RestBook = _decode_book(_of_pair(payload))
    except UNREADABLE as error:
        refuse("book", payload, error)
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
    try:
        trades: tuple[_RestTrade, ...] = _decode_trades(_of_pair(payload))
    except UNREADABLE as error:
        refuse("list of trades", payload, error)
    return tuple(
        printed(
            instrument.symbol,
            str(trade.trade_id),
            round(trade.traded_s * 1e6) * 1_000,
            (trade.price, trade.quantity),
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
    try:
        candles: tuple[_RestCandle, ...] = _decode_candles(_of_pair(payload))
        if overlap((candle.open_s * MS_PER_S for candle in candles), interval_ms):
            raise ValueError(f"two are less than {interval_ms} ms apart")
    except UNREADABLE as error:
        refuse("list of candles", payload, error)
    return tuple(
        bar_of(
            instrument.symbol,
            candle.open_s * NS_PER_S,
            interval_ms * NS_PER_MS,
            (candle.open, candle.high, candle.low, candle.close),
            (candle.volume, candle.vwap, candle.trade_count),
            ts_received_ns,
        )
        for candle in sorted(candles, key=lambda candle: candle.open_s)
    )
