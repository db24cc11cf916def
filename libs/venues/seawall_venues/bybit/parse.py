"""Bybit v5 bytes to events, and to the message that its sync rule needs.

A frame of another instrument is malformed. Quantities are in base units on both markets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from seawall_proto import BarClosed, FundingPosted, QuoteTicked, Side, TradePrinted
from seawall_venues.candles import bar_of, overlap
from seawall_venues.feed import BookSnapshot
from seawall_venues.parsing import (
    AMOUNT_LIMIT,
    NS_PER_MS,
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

from .limits import SNAPSHOT_LEVELS

MAX_CANDLE_MS = 31 * 86_400_000  # the venue's longest candle is a month

Traded = Annotated[float, msgspec.Meta(gt=0, lt=AMOUNT_LIMIT)]
Rate = Annotated[float, msgspec.Meta(gt=-10, lt=10)]
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Absent = Literal[""]  # what stands where the venue has no number, as for the funding of a dated contract

WINDOWS = {"1": 1, "50": 50, "200": 200, "500": 500, "1000": 1_000}
"""The depths that the venue has, or had, as ``orderbook.<depth>.<symbol>``; levels a side."""


class DepthData(msgspec.Struct, frozen=True, gc=False):
    """The absolute quantities of the levels that changed, or of all."""

    symbol: str = msgspec.field(name="s")
    bids: Levels = msgspec.field(name="b")
    asks: Levels = msgspec.field(name="a")
    number: Number = msgspec.field(name="u")
    sequence: Number = msgspec.field(name="seq")


class DepthUpdate(msgspec.Struct, frozen=True, gc=False):
    """One frame of ``orderbook.<depth>.<symbol>``. ``engine_ms`` is the matching engine's time, 0 where untold."""

    topic: str
    kind: Literal["snapshot", "delta"] = msgspec.field(name="type")
    ts_ms: Milliseconds = msgspec.field(name="ts")
    data: DepthData
    engine_ms: Milliseconds = msgspec.field(name="cts", default=0)

    @property
    def window(self) -> int:
        """How many levels a side the stream keeps; 0 for a depth that the venue does not have."""
        _, _, rest = self.topic.partition(".")
        return WINDOWS.get(rest.partition(".")[0], 0)


class _Trade(msgspec.Struct, frozen=True, gc=False):
    symbol: str = msgspec.field(name="s")
    trade_id: Identifier = msgspec.field(name="i")
    trade_ms: Milliseconds = msgspec.field(name="T")
    price: Price = msgspec.field(name="p")
    quantity: Traded = msgspec.field(name="v")
    taker: Literal["Buy", "Sell"] = msgspec.field(name="S")
    is_block_trade: bool = msgspec.field(name="BT", default=False)


class _Ticker(msgspec.Struct, frozen=True, gc=False):
    """What changed, or all; of spot neither the best prices nor what is about funding."""

    symbol: str
    mark_price: Price | Absent = msgspec.field(name="markPrice", default="")
    index_price: Price | Absent = msgspec.field(name="indexPrice", default="")
    funding_rate: Rate | Absent = msgspec.field(name="fundingRate", default="")
    next_funding_ms: Milliseconds | Absent = msgspec.field(name="nextFundingTime", default="")
    bid_price: Price | Absent = msgspec.field(name="bid1Price", default="")
    bid_quantity: Amount | Absent = msgspec.field(name="bid1Size", default="")
    ask_price: Price | Absent = msgspec.field(name="ask1Price", default="")
    ask_quantity: Amount | Absent = msgspec.field(name="ask1Size", default="")


class _TickerFrame(msgspec.Struct, frozen=True, gc=False):
    kind: Literal["snapshot", "delta"] = msgspec.field(name="type")
    ts_ms: Milliseconds = msgspec.field(name="ts")
    sequence: Number = msgspec.field(name="cs")
    data: _Ticker


class _Candle(msgspec.Struct, frozen=True, gc=False):
    start_ms: Milliseconds = msgspec.field(name="start")
    end_ms: Milliseconds = msgspec.field(name="end")
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount
    turnover: Amount
    is_ended: bool = msgspec.field(name="confirm")
    told_ms: Milliseconds = msgspec.field(name="timestamp")


class _Book(DepthData, frozen=True, gc=False):
    ts_ms: Milliseconds = msgspec.field(name="ts")
    engine_ms: Milliseconds = msgspec.field(name="cts", default=0)


class _PastTrade(msgspec.Struct, frozen=True, gc=False):
    symbol: str
    trade_id: Identifier = msgspec.field(name="execId")
    trade_ms: Milliseconds = msgspec.field(name="time")
    price: Price
    quantity: Traded = msgspec.field(name="size")
    taker: Literal["Buy", "Sell"] = msgspec.field(name="side")
    is_block_trade: bool = msgspec.field(name="isBlockTrade", default=False)


class _PastCandle(msgspec.Struct, frozen=True, gc=False, array_like=True):
    start_ms: Milliseconds
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount
    turnover: Amount


_depth = decoder_of(DepthUpdate)
_trade = decoder_of(holding(data=tuple[_Trade, ...]))
_ticker = decoder_of(_TickerFrame)
_candle = decoder_of(holding(topic=str, data=tuple[_Candle, ...]))
_book = decoder_of(holding(result=_Book))
_past_trades = decoder_of(holding(result=holding(list=tuple[_PastTrade, ...])))
_past_candles = decoder_of(holding(result=holding(symbol=str, list=tuple[_PastCandle, ...])))

_SIDES: dict[str, Side] = {"Buy": "buy", "Sell": "sell"}
_TICKER_TOPIC = b'"tickers.'
_MAX_HEAD_BYTES = 128  # within which a frame names its topic


def _match(symbol: str, instrument: Instrument, what: str, payload: bytes) -> None:
    if symbol != instrument.venue_symbol:
        refuse_symbol(what, payload, instrument)


def parse_depth(payload: bytes, instrument: Instrument) -> DepthUpdate:
    """Return the snapshot or update in a frame of ``orderbook.<depth>.<symbol>``."""
    update: DepthUpdate = read(_depth, "book", payload)
    _match(update.data.symbol, instrument, "book", payload)
    if update.kind == "snapshot" and not update.window:
        refuse("book", payload, "of an unknown depth")
    return update


def parse_snapshot(payload: bytes, instrument: Instrument) -> BookSnapshot:
    """Return the book in the body of ``GET /v5/market/orderbook``."""
    book: _Book = read(_book, "book", payload).result
    _match(book.symbol, instrument, "book", payload)
    ts_ms = book.engine_ms or book.ts_ms
    return BookSnapshot(book.sequence, ts_ms * NS_PER_MS, book.bids, book.asks, SNAPSHOT_LEVELS)


def parse_quote(payload: bytes, instrument: Instrument, ts_received_ns: int) -> QuoteTicked | None:
    """Return the best quote in a frame of ``orderbook.1.<symbol>`` or ``tickers.<symbol>``.

    None where the frame does not tell both sides: a side is empty, or did not change.
    """
    if payload.find(_TICKER_TOPIC, 0, _MAX_HEAD_BYTES) >= 0:
        frame: _TickerFrame = read(_ticker, "ticker", payload)
        ticker = frame.data
        _match(ticker.symbol, instrument, "ticker", payload)
        bid, ask = (ticker.bid_price, ticker.bid_quantity), (ticker.ask_price, ticker.ask_quantity)
        return _quoted(frame.sequence, frame.ts_ms, bid, ask, instrument, ts_received_ns)
    update: DepthUpdate = read(_depth, "book", payload)
    data = update.data
    _match(data.symbol, instrument, "book", payload)
    ts_ms = update.engine_ms or update.ts_ms
    return _quoted(data.sequence, ts_ms, _only(data.bids), _only(data.asks), instrument, ts_received_ns)


def parse_trade(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[TradePrinted, ...]:
    """Return the trades in a frame of ``publicTrade.<symbol>``, without block trades.

    Those are agreed upon beside the book, at prices that nobody could have had in it.
    """
    trades: tuple[_Trade, ...] = read(_trade, "trade", payload).data
    return _printed(trades, payload, instrument, ts_received_ns)


def parse_funding(
    payload: bytes, instrument: Instrument, ts_received_ns: int, known: FundingPosted | None
) -> FundingPosted | None:
    """Return mark, index and funding by a frame of ``tickers.<symbol>`` and by what was known before it.

    An update holds only what changed, and most change something else: for those, while something is
    missing, and for instruments without funding the answer is None.
    """
    frame: _TickerFrame = read(_ticker, "ticker", payload)
    data = frame.data
    _match(data.symbol, instrument, "ticker", payload)
    if frame.kind == "snapshot":
        known = None
    elif data.mark_price == data.index_price == data.funding_rate == data.next_funding_ms == "":
        return None
    return _posted(frame, instrument, ts_received_ns, known)


def parse_candle(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[BarClosed, ...]:
    """Return the candles in a frame of ``kline.<interval>.<symbol>``, marked as repaired.

    The time of one that has ended is its close; of one that has not, when it was told, always earlier.
    """
    frame = read(_candle, "candle", payload)
    _match(frame.topic.rpartition(".")[2], instrument, "candle", payload)
    candles: tuple[_Candle, ...] = frame.data
    bars = []
    for candle in candles:
        close_ms = candle.end_ms + 1  # theirs is the last millisecond inside
        if not 0 < close_ms - candle.start_ms <= MAX_CANDLE_MS:
            refuse("candle", payload, f"it lasts {close_ms - candle.start_ms} ms")
        ts_ms = close_ms if candle.is_ended else min(candle.told_ms, candle.end_ms)
        bars.append(_bar(candle, close_ms, ts_ms, instrument, ts_received_ns))
    return tuple(bars)


def parse_trades(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[TradePrinted, ...]:
    """Return the trades in the body of ``GET /v5/market/recent-trade``, oldest first, without block trades."""
    trades: tuple[_PastTrade, ...] = read(_past_trades, "list of trades", payload).result.list
    printed = _printed(trades[::-1], payload, instrument, ts_received_ns)
    return tuple(sorted(printed, key=lambda trade: trade.ts_venue_ns))


def parse_bars(payload: bytes, instrument: Instrument, interval_ms: int, ts_received_ns: int) -> tuple[BarClosed, ...]:
    """Return the candles in the body of ``GET /v5/market/kline``, oldest first, marked as repaired.

    The answer does not say how long they last. The one still open is listed too.
    """
    answer = read(_past_candles, "list of candles", payload).result
    _match(answer.symbol, instrument, "list of candles", payload)
    listed: tuple[_PastCandle, ...] = answer.list
    candles = sorted(listed, key=lambda candle: candle.start_ms)
    if overlap((candle.start_ms for candle in candles), interval_ms):
        refuse("list of candles", payload, f"two are less than {interval_ms} ms apart")
    closes = [(candle, candle.start_ms + interval_ms) for candle in candles]
    return tuple(_bar(candle, close_ms, close_ms, instrument, ts_received_ns) for candle, close_ms in closes)


def _only(levels: Levels) -> tuple[float | Absent, float | Absent]:
    """Return the one level of a side; an update may also delete the one before it."""
    if len(levels) == 1 and levels[0][1]:
        return levels[0]
    present = [level for level in levels if level[1]]
    return present[0] if len(present) == 1 else ("", "")


def _quoted(
    sequence: int,
    ts_ms: int,
    bid: tuple[float | Absent, float | Absent],
    ask: tuple[float | Absent, float | Absent],
    instrument: Instrument,
    ts_received_ns: int,
) -> QuoteTicked | None:
    (bid_price, bid_quantity), (ask_price, ask_quantity) = bid, ask
    if isinstance(bid_price, str) or isinstance(bid_quantity, str):
        return None
    if isinstance(ask_price, str) or isinstance(ask_quantity, str):
        return None
    return QuoteTicked(
        id=f"{instrument.venue}.{instrument.symbol}.quote.{sequence}",
        ts_received_ns=ts_received_ns,
        venue=instrument.venue,
        symbol=instrument.symbol,
        ts_venue_ns=ts_ms * NS_PER_MS,
        update_id=sequence,
        bid_price=bid_price,
        bid_quantity=bid_quantity,
        ask_price=ask_price,
        ask_quantity=ask_quantity,
    )


def _printed(
    trades: Sequence[_Trade | _PastTrade], payload: bytes, instrument: Instrument, ts_received_ns: int
) -> tuple[TradePrinted, ...]:
    if b"\\" in payload or not payload.isascii():  # nothing that an event's id could not carry
        refuse("trade", payload, "a letter that no trade's id has")
    venue, symbol = instrument.venue, instrument.symbol
    printed = []
    for trade in trades:
        if trade.symbol != instrument.venue_symbol:
            refuse_symbol("trade", payload, instrument)
        if trade.is_block_trade:
            continue
        printed.append(
            TradePrinted(
                id=f"{venue}.{symbol}.trade.{trade.trade_id}",
                ts_received_ns=ts_received_ns,
                venue=venue,
                symbol=symbol,
                ts_venue_ns=trade.trade_ms * NS_PER_MS,
                trade_id=trade.trade_id,
                price=trade.price,
                quantity=trade.quantity,
                aggressor=_SIDES[trade.taker],
            )
        )
    return tuple(printed)


def _posted(
    frame: _TickerFrame, instrument: Instrument, ts_received_ns: int, known: FundingPosted | None
) -> FundingPosted | None:
    data = frame.data
    mark_price, index_price = data.mark_price, data.index_price
    funding_rate, next_funding_ms = data.funding_rate, data.next_funding_ms
    if known is not None:
        mark_price = known.mark_price if mark_price == "" else mark_price
        index_price = known.index_price if index_price == "" else index_price
        funding_rate = known.funding_rate if funding_rate == "" else funding_rate
        next_funding_ms = known.ts_next_funding_ns // NS_PER_MS if next_funding_ms == "" else next_funding_ms
    if isinstance(mark_price, str) or isinstance(index_price, str):
        return None
    if isinstance(funding_rate, str) or isinstance(next_funding_ms, str):
        return None
    return FundingPosted(
        id=f"{instrument.venue}.{instrument.symbol}.funding.{frame.ts_ms}",
        ts_received_ns=ts_received_ns,
        venue=instrument.venue,
        symbol=instrument.symbol,
        ts_venue_ns=frame.ts_ms * NS_PER_MS,
        mark_price=mark_price,
        index_price=index_price,
        funding_rate=funding_rate,
        ts_next_funding_ns=next_funding_ms * NS_PER_MS,
    )


def _bar(
    candle: _Candle | _PastCandle, close_ms: int, ts_ms: int, instrument: Instrument, ts_received_ns: int
) -> BarClosed:
    """Return a candle as a bar; who took and how many trades there were the venue does not tell."""
    return bar_of(
        candle,
        instrument,
        candle.start_ms * NS_PER_MS,
        (close_ms - candle.start_ms) * NS_PER_MS,
        ts_received_ns,
        volume=candle.volume,
        quote_volume=candle.turnover,
        ts_venue_ns=ts_ms * NS_PER_MS,
    )
