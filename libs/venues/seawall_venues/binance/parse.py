"""Binance's bytes to events, and to the two messages that its sync rule needs.

What spot and USD-M futures write alike is read here for both; the venue's name is the instrument's.
A frame about another symbol than the one whose stream it came on is malformed.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from seawall_proto import BarClosed, FundingPosted, QuoteTicked, TradePrinted
from seawall_venues.candles import bar_of
from seawall_venues.feed import BookSnapshot
from seawall_venues.parsing import (
    NS_PER_MS,
    UNREADABLE,
    Amount,
    Levels,
    Milliseconds,
    Number,
    Price,
    decoder_of,
    holding,
    read,
    refuse,
    refuse_symbol,
)
from seawall_venues.port import Instrument

SNAPSHOT_LEVELS = 1_000  # a side, asked of the venue; of USD-M futures it is the most that there is

Rate = Annotated[float, msgspec.Meta(gt=-1, lt=1)]


# Fields stand in the order in which the venue sends them: the decoder finds them faster so.
class DepthUpdate(msgspec.Struct, frozen=True, gc=False):
    """One ``depthUpdate`` of a USD-M contract: the absolute quantities of the levels that changed."""

    ts_venue_ms: Milliseconds = msgspec.field(name="T")
    venue_symbol: str = msgspec.field(name="s")
    first_update_id: Number = msgspec.field(name="U")
    last_update_id: Number = msgspec.field(name="u")
    previous_update_id: Number = msgspec.field(name="pu")
    bids: Levels = msgspec.field(name="b")
    asks: Levels = msgspec.field(name="a")


class _Snapshot(msgspec.Struct, frozen=True, gc=False):
    update_id: Number = msgspec.field(name="lastUpdateId")
    bids: Levels
    asks: Levels
    ts_venue_ms: Milliseconds = msgspec.field(name="T", default=0)  # only USD-M futures tell


class _Quote(msgspec.Struct, frozen=True, gc=False):
    update_id: Number = msgspec.field(name="u")
    venue_symbol: str = msgspec.field(name="s")
    bid_price: Amount = msgspec.field(name="b")
    bid_quantity: Amount = msgspec.field(name="B")
    ask_price: Amount = msgspec.field(name="a")
    ask_quantity: Amount = msgspec.field(name="A")
    ts_venue_ms: Milliseconds | None = msgspec.field(name="T", default=None)  # only USD-M futures tell


class _Trade(msgspec.Struct, frozen=True, gc=False):
    venue_symbol: str = msgspec.field(name="s")
    price: Amount = msgspec.field(name="p")
    quantity: Amount = msgspec.field(name="q")
    trade_ms: Milliseconds = msgspec.field(name="T")
    buyer_is_maker: bool = msgspec.field(name="m")
    trade_id: Number | None = msgspec.field(name="t", default=None)
    aggregate_id: Number | None = msgspec.field(name="a", default=None)
    kind: str = msgspec.field(name="X", default="MARKET")


class _Mark(msgspec.Struct, frozen=True, gc=False):
    event_ms: Milliseconds = msgspec.field(name="E")
    venue_symbol: str = msgspec.field(name="s")
    mark_price: Price = msgspec.field(name="p")
    index_price: Amount = msgspec.field(name="i")
    funding_rate: Rate = msgspec.field(name="r")
    next_funding_ms: Milliseconds = msgspec.field(name="T")


class _PastTrade(msgspec.Struct, frozen=True, gc=False):
    trade_id: Number = msgspec.field(name="id")
    price: Price
    quantity: Amount = msgspec.field(name="qty")
    trade_ms: Milliseconds = msgspec.field(name="time")
    buyer_is_maker: bool = msgspec.field(name="isBuyerMaker")


class _PastKline(msgspec.Struct, frozen=True, gc=False, array_like=True):
    open_ms: Milliseconds
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount
    last_ms: Milliseconds
    quote_volume: Amount
    trade_count: Number
    buy_volume: Amount


class _Kline(msgspec.Struct, frozen=True, gc=False):
    open_ms: Milliseconds = msgspec.field(name="t")
    last_ms: Milliseconds = msgspec.field(name="T")
    open: Price = msgspec.field(name="o")
    close: Price = msgspec.field(name="c")
    high: Price = msgspec.field(name="h")
    low: Price = msgspec.field(name="l")
    volume: Amount = msgspec.field(name="v")
    trade_count: Number = msgspec.field(name="n")
    has_ended: bool = msgspec.field(name="x")
    quote_volume: Amount = msgspec.field(name="q")
    buy_volume: Amount = msgspec.field(name="V")


class _Candle(msgspec.Struct, frozen=True, gc=False):
    event_ms: Milliseconds = msgspec.field(name="E")
    venue_symbol: str = msgspec.field(name="s")
    kline: _Kline = msgspec.field(name="k")


_depth = decoder_of(holding(data=DepthUpdate))
_quote = decoder_of(holding(data=_Quote))
_trade = decoder_of(holding(data=_Trade))
_candle = decoder_of(holding(data=_Candle))
_mark = decoder_of(holding(data=_Mark))
_snapshot = decoder_of(_Snapshot)
_past_trades = decoder_of(list[_PastTrade])
_past_klines = decoder_of(list[_PastKline])


def parse_depth(payload: bytes, instrument: Instrument) -> DepthUpdate:
    """Return the update in a frame of ``<symbol>@depth`` of USD-M futures."""
    try:
        update: DepthUpdate = _depth.decode(payload).data
    except UNREADABLE as error:
        refuse("depth update", payload, error)
    if update.venue_symbol != instrument.venue_symbol:
        refuse_symbol("depth update", payload, instrument)
    if not update.previous_update_id < update.first_update_id <= update.last_update_id:
        refuse("depth update", payload, "its numbers run backwards")
    return update


def parse_snapshot(payload: bytes, instrument: Instrument) -> BookSnapshot:
    """Return the book in the body of ``GET …/depth``, asked for with SNAPSHOT_LEVELS; spot tells no time."""
    found: _Snapshot = read(_snapshot, "depth snapshot", payload)
    return BookSnapshot(found.update_id, found.ts_venue_ms * NS_PER_MS, found.bids, found.asks, SNAPSHOT_LEVELS)


def parse_quote(payload: bytes, instrument: Instrument, ts_received_ns: int) -> QuoteTicked | None:
    """Return the best quote in a frame of ``<symbol>@bookTicker``; None while a side of the book is empty.

    Spot tells no time of a quote: then its venue time is the time at which it reached us.
    """
    try:
        quote: _Quote = _quote.decode(payload).data
    except UNREADABLE as error:
        refuse("best quote", payload, error)
    if quote.venue_symbol != instrument.venue_symbol:
        refuse_symbol("best quote", payload, instrument)
    if not (quote.bid_price and quote.ask_price):
        _check_empty_side(quote, payload)
        return None
    venue, symbol, ts_venue_ms = instrument.venue, instrument.symbol, quote.ts_venue_ms
    return QuoteTicked(
        id=f"{venue}.{symbol}.quote.{quote.update_id}",
        ts_received_ns=ts_received_ns,
        venue=venue,
        symbol=symbol,
        ts_venue_ns=ts_received_ns if ts_venue_ms is None else ts_venue_ms * NS_PER_MS,
        update_id=quote.update_id,
        bid_price=quote.bid_price,
        bid_quantity=quote.bid_quantity,
        ask_price=quote.ask_price,
        ask_quantity=quote.ask_quantity,
    )


def _check_empty_side(quote: _Quote, payload: bytes) -> None:
    if (quote.bid_quantity and not quote.bid_price) or (quote.ask_quantity and not quote.ask_price):
        refuse("best quote", payload, "a quantity at no price")


def parse_trade(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[TradePrinted, ...]:
    """Return the trade in a frame of ``<symbol>@trade``; nothing for prints that are no market trade.

    Insurance-fund and auto-deleveraging prints come on the same stream; the venue's own candles
    leave them out, and so do ours.

    Old recordings hold ``<symbol>@aggTrade`` instead: the trades of one taker at one price, as one. The
    venue numbers these without a hole too, in a count of their own.
    """
    try:
        trade: _Trade = _trade.decode(payload).data
    except UNREADABLE as error:
        refuse("trade", payload, error)
    if trade.venue_symbol != instrument.venue_symbol:
        refuse_symbol("trade", payload, instrument)
    trade_id = trade.aggregate_id if trade.trade_id is None else trade.trade_id
    if trade_id is None:
        refuse("trade", payload, "it has no number")
    if trade.kind != "MARKET" or not trade.price or not trade.quantity:
        return ()
    return (_printed(trade, trade_id, instrument, ts_received_ns),)


def parse_candle(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[BarClosed, ...]:
    """Return the candle in a frame of ``<symbol>@kline_…``, marked as repaired.

    One that has ended has the venue time of its close, as if read over REST; one still open has the
    time of the frame, which is before its close.
    """
    candle: _Candle = read(_candle, "candle", payload).data
    if candle.venue_symbol != instrument.venue_symbol:
        refuse_symbol("candle", payload, instrument)
    kline = candle.kline
    if kline.last_ms < kline.open_ms:
        refuse("candle", payload, "it closes before it opens")
    ts_venue_ms = kline.last_ms + 1 if kline.has_ended else min(candle.event_ms, kline.last_ms)
    return (_bar(kline, ts_venue_ms, instrument, ts_received_ns),)


def parse_funding(
    payload: bytes, instrument: Instrument, ts_received_ns: int, _previous: FundingPosted | None
) -> FundingPosted:
    """Return mark price and funding in a frame of ``<symbol>@markPrice``; each frame tells everything."""
    mark: _Mark = read(_mark, "mark price", payload).data
    if mark.venue_symbol != instrument.venue_symbol:
        refuse_symbol("mark price", payload, instrument)
    return FundingPosted(
        id=f"{instrument.venue}.{instrument.symbol}.funding.{mark.event_ms}",
        ts_received_ns=ts_received_ns,
        venue=instrument.venue,
        symbol=instrument.symbol,
        ts_venue_ns=mark.event_ms * NS_PER_MS,
        mark_price=mark.mark_price,
        index_price=mark.index_price,
        funding_rate=mark.funding_rate,
        ts_next_funding_ns=mark.next_funding_ms * NS_PER_MS,
    )


def parse_trades(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[TradePrinted, ...]:
    """Return the market trades in the body of ``GET …/trades``, oldest first."""
    trades: list[_PastTrade] = read(_past_trades, "list of trades", payload)
    trades.sort(key=lambda trade: trade.trade_id)
    return tuple(_printed(trade, trade.trade_id, instrument, ts_received_ns) for trade in trades if trade.quantity)


def parse_bars(payload: bytes, instrument: Instrument, interval_ms: int, ts_received_ns: int) -> tuple[BarClosed, ...]:
    """Return the candles in the body of ``GET …/klines``, oldest first, marked as repaired.

    Each states when it closes. The venue also lists the candle still open, with the time at which it will:
    the caller takes only those that have ended.
    """
    klines: list[_PastKline] = read(_past_klines, "list of candles", payload)
    if any(kline.last_ms + 1 - kline.open_ms != interval_ms for kline in klines):
        refuse("list of candles", payload, f"one does not last {interval_ms} ms")
    klines.sort(key=lambda kline: kline.open_ms)
    return tuple(_bar(kline, kline.last_ms + 1, instrument, ts_received_ns) for kline in klines)


def _printed(trade: _Trade | _PastTrade, trade_id: int, instrument: Instrument, ts_received_ns: int) -> TradePrinted:
    venue, symbol, number = instrument.venue, instrument.symbol, str(trade_id)
    return TradePrinted(
        id=f"{venue}.{symbol}.trade.{number}",
        ts_received_ns=ts_received_ns,
        venue=venue,
        symbol=symbol,
        ts_venue_ns=trade.trade_ms * NS_PER_MS,
        trade_id=number,
        price=trade.price,
        quantity=trade.quantity,
        aggressor="sell" if trade.buyer_is_maker else "buy",
    )


def _bar(kline: _Kline | _PastKline, ts_venue_ms: int, instrument: Instrument, ts_received_ns: int) -> BarClosed:
    close_ms = kline.last_ms + 1  # theirs is the last millisecond inside
    return bar_of(
        kline,
        instrument,
        kline.open_ms * NS_PER_MS,
        (close_ms - kline.open_ms) * NS_PER_MS,
        ts_received_ns,
        volume=kline.volume,
        quote_volume=kline.quote_volume,
        buy_volume=kline.buy_volume,
        trade_count=kline.trade_count,
        ts_venue_ns=ts_venue_ms * NS_PER_MS,
    )
