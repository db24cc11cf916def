"""Kraken futures bytes to events, and to the message that their sync rule needs.

Prices and quantities come as JSON numbers. Quantities are contracts: of a linear one so many base units, of an
inverse one so many quote units, so that its base units are those divided by the price at hand.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from seawall_proto import BarClosed, FundingPosted, Level, QuoteTicked, TradePrinted
from seawall_venues.instruments import is_perpetual
from seawall_venues.parsing import (
    NS_PER_MS,
    UNREADABLE,
    Amount,
    Best,
    Number,
    Price,
    decoder_of,
    printed,
    refuse,
)
from seawall_venues.port import Instrument

from .symbols import VENUE

Rate = Annotated[float, msgspec.Meta(gt=-1e3, lt=1e3)]
Milliseconds = Annotated[int, msgspec.Meta(gt=0, lt=1 << 43)]  # never 0: what has no time leaves it out
TradeName = Annotated[str, msgspec.Meta(pattern="^[0-9A-Za-z-]+$", max_length=64)]

# Prints of these kinds are matched in the book; the others (assignment, termination, block) are arranged
# beside it.
MARKET_KINDS = frozenset({"fill", "liquidation"})


class BookUpdate(msgspec.Struct, frozen=True, gc=False):
    """One message of the book in base units: all levels, or the one that changed."""

    is_snapshot: bool
    sequence: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    ts_venue_ns: int


class _Level(msgspec.Struct, frozen=True, gc=False):
    price: Price
    qty: Amount


class _Snapshot(msgspec.Struct, frozen=True, gc=False, tag_field="feed", tag="book_snapshot"):
    product_id: str
    seq: Number
    timestamp: Milliseconds
    bids: tuple[_Level, ...]
    asks: tuple[_Level, ...]


class _Change(msgspec.Struct, frozen=True, gc=False, tag_field="feed", tag="book"):
    product_id: str
    side: Literal["buy", "sell"]
    seq: Number
    price: Price
    qty: Amount
    timestamp: Milliseconds


class _Ticker(msgspec.Struct, frozen=True, gc=False):
    """A frame of ``ticker``, or of ``ticker_lite``, which has neither time nor quantities nor funding.

    ``funding_rate`` is an amount of money per contract; the rate is ``relative_funding_rate``.
    """

    feed: Literal["ticker", "ticker_lite"]
    product_id: str
    time: Milliseconds | None = None
    bid: Best | None = None
    ask: Best | None = None
    bid_size: Amount = 0.0
    ask_size: Amount = 0.0
    mark_price: Price | None = msgspec.field(name="markPrice", default=None)
    index: Price | None = None
    relative_funding_rate: Rate | None = None
    next_funding_rate_time: Milliseconds | None = None


class _Trade(msgspec.Struct, frozen=True, gc=False, tag_field="feed", tag="trade"):
    product_id: str
    uid: TradeName
    side: Literal["buy", "sell"]
    type: str
    seq: Number
    time: Milliseconds
    qty: Amount
    price: Price


class _Trades(msgspec.Struct, frozen=True, gc=False, tag_field="feed", tag="trade_snapshot"):
    product_id: str
    trades: tuple[_Trade, ...]


_depth = decoder_of(_Change | _Snapshot, strict=True)
_ticker = decoder_of(_Ticker, strict=True)
_trade = decoder_of(_Trade | _Trades, strict=True)


def _mind(product: str, instrument: Instrument) -> None:
    if product != instrument.venue_symbol:
        raise ValueError(f"it tells of {product[:40]!r}")


def base_units(contracts: float, price: float, instrument: Instrument) -> float:
    """Return so many contracts at a price in base units."""
    units = contracts * float(instrument.contract_size)
    return units / price if instrument.is_inverse else units


def parse_depth(payload: bytes, instrument: Instrument) -> BookUpdate:
    """Return the message in a frame of ``book`` or ``book_snapshot``."""
    try:
        message: _Change | _Snapshot = _depth.decode(payload)
        _mind(message.product_id, instrument)
    except UNREADABLE as error:
        refuse("book message", payload, error)
    ts_venue_ns = message.timestamp * NS_PER_MS
    if isinstance(message, _Snapshot):
        bids = tuple([(level.price, base_units(level.qty, level.price, instrument)) for level in message.bids])
        asks = tuple([(level.price, base_units(level.qty, level.price, instrument)) for level in message.asks])
        return BookUpdate(True, message.seq, bids, asks, ts_venue_ns)
    changed = ((message.price, base_units(message.qty, message.price, instrument)),)
    if message.side == "buy":
        return BookUpdate(False, message.seq, changed, (), ts_venue_ns)
    return BookUpdate(False, message.seq, (), changed, ts_venue_ns)


def parse_quote(payload: bytes, instrument: Instrument, ts_received_ns: int) -> QuoteTicked | None:
    """Return the best quote in a frame of ``ticker``; None where a side of the market is empty.

    Its number is its time. The old ``ticker_lite`` has no time, and counts by that of its arrival; nor has it
    quantities, which then are 0: not known.
    """
    try:
        ticker: _Ticker = _ticker.decode(payload)
        _mind(ticker.product_id, instrument)
    except UNREADABLE as error:
        refuse("best quote", payload, error)
    if not ticker.bid or not ticker.ask:
        return None
    ts_venue_ns = ticker.time * NS_PER_MS if ticker.time is not None else ts_received_ns
    return QuoteTicked(
        id=f"{VENUE}.{instrument.symbol}.quote.{ts_venue_ns}",
        ts_received_ns=ts_received_ns,
        venue=VENUE,
        symbol=instrument.symbol,
        ts_venue_ns=ts_venue_ns,
        update_id=ts_venue_ns,
        bid_price=ticker.bid,
        bid_quantity=base_units(ticker.bid_size, ticker.bid, instrument),
        ask_price=ticker.ask,
        ask_quantity=base_units(ticker.ask_size, ticker.ask, instrument),
    )


def parse_trade(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[TradePrinted, ...]:
    """Return the trades in a frame of ``trade`` or ``trade_snapshot``, oldest first.

    A trade is named by its ``uid``. Its ``seq`` rises by one from trade to trade, but the list over REST does
    not have it.
    """
    try:
        message: _Trade | _Trades = _trade.decode(payload)
        _mind(message.product_id, instrument)
    except UNREADABLE as error:
        refuse("frame of trades", payload, error)
    trades = (message,) if isinstance(message, _Trade) else sorted(message.trades, key=lambda trade: trade.seq)
    return tuple(
        [
            printed(
                instrument,
                trade.uid,
                trade.time * NS_PER_MS,
                trade.price,
                base_units(trade.qty, trade.price, instrument),
                trade.side,
                ts_received_ns,
            )
            for trade in trades
            if trade.qty and trade.type in MARKET_KINDS
        ]
    )


def parse_candle(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[BarClosed, ...]:
    """Return nothing: no candles are documented on these sockets."""
    return ()


def parse_funding(
    payload: bytes, instrument: Instrument, ts_received_ns: int, known: FundingPosted | None
) -> FundingPosted | None:
    """Return mark, index and funding in a frame of ``ticker``; what it leaves out is as last known.

    None for a dated contract, which has no funding, and while anything is missing.
    """
    try:
        ticker: _Ticker = _ticker.decode(payload)
        _mind(ticker.product_id, instrument)
    except UNREADABLE as error:
        refuse("ticker", payload, error)
    if ticker.time is None or not is_perpetual(instrument):
        return None
    mark, index = ticker.mark_price, ticker.index
    rate, next_ms = ticker.relative_funding_rate, ticker.next_funding_rate_time
    next_ns = next_ms * NS_PER_MS if next_ms is not None else None
    if known is not None:
        mark = mark if mark is not None else known.mark_price
        index = index if index is not None else known.index_price
        rate = rate if rate is not None else known.funding_rate
        next_ns = next_ns if next_ns is not None else known.ts_next_funding_ns
    if mark is None or index is None or rate is None or next_ns is None:
        return None
    return FundingPosted(
        id=f"{VENUE}.{instrument.symbol}.funding.{ticker.time}",
        ts_received_ns=ts_received_ns,
        venue=VENUE,
        symbol=instrument.symbol,
        ts_venue_ns=ticker.time * NS_PER_MS,
        mark_price=mark,
        index_price=index,
        funding_rate=rate,
        ts_next_funding_ns=next_ns,
    )
