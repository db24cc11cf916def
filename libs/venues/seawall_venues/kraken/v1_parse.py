"""Kraken's old spot protocol (WebSocket v1), for old recordings: frames are arrays, numbers are text.

``[channel id, {…}, "book-1000", "XBT/USD"]``; a message of the book that changes both sides has two objects,
with the checksum in the last one. The checksum is the same as today's, over the text as sent.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from seawall_proto import BarClosed, QuoteTicked, TradePrinted
from seawall_venues.parsing import UNREADABLE, Amount, Price, decoder_of, printed, refuse
from seawall_venues.port import Instrument

from .parse import BookUpdate, Checksum, Seconds, SentText, levels_of, nanoseconds_of_seconds, quoted


class _Level(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A fourth element, "r", marks a level that is told again."""

    price: str
    quantity: str
    changed_s: Seconds


class _Part(msgspec.Struct, frozen=True, gc=False):
    all_asks: tuple[_Level, ...] | None = msgspec.field(name="as", default=None)
    all_bids: tuple[_Level, ...] | None = msgspec.field(name="bs", default=None)
    asks: tuple[_Level, ...] = msgspec.field(name="a", default=())
    bids: tuple[_Level, ...] = msgspec.field(name="b", default=())
    checksum: Checksum | None = msgspec.field(name="c", default=None)


class _Best(msgspec.Struct, frozen=True, gc=False, array_like=True):
    price: Price
    whole_lots: int
    quantity: Amount


class _Ticker(msgspec.Struct, frozen=True, gc=False):
    ask: _Best = msgspec.field(name="a")
    bid: _Best = msgspec.field(name="b")


class _Trade(msgspec.Struct, frozen=True, gc=False, array_like=True):
    price: Price
    quantity: Amount
    traded_s: Seconds
    side: Literal["b", "s"]


_frame = msgspec.json.Decoder(list[msgspec.Raw])
_name = msgspec.json.Decoder(str)
_part = decoder_of(_Part)
_ticker = decoder_of(_Ticker)
_trades = decoder_of(tuple[_Trade, ...])


def names_of(frame: bytes) -> tuple[str, str]:
    """Return the channel, such as ``book-1000``, and the pair. Raises one of UNREADABLE."""
    parts = _frame.decode(frame)
    if len(parts) < 4:
        raise ValueError(f"{len(parts)} elements")
    return _name.decode(parts[-2]), _name.decode(parts[-1])


def _contents(frame: bytes, instrument: Instrument, channel: str) -> tuple[list[msgspec.Raw], str]:
    """Return what stands between the frame's number and its names, and what follows the channel's name."""
    parts = _frame.decode(frame)
    if len(parts) < 4:
        raise ValueError(f"{len(parts)} elements")
    name, _, argument = _name.decode(parts[-2]).partition("-")
    pair = _name.decode(parts[-1])
    if name != channel or pair != instrument.venue_symbol:
        raise ValueError(f"it tells {name[:20]!r} of {pair[:20]!r}")
    return parts[1:-2], argument


def parse_depth(payload: bytes, instrument: Instrument) -> BookUpdate:
    """Return what a frame of ``book`` says; its time is that of the newest of its levels."""
    try:
        contents, depth = _contents(payload, instrument, "book")
        parts: list[_Part] = [_part.decode(raw) for raw in contents]
        return _update(parts, int(depth))
    except UNREADABLE as error:
        refuse("book message", payload, error)


def _update(parts: list[_Part], depth: int) -> BookUpdate:
    is_snapshot = any(part.all_asks is not None or part.all_bids is not None for part in parts)
    asks = [level for part in parts for level in part.all_asks or part.asks]
    bids = [level for part in parts for level in part.all_bids or part.bids]
    checksum = parts[-1].checksum
    if checksum is None and not is_snapshot:
        raise ValueError("no checksum")
    ask_texts, bid_texts = _texts(asks), _texts(bids)
    changed_s = max((level.changed_s for level in (*asks, *bids)), default=0.0)
    return BookUpdate(
        is_snapshot=is_snapshot,
        depth=depth,
        bids=levels_of(bid_texts),
        bid_texts=bid_texts,
        asks=levels_of(ask_texts),
        ask_texts=ask_texts,
        checksum=checksum,
        ts_venue_ns=nanoseconds_of_seconds(changed_s),
    )


def _texts(levels: list[_Level]) -> tuple[SentText, ...]:
    return tuple([(level.price.encode(), level.quantity.encode()) for level in levels])


def parse_quote(payload: bytes, instrument: Instrument, ts_received_ns: int) -> QuoteTicked | None:
    """Return the best quote in a frame of ``ticker``, which has neither number nor time: those of its arrival."""
    try:
        (content,), _ = _contents(payload, instrument, "ticker")
        ticker: _Ticker = _ticker.decode(content)
    except UNREADABLE as error:
        refuse("best quote", payload, error)
    bid, ask = (ticker.bid.price, ticker.bid.quantity), (ticker.ask.price, ticker.ask.quantity)
    return quoted(instrument.symbol, ts_received_ns, bid, ask, ts_received_ns)


def parse_trade(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[TradePrinted, ...]:
    """Return the trades in a frame of ``trade``, which have no numbers: their time and their place in it."""
    try:
        (content,), _ = _contents(payload, instrument, "trade")
        trades: tuple[_Trade, ...] = _trades.decode(content)
    except UNREADABLE as error:
        refuse("frame of trades", payload, error)
    return tuple(
        printed(
            instrument,
            f"{nanoseconds_of_seconds(trade.traded_s)}-{place}",
            nanoseconds_of_seconds(trade.traded_s),
            trade.price,
            trade.quantity,
            "buy" if trade.side == "b" else "sell",
            ts_received_ns,
        )
        for place, trade in enumerate(trades)
        if trade.quantity
    )


def parse_candle(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[BarClosed, ...]:
    """Return nothing: the old candles are not read."""
    return ()
