"""Coinbase bytes to events, and to the message that its sync rule needs.

Times are RFC 3339 with up to nine decimals, and stay exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from seawall_proto import BarClosed, Level, QuoteTicked, TradePrinted
from seawall_venues.candles import bar_of, overlap
from seawall_venues.feed import BookSnapshot
from seawall_venues.parsing import (
    MS_PER_S,
    NS_PER_MS,
    NS_PER_S,
    UNREADABLE,
    Amount,
    Number,
    Price,
    UnixSeconds,
    decoder_of,
    nanoseconds,
    read,
    refuse,
)
from seawall_venues.port import Instrument

from .limits import SNAPSHOT_LEVELS, STREAM_CANDLE_MS
from .symbols import VENUE


class DepthUpdate(msgspec.Struct, frozen=True, gc=False):
    """One product's part of an ``l2_data`` frame: the absolute quantities of all levels, or of those that changed.

    The book has no number of its own. ``update_id`` is the frame's time in ns: it rises from frame to
    frame of a connection, and also over connections, where ``sequence_num`` begins anew.
    ``ts_venue_ns`` is when the matching engine changed the book, some tens of milliseconds before.
    """

    sequence_num: int
    update_id: int
    ts_venue_ns: int
    is_snapshot: bool
    bids: list[Level]
    asks: list[Level]


class _Level(msgspec.Struct, frozen=True, gc=False):
    side: Literal["bid", "offer"]
    event_time: str
    price_level: Price
    new_quantity: Amount


class _Depth(msgspec.Struct, frozen=True, gc=False):
    type: Literal["snapshot", "update"]
    product_id: str
    updates: tuple[_Level, ...]


class _DepthFrame(msgspec.Struct, frozen=True, gc=False):
    channel: Literal["l2_data"]
    timestamp: str
    sequence_num: Number
    events: tuple[_Depth, ...]


class _Ticker(msgspec.Struct, frozen=True, gc=False):
    product_id: str
    best_bid: Price
    best_bid_quantity: Amount
    best_ask: Price
    best_ask_quantity: Amount


class _Tickers(msgspec.Struct, frozen=True, gc=False):
    tickers: tuple[_Ticker, ...]


class _TickerFrame(msgspec.Struct, frozen=True, gc=False):
    channel: Literal["ticker"]
    timestamp: str
    events: tuple[_Tickers, ...]


class _Trade(msgspec.Struct, frozen=True, gc=False):
    product_id: str
    trade_id: Number
    price: Price
    size: Amount
    time: str
    side: Literal["BUY", "SELL"]


class _Trades(msgspec.Struct, frozen=True, gc=False):
    """An event of ``market_trades``, and the body of ``GET …/ticker``."""

    trades: tuple[_Trade, ...]


class _TradeFrame(msgspec.Struct, frozen=True, gc=False):
    channel: Literal["market_trades"]
    events: tuple[_Trades, ...]


class _Candle(msgspec.Struct, frozen=True, gc=False):
    start: UnixSeconds
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount
    product_id: str = ""


class _Candles(msgspec.Struct, frozen=True, gc=False):
    """An event of ``candles``, and the body of ``GET …/candles``."""

    candles: tuple[_Candle, ...]


class _CandleFrame(msgspec.Struct, frozen=True, gc=False):
    channel: Literal["candles"]
    events: tuple[_Candles, ...]


class _RestLevel(msgspec.Struct, frozen=True, gc=False):
    price: Price
    size: Amount


class _PriceBook(msgspec.Struct, frozen=True, gc=False):
    product_id: str
    bids: tuple[_RestLevel, ...]
    asks: tuple[_RestLevel, ...]
    time: str


class _ProductBook(msgspec.Struct, frozen=True, gc=False):
    pricebook: _PriceBook


_depth = decoder_of(_DepthFrame)
_ticker = decoder_of(_TickerFrame)
_trades = decoder_of(_TradeFrame)
_candles = decoder_of(_CandleFrame)
_book = decoder_of(_ProductBook)
_past_trades = decoder_of(_Trades)
_past_candles = decoder_of(_Candles)


def parse_depth(payload: bytes, instrument: Instrument) -> DepthUpdate:
    """Return what an ``l2_data`` frame says of this product's book; several events as if they were one."""
    product = instrument.venue_symbol
    try:
        frame: _DepthFrame = _depth.decode(payload)
        update_id = ts_venue_ns = nanoseconds(frame.timestamp)
        ours = [event for event in frame.events if event.product_id == product]
        if not ours:
            raise ValueError(f"it tells nothing of {product}")
        if ours[-1].updates:
            ts_venue_ns = nanoseconds(ours[-1].updates[-1].event_time)
    except UNREADABLE as error:
        refuse("depth update", payload, error)
    is_snapshot = False
    bids: list[Level] = []
    asks: list[Level] = []
    for event in ours:
        if event.type == "snapshot":
            is_snapshot, bids, asks = True, [], []
        for level in event.updates:
            (bids if level.side == "bid" else asks).append((level.price_level, level.new_quantity))
    if is_snapshot and len(ours) > 1:  # of each price the last word counts, also where it is that it is gone
        bids, asks = [*dict(bids).items()], [*dict(asks).items()]
    return DepthUpdate(frame.sequence_num, update_id, ts_venue_ns, is_snapshot, bids, asks)


def parse_quote(payload: bytes, instrument: Instrument, ts_received_ns: int) -> QuoteTicked | None:
    """Return the best quote in a ``ticker`` frame; its number is the frame's time, for it has none."""
    product = instrument.venue_symbol
    try:
        frame: _TickerFrame = _ticker.decode(payload)
        ts_venue_ns = nanoseconds(frame.timestamp)
    except UNREADABLE as error:
        refuse("best quote", payload, error)
    found = [ticker for event in frame.events for ticker in event.tickers if ticker.product_id == product]
    if not found:
        return None
    ticker = found[-1]
    return QuoteTicked(
        id=f"{VENUE}.{instrument.symbol}.quote.{ts_venue_ns}",
        ts_received_ns=ts_received_ns,
        venue=VENUE,
        symbol=instrument.symbol,
        ts_venue_ns=ts_venue_ns,
        update_id=ts_venue_ns,
        bid_price=ticker.best_bid,
        bid_quantity=ticker.best_bid_quantity,
        ask_price=ticker.best_ask,
        ask_quantity=ticker.best_ask_quantity,
    )


def parse_trade(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[TradePrinted, ...]:
    """Return the trades in a ``market_trades`` frame, oldest first; the first frame lists past ones."""
    try:
        frame: _TradeFrame = _trades.decode(payload)
        trades = [trade for event in frame.events for trade in event.trades]
        return _printed(trades, instrument, ts_received_ns)
    except UNREADABLE as error:
        refuse("frame of trades", payload, error)


def parse_trades(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[TradePrinted, ...]:
    """Return the trades in the body of ``GET …/products/<id>/ticker``, oldest first."""
    try:
        listed: _Trades = _past_trades.decode(payload)
        return _printed(listed.trades, instrument, ts_received_ns)
    except UNREADABLE as error:
        refuse("list of trades", payload, error)


def parse_candle(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[BarClosed, ...]:
    """Return the five-minute candles in a ``candles`` frame, oldest first; the last one may be open still."""
    product = instrument.venue_symbol
    frame: _CandleFrame = read(_candles, "frame of candles", payload)
    candles = (candle for event in frame.events for candle in event.candles if candle.product_id == product)
    return _bars(candles, instrument, STREAM_CANDLE_MS * NS_PER_MS, ts_received_ns)


def parse_bars(payload: bytes, instrument: Instrument, interval_ms: int, ts_received_ns: int) -> tuple[BarClosed, ...]:
    """Return the candles in the body of ``GET …/products/<id>/candles``, oldest first.

    The answer does not say how long they last. Intervals without a trade are not listed, and the one
    still open is.
    """
    listed: _Candles = read(_past_candles, "list of candles", payload)
    if overlap((candle.start * MS_PER_S for candle in listed.candles), interval_ms):
        refuse("list of candles", payload, f"two are less than {interval_ms} ms apart")
    return _bars(listed.candles, instrument, interval_ms * NS_PER_MS, ts_received_ns)


def parse_snapshot(payload: bytes, instrument: Instrument) -> BookSnapshot:
    """Return the book in the body of ``GET …/product_book``."""
    try:
        book = _book.decode(payload).pricebook
        if book.product_id != instrument.venue_symbol:
            raise ValueError(f"it tells of {book.product_id[:40]}")
        ts_venue_ns = nanoseconds(book.time)
    except UNREADABLE as error:
        refuse("book", payload, error)
    return BookSnapshot(
        update_id=ts_venue_ns,
        ts_venue_ns=ts_venue_ns,
        bids=tuple([(level.price, level.size) for level in book.bids]),
        asks=tuple([(level.price, level.size) for level in book.asks]),
        limit=SNAPSHOT_LEVELS,
    )


def _printed(trades: Iterable[_Trade], instrument: Instrument, ts_received_ns: int) -> tuple[TradePrinted, ...]:
    symbol, product = instrument.symbol, instrument.venue_symbol
    ours = [trade for trade in trades if trade.product_id == product and trade.size]
    ours.sort(key=lambda trade: trade.trade_id)
    return tuple(
        [
            TradePrinted(
                id=f"{VENUE}.{symbol}.trade.{trade.trade_id}",
                ts_received_ns=ts_received_ns,
                venue=VENUE,
                symbol=symbol,
                ts_venue_ns=nanoseconds(trade.time),
                trade_id=str(trade.trade_id),
                price=trade.price,
                quantity=trade.size,
                aggressor="buy" if trade.side == "SELL" else "sell",  # theirs is the side of the maker
            )
            for trade in ours
        ]
    )


def _bars(
    candles: Iterable[_Candle], instrument: Instrument, interval_ns: int, ts_received_ns: int
) -> tuple[BarClosed, ...]:
    """Return candles as bars. The venue tells neither quote nor buyers' volume, nor how many trades there were."""
    return tuple(
        bar_of(candle, instrument, candle.start * NS_PER_S, interval_ns, ts_received_ns, volume=candle.volume)
        for candle in sorted(candles, key=lambda candle: candle.start)
    )
