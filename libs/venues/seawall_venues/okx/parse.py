"""OKX v5 bytes to events, and to the message that its sync rule needs.

Derivatives are counted in contracts; everything returned is in base units. Only where a message has a checksum
are the texts of its numbers read too.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from seawall_proto import BarClosed, FundingPosted, Level, QuoteTicked, TradePrinted
from seawall_venues.candles import bar_of, overlap
from seawall_venues.feed import BookSnapshot
from seawall_venues.parsing import (
    NS_PER_MS,
    PRICE_LIMIT,
    Amount,
    Milliseconds,
    Number,
    decoder_of,
    holding,
    printed,
    read,
    refuse,
)
from seawall_venues.port import Instrument

from .limits import BOOK_LEVELS
from .symbols import VENUE, is_contract

NUMBERLESS = -1  # the least real number is 0; a snapshot's predecessor is -1 too

# The candles up to a day, by their names in ``candle…`` channels and over REST. Those of six hours and more
# begin at midnight in Hong Kong unless their name says otherwise.
CANDLES = {
    60_000: "1m",
    180_000: "3m",
    300_000: "5m",
    900_000: "15m",
    1_800_000: "30m",
    3_600_000: "1H",
    7_200_000: "2H",
    14_400_000: "4H",
    21_600_000: "6Hutc",
    43_200_000: "12Hutc",
    86_400_000: "1Dutc",
}
_CANDLE_MS = {f"candle{name}": interval_ms for interval_ms, name in CANDLES.items()}

Price = Annotated[float, msgspec.Meta(gt=1e-18, lt=PRICE_LIMIT)]
Rate = Annotated[float, msgspec.Meta(gt=-10, lt=10)]
PreviousNumber = Annotated[int, msgspec.Meta(ge=-1, lt=1 << 62)]


class DepthUpdate(msgspec.Struct, frozen=True, gc=False):
    """One message of ``books``: a whole book, or the absolute quantities of the levels that changed.

    Numbers are NUMBERLESS where there are none. The texts are those of the levels in the same order, as
    they were sent and with a colon; there are none where there is no checksum.
    """

    is_snapshot: bool
    sequence_id: int
    previous_id: int
    ts_ms: int
    checksum: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    bid_texts: tuple[str, ...] = ()
    ask_texts: tuple[str, ...] = ()


class _Level(msgspec.Struct, frozen=True, gc=False, array_like=True):
    price: Price
    quantity: Amount


_Levels = tuple[_Level, ...]


class _LevelText(msgspec.Struct, frozen=True, gc=False, array_like=True):
    price: str
    quantity: str


class _Depth(msgspec.Struct, frozen=True, gc=False):
    ts_ms: Milliseconds = msgspec.field(name="ts")
    bids: _Levels
    asks: _Levels
    checksum: int = 0
    sequence_id: Number = msgspec.field(name="seqId", default=NUMBERLESS)
    previous_id: PreviousNumber = msgspec.field(name="prevSeqId", default=NUMBERLESS)


class _DepthText(msgspec.Struct, frozen=True, gc=False):
    bids: tuple[_LevelText, ...]
    asks: tuple[_LevelText, ...]


class _Quote(msgspec.Struct, frozen=True, gc=False):
    """Of ``bbo-tbt``, or of ``tickers``: there the prices have names, and are empty where nobody quotes."""

    ts_ms: Milliseconds = msgspec.field(name="ts")
    sequence_id: Number = msgspec.field(name="seqId", default=NUMBERLESS)
    bids: _Levels = ()
    asks: _Levels = ()
    bid_price: str = msgspec.field(name="bidPx", default="")
    bid_quantity: str = msgspec.field(name="bidSz", default="")
    ask_price: str = msgspec.field(name="askPx", default="")
    ask_quantity: str = msgspec.field(name="askSz", default="")


class _Trade(msgspec.Struct, frozen=True, gc=False):
    trade_id: Number = msgspec.field(name="tradeId")
    price: Price = msgspec.field(name="px")
    quantity: Amount = msgspec.field(name="sz")
    side: Literal["buy", "sell"]
    ts_ms: Milliseconds = msgspec.field(name="ts")


class _Candle(msgspec.Struct, frozen=True, gc=False, array_like=True):
    open_ms: Milliseconds
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount  # contracts, or base units of a spot pair
    volume_ccy: Amount  # base units, or quote units of a spot pair
    quote_volume: Amount
    confirm: str


class _Funding(msgspec.Struct, frozen=True, gc=False):
    """Of ``mark-price``, ``index-tickers`` or ``funding-rate``: each has one part."""

    ts_ms: Milliseconds = msgspec.field(name="ts")
    mark_price: Price = msgspec.field(name="markPx", default=0.0)
    index_price: Price = msgspec.field(name="idxPx", default=0.0)
    funding_rate: Rate = msgspec.field(name="fundingRate", default=0.0)
    next_funding_ms: Milliseconds = msgspec.field(name="fundingTime", default=0)


class _Arg(msgspec.Struct, frozen=True, gc=False):
    channel: str


_depth = decoder_of(holding(action=Literal["snapshot", "update"], data=tuple[_Depth]))
_depth_text = decoder_of(holding(data=tuple[_DepthText]))
_quote = decoder_of(holding(data=tuple[_Quote]))
_trades = decoder_of(holding(data=list[_Trade]))
_candles = decoder_of(holding(arg=_Arg, data=list[_Candle]))
_funding = decoder_of(holding(data=tuple[_Funding]))
_snapshot = decoder_of(holding(code=Literal["0"], data=tuple[_Depth]))
_past_trades = decoder_of(holding(code=Literal["0"], data=list[_Trade]))
_bars = decoder_of(holding(code=Literal["0"], data=list[_Candle]))

_NOTHING_KNOWN = FundingPosted(
    venue=VENUE, symbol="", ts_venue_ns=0, mark_price=0.0, index_price=0.0, funding_rate=0.0, ts_next_funding_ns=0
)


def parse_depth(payload: bytes, instrument: Instrument) -> DepthUpdate:
    """Return the snapshot or update in a frame of ``books``."""
    frame = read(_depth, "depth message", payload)
    depth: _Depth = frame.data[0]
    bid_texts: tuple[str, ...] = ()
    ask_texts: tuple[str, ...] = ()
    if depth.checksum:
        texts: _DepthText = read(_depth_text, "depth message", payload).data[0]
        bid_texts, ask_texts = _texts_of(texts.bids), _texts_of(texts.asks)
    return DepthUpdate(
        is_snapshot=frame.action == "snapshot",
        sequence_id=depth.sequence_id,
        previous_id=depth.previous_id,
        ts_ms=depth.ts_ms,
        checksum=depth.checksum,
        bids=_levels_of(depth.bids, instrument),
        asks=_levels_of(depth.asks, instrument),
        bid_texts=bid_texts,
        ask_texts=ask_texts,
    )


def parse_snapshot(payload: bytes, instrument: Instrument) -> BookSnapshot:
    """Return the book in the body of ``GET /api/v5/market/books``; its number is that of the stream."""
    depth: _Depth = read(_snapshot, "book", payload).data[0]
    ts_venue_ns = depth.ts_ms * NS_PER_MS
    return BookSnapshot(
        update_id=ts_venue_ns if depth.sequence_id == NUMBERLESS else depth.sequence_id,
        ts_venue_ns=ts_venue_ns,
        bids=_levels_of(depth.bids, instrument),
        asks=_levels_of(depth.asks, instrument),
        limit=BOOK_LEVELS,
    )


def parse_quote(payload: bytes, instrument: Instrument, ts_received_ns: int) -> QuoteTicked | None:
    """Return the best quote in a frame of ``bbo-tbt`` or ``tickers``; None where a side is empty.

    The quote in ``tickers`` has no number, and is up to seconds older than its time: it must not be
    held against a book.
    """
    quote: _Quote = read(_quote, "best quote", payload).data[0]
    bids, asks = (quote.bids, quote.asks) if quote.sequence_id != NUMBERLESS else _named_levels(quote, payload)
    if not bids or not asks:
        return None
    bid, ask = bids[0], asks[0]
    ts_venue_ns = quote.ts_ms * NS_PER_MS
    update_id = ts_venue_ns if quote.sequence_id == NUMBERLESS else quote.sequence_id
    return QuoteTicked(
        id=f"{VENUE}.{instrument.symbol}.quote.{update_id}",
        ts_received_ns=ts_received_ns,
        venue=VENUE,
        symbol=instrument.symbol,
        ts_venue_ns=ts_venue_ns,
        update_id=update_id,
        bid_price=bid.price,
        bid_quantity=_in_base(bid.quantity, bid.price, instrument),
        ask_price=ask.price,
        ask_quantity=_in_base(ask.quantity, ask.price, instrument),
    )


def parse_trade(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[TradePrinted, ...]:
    """Return the trades in a frame of ``trades-all``, or of ``trades``.

    ``trades`` adds up what one order took at one price and numbers it by its last trade, so that the
    numbers before it are missing there; it is only read from recordings.
    """
    return _printed(read(_trades, "trade", payload).data, instrument, ts_received_ns)


def parse_trades(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[TradePrinted, ...]:
    """Return the trades in the body of ``GET /api/v5/market/trades``, oldest first."""
    return _printed(read(_past_trades, "list of trades", payload).data, instrument, ts_received_ns)


def parse_candle(payload: bytes, instrument: Instrument, ts_received_ns: int) -> tuple[BarClosed, ...]:
    """Return the candles in a frame of ``candle…``, ended or not."""
    frame = read(_candles, "candle", payload)
    interval_ms = _CANDLE_MS.get(frame.arg.channel)
    if interval_ms is None:
        refuse("candle", payload, f"of no known interval: {frame.arg.channel!r}")
    return tuple(_bar(candle, interval_ms, instrument, ts_received_ns) for candle in frame.data)


def parse_bars(payload: bytes, instrument: Instrument, interval_ms: int, ts_received_ns: int) -> tuple[BarClosed, ...]:
    """Return the candles in the body of ``GET /api/v5/market/candles``, oldest first.

    The answer does not say how long they last. The one still open is listed too.
    """
    candles: list[_Candle] = read(_bars, "list of candles", payload).data
    candles.sort(key=lambda candle: candle.open_ms)
    if overlap((candle.open_ms for candle in candles), interval_ms):
        refuse("list of candles", payload, f"two are less than {interval_ms} ms apart")
    return tuple(_bar(candle, interval_ms, instrument, ts_received_ns) for candle in candles)


def parse_funding(
    payload: bytes, instrument: Instrument, ts_received_ns: int, previous: FundingPosted | None
) -> FundingPosted | None:
    """Return what is known with a frame of ``mark-price``, ``index-tickers`` or ``funding-rate``.

    None until there is a mark price. An index price of 0 is not known yet; ``ts_next_funding_ns`` of 0
    says the same of the funding rate.
    """
    news: _Funding = read(_funding, "part of funding", payload).data[0]
    if not (news.mark_price or news.index_price or news.next_funding_ms):
        refuse("part of funding", payload, "neither mark nor index price nor rate")
    known = previous or _NOTHING_KNOWN
    mark_price = news.mark_price or known.mark_price
    if not mark_price:
        return None
    ts_venue_ns = max(news.ts_ms * NS_PER_MS, known.ts_venue_ns)
    return FundingPosted(
        id=f"{VENUE}.{instrument.symbol}.funding.{ts_venue_ns // NS_PER_MS}",
        ts_received_ns=ts_received_ns,
        venue=VENUE,
        symbol=instrument.symbol,
        ts_venue_ns=ts_venue_ns,
        mark_price=mark_price,
        index_price=news.index_price or known.index_price,
        funding_rate=news.funding_rate if news.next_funding_ms else known.funding_rate,
        ts_next_funding_ns=news.next_funding_ms * NS_PER_MS or known.ts_next_funding_ns,
    )


def _levels_of(levels: _Levels, instrument: Instrument) -> tuple[Level, ...]:
    # The same arithmetic as of one quantity, without a call for each.
    if not is_contract(instrument):
        return tuple([(level.price, level.quantity) for level in levels])
    size = float(instrument.contract_size)
    if instrument.is_inverse:
        return tuple([(level.price, level.quantity * size / level.price) for level in levels])
    return tuple([(level.price, level.quantity * size) for level in levels])


def _texts_of(levels: tuple[_LevelText, ...]) -> tuple[str, ...]:
    return tuple([f"{level.price}:{level.quantity}" for level in levels])


def _named_levels(quote: _Quote, payload: bytes) -> tuple[_Levels, _Levels]:
    """Return the best levels of a message of ``tickers``; of one without such names those it has."""
    bids = [(quote.bid_price, quote.bid_quantity)] if quote.bid_price else quote.bids
    asks = [(quote.ask_price, quote.ask_quantity)] if quote.ask_price else quote.asks
    try:
        return msgspec.convert((bids, asks), tuple[_Levels, _Levels], strict=False)
    except msgspec.ValidationError as error:
        refuse("best quote", payload, error)


def _in_base(quantity: float, price: float, instrument: Instrument) -> float:
    if not is_contract(instrument):
        return quantity
    quantity *= float(instrument.contract_size)
    return quantity / price if instrument.is_inverse else quantity


def _printed(trades: list[_Trade], instrument: Instrument, ts_received_ns: int) -> tuple[TradePrinted, ...]:
    trades.sort(key=lambda trade: trade.trade_id)
    return tuple(
        [
            printed(
                instrument,
                str(trade.trade_id),
                trade.ts_ms * NS_PER_MS,
                trade.price,
                _in_base(trade.quantity, trade.price, instrument),
                trade.side,
                ts_received_ns,
            )
            for trade in trades
            if trade.quantity
        ]
    )


def _bar(candle: _Candle, interval_ms: int, instrument: Instrument, ts_received_ns: int) -> BarClosed:
    """Return a candle as a bar; what buyers took and how many trades there were the venue does not say."""
    return bar_of(
        candle,
        instrument,
        candle.open_ms * NS_PER_MS,
        interval_ms * NS_PER_MS,
        ts_received_ns,
        volume=candle.volume_ccy if is_contract(instrument) else candle.volume,
        quote_volume=candle.quote_volume,
    )
