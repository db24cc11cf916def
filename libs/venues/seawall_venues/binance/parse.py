"""Binance USD-M bytes to events, and to the two messages that its sync rule needs.

Prices and quantities come as text and become floats in the decoder itself: correctly rounded, so
the same text is always the same key of a book, and without a Python object for each text.
A price that is zero, negative, not finite or absurd makes the whole frame malformed.
"""

from __future__ import annotations

from typing import Annotated, Any, NoReturn

import msgspec

from seawall_proto import BarClosed, FundingPosted, QuoteTicked, TradePrinted
from seawall_venues.feed_errors import MalformedFrameError

from .symbols import VENUE

NS_PER_MS = 1_000_000

Price = Annotated[float, msgspec.Meta(gt=0, lt=1e12)]
Amount = Annotated[float, msgspec.Meta(ge=0, lt=1e18)]
Levels = tuple[tuple[Price, Amount], ...]


class DepthUpdate(msgspec.Struct, frozen=True, gc=False):
    """One ``depthUpdate``: the absolute quantities of the levels that changed."""

    transaction_ms: int = msgspec.field(name="T")
    first_update_id: int = msgspec.field(name="U")
    last_update_id: int = msgspec.field(name="u")
    previous_update_id: int = msgspec.field(name="pu")
    bids: Levels = msgspec.field(name="b")
    asks: Levels = msgspec.field(name="a")


class DepthSnapshot(msgspec.Struct, frozen=True, gc=False):
    """The answer of ``GET /fapi/v1/depth``."""

    last_update_id: int = msgspec.field(name="lastUpdateId")
    transaction_ms: int = msgspec.field(name="T")
    bids: Levels
    asks: Levels


class _Quote(msgspec.Struct, frozen=True, gc=False):
    update_id: int = msgspec.field(name="u")
    transaction_ms: int = msgspec.field(name="T")
    bid_price: Price = msgspec.field(name="b")
    bid_quantity: Amount = msgspec.field(name="B")
    ask_price: Price = msgspec.field(name="a")
    ask_quantity: Amount = msgspec.field(name="A")


class _Trade(msgspec.Struct, frozen=True, gc=False):
    trade_id: int = msgspec.field(name="t")
    trade_ms: int = msgspec.field(name="T")
    price: Amount = msgspec.field(name="p")
    quantity: Amount = msgspec.field(name="q")
    buyer_is_maker: bool = msgspec.field(name="m")
    kind: str = msgspec.field(name="X", default="MARKET")


class _Mark(msgspec.Struct, frozen=True, gc=False):
    event_ms: int = msgspec.field(name="E")
    mark_price: Price = msgspec.field(name="p")
    index_price: Amount = msgspec.field(name="i")
    funding_rate: float = msgspec.field(name="r")
    next_funding_ms: int = msgspec.field(name="T")


class _PastTrade(msgspec.Struct, frozen=True, gc=False):
    trade_id: int = msgspec.field(name="id")
    price: Price
    quantity: Amount = msgspec.field(name="qty")
    trade_ms: int = msgspec.field(name="time")
    buyer_is_maker: bool = msgspec.field(name="isBuyerMaker")


class _Kline(msgspec.Struct, frozen=True, gc=False, array_like=True):
    open_ms: int
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount
    close_ms: int
    quote_volume: Amount
    trade_count: int
    buy_volume: Amount


def _decoder_of(kind: Any) -> msgspec.json.Decoder[Any]:
    # Not strict: the venue writes numbers as text.
    return msgspec.json.Decoder(kind, strict=False)


def _enveloped(kind: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return _decoder_of(msgspec.defstruct(f"{kind.__name__}Frame", [("data", kind)], frozen=True, gc=False))


_depth = _enveloped(DepthUpdate)
_quote = _enveloped(_Quote)
_trade = _enveloped(_Trade)
_mark = _enveloped(_Mark)
_snapshot = _decoder_of(DepthSnapshot)
_past_trades = _decoder_of(list[_PastTrade])
_klines = _decoder_of(list[_Kline])

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _refuse(what: str, payload: bytes, error: Exception) -> NoReturn:
    raise MalformedFrameError(f"not a {what}: {error}; found {payload[:80]!r}") from error


def parse_depth(payload: bytes) -> DepthUpdate:
    """Return the update in a frame of ``<symbol>@depth``."""
    try:
        update: DepthUpdate = _depth.decode(payload).data
    except _UNREADABLE as error:
        _refuse("depth update", payload, error)
    return update


def parse_snapshot(payload: bytes) -> DepthSnapshot:
    """Return the snapshot in the body of ``GET /fapi/v1/depth``."""
    try:
        snapshot: DepthSnapshot = _snapshot.decode(payload)
    except _UNREADABLE as error:
        _refuse("depth snapshot", payload, error)
    return snapshot


def parse_quote(payload: bytes, symbol: str, ts_received_ns: int) -> QuoteTicked:
    """Return the best quote in a frame of ``<symbol>@bookTicker``."""
    try:
        quote: _Quote = _quote.decode(payload).data
    except _UNREADABLE as error:
        _refuse("best quote", payload, error)
    return QuoteTicked(
        id=f"{VENUE}.{symbol}.quote.{quote.update_id}",
        ts_received_ns=ts_received_ns,
        venue=VENUE,
        symbol=symbol,
        ts_venue_ns=quote.transaction_ms * NS_PER_MS,
        update_id=quote.update_id,
        bid_price=quote.bid_price,
        bid_quantity=quote.bid_quantity,
        ask_price=quote.ask_price,
        ask_quantity=quote.ask_quantity,
    )


def parse_trade(payload: bytes, symbol: str, ts_received_ns: int) -> TradePrinted | None:
    """Return the trade in a frame of ``<symbol>@trade``; None for prints that are no market trade.

    Insurance-fund and auto-deleveraging prints come on the same stream; the venue's own candles
    leave them out, and so do ours.
    """
    try:
        trade: _Trade = _trade.decode(payload).data
    except _UNREADABLE as error:
        _refuse("trade", payload, error)
    if trade.kind != "MARKET" or not trade.price or not trade.quantity:
        return None
    return _printed(trade, symbol, ts_received_ns)


def parse_funding(payload: bytes, symbol: str, ts_received_ns: int) -> FundingPosted:
    """Return mark price and funding in a frame of ``<symbol>@markPrice``."""
    try:
        mark: _Mark = _mark.decode(payload).data
    except _UNREADABLE as error:
        _refuse("mark price", payload, error)
    return FundingPosted(
        id=f"{VENUE}.{symbol}.funding.{mark.event_ms}",
        ts_received_ns=ts_received_ns,
        venue=VENUE,
        symbol=symbol,
        ts_venue_ns=mark.event_ms * NS_PER_MS,
        mark_price=mark.mark_price,
        index_price=mark.index_price,
        funding_rate=mark.funding_rate,
        ts_next_funding_ns=mark.next_funding_ms * NS_PER_MS,
    )


def parse_trades(payload: bytes, symbol: str, ts_received_ns: int) -> tuple[TradePrinted, ...]:
    """Return the market trades in the body of ``GET /fapi/v1/trades``, oldest first."""
    try:
        trades: list[_PastTrade] = _past_trades.decode(payload)
    except _UNREADABLE as error:
        _refuse("list of trades", payload, error)
    trades.sort(key=lambda trade: trade.trade_id)
    return tuple(_printed(trade, symbol, ts_received_ns) for trade in trades if trade.quantity)


def parse_bars(payload: bytes, symbol: str, ts_received_ns: int) -> tuple[BarClosed, ...]:
    """Return the candles in the body of ``GET /fapi/v1/klines``, oldest first, marked as repaired.

    The venue also lists the candle still open: the caller takes only those that have ended.
    """
    try:
        klines: list[_Kline] = _klines.decode(payload)
    except _UNREADABLE as error:
        _refuse("list of candles", payload, error)
    return tuple(_bar(kline, symbol, ts_received_ns) for kline in klines)


def _printed(trade: _Trade | _PastTrade, symbol: str, ts_received_ns: int) -> TradePrinted:
    return TradePrinted(
        id=f"{VENUE}.{symbol}.trade.{trade.trade_id}",
        ts_received_ns=ts_received_ns,
        venue=VENUE,
        symbol=symbol,
        ts_venue_ns=trade.trade_ms * NS_PER_MS,
        trade_id=str(trade.trade_id),
        price=trade.price,
        quantity=trade.quantity,
        aggressor="sell" if trade.buyer_is_maker else "buy",
    )


def _bar(kline: _Kline, symbol: str, ts_received_ns: int) -> BarClosed:
    close_ms = kline.close_ms + 1  # theirs is the last millisecond inside
    return BarClosed(
        id=f"{VENUE}.{symbol}.bar.{(close_ms - kline.open_ms) * NS_PER_MS}.{kline.open_ms * NS_PER_MS}",
        ts_received_ns=ts_received_ns,
        venue=VENUE,
        symbol=symbol,
        ts_venue_ns=close_ms * NS_PER_MS,
        interval_ns=(close_ms - kline.open_ms) * NS_PER_MS,
        ts_open_ns=kline.open_ms * NS_PER_MS,
        ts_close_ns=close_ms * NS_PER_MS,
        open=kline.open,
        high=kline.high,
        low=kline.low,
        close=kline.close,
        volume=kline.volume,
        quote_volume=kline.quote_volume,
        buy_volume=kline.buy_volume,
        trade_count=kline.trade_count,
        repaired=True,
    )
