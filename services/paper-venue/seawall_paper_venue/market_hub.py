"""The market side of the venue: takes what the source tells, keeps each symbol's market, tells everyone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Protocol

import msgspec

from seawall_sim.instruments import InstrumentRules

from .book import VenueBook
from .broadcast import Broadcaster
from .clock import wall_ns
from .market_frames import (
    AggregateTrade,
    BookSnapshot,
    BookTicker,
    DepthUpdate,
    MarketMessage,
    MarkPriceUpdate,
    Trade,
)
from .market_pulse import MarketPulse
from .sources import Sink, Source, SourceError
from .symbol_market import SymbolMarket
from .tasks import first_of

_encode = msgspec.json.Encoder().encode


class MarketListener(Protocol):
    """Who trades on this market: the matching engine. Called in order, times never go back."""

    def on_book(self, symbol: str, ts_ns: int, book: VenueBook) -> None:
        """The book changed; ``book.bids()`` and ``book.asks()`` yield (price, quantity) best first."""

    def on_trade(self, symbol: str, ts_ns: int, price: Decimal, quantity: Decimal, buyer_is_maker: bool) -> None:
        """A trade printed."""

    def on_mark(self, symbol: str, ts_ns: int, mark: Decimal, index: Decimal, funding_rate: Decimal) -> None:
        """Mark price, index price and the funding rate for the running interval."""


class BookGapError(SourceError):
    """The source skipped a change of the book: what follows would be a wrong book."""


class MarketHub(Sink):
    """Runs the source and holds the markets of the symbols in ``rules``.

    ``speed`` multiplies the pace of a recorded or generated source. ``broadcaster`` reaches the
    WebSocket clients; the trading half may send its own streams through it.
    """

    def __init__(
        self,
        rules: Mapping[str, InstrumentRules],
        source: Source,
        listener: MarketListener,
        speed: float = 1.0,
        clock: Callable[[], int] = wall_ns,
    ) -> None:
        self.rules = dict(rules)
        self.markets = {symbol: SymbolMarket(rule) for symbol, rule in self.rules.items()}
        self.broadcaster = Broadcaster()
        self.clock = clock
        self.messages = 0
        self.unlisted = 0
        self._source = source
        self._listener = listener
        self._speed = speed
        self._ready = asyncio.Event()
        self._last_ts_ns = 0
        self._pulse = MarketPulse(self.markets, self.broadcaster, self.tell_mark)

    async def run(self) -> None:
        """Play the source until it ends or this task is cancelled. Raises SourceError."""
        await first_of(self._source.run(self, self._speed), self._pulse.run(self.clock))

    async def wait_ready(self, timeout_s: float) -> None:
        """Wait until every symbol has a book. Raises TimeoutError."""
        await asyncio.wait_for(self._ready.wait(), timeout_s)

    @property
    def is_ready(self) -> bool:
        """Whether every symbol has a book."""
        return self._ready.is_set()

    def now_ms(self) -> int:
        """Return the venue's clock in milliseconds since 1970 UTC."""
        return self.clock() // 1_000_000

    def accept(self, ts_ns: int, message: MarketMessage) -> None:
        """Take one message of the source: keep it, tell the listener, owe it to the clients."""
        market = self.markets.get(message.symbol)
        if market is None:
            self.unlisted += 1
            return
        self.messages += 1
        ts_ns = self._last_ts_ns = max(ts_ns, self._last_ts_ns)
        match message:
            case BookTicker():
                self._take_quote(market, message)
            case Trade():
                self._take_trade(market, ts_ns, message)
            case DepthUpdate():
                self._take_depth(market, ts_ns, message)
            case BookSnapshot():
                self._take_snapshot(market, ts_ns, message)
            case AggregateTrade():
                self._take_aggregate(market, ts_ns, message)
            case MarkPriceUpdate():
                market.take_mark(message)
                self.tell_mark(market, ts_ns)

    def flush(self) -> None:
        """Write to every client what it is owed."""
        self.broadcaster.flush()

    def tell_mark(self, market: SymbolMarket, ts_ns: int) -> None:
        """Tell the listener the mark price of a symbol."""
        mark = market.mark
        if mark is not None:
            ts_ns = self._last_ts_ns = max(ts_ns, self._last_ts_ns)
            self._listener.on_mark(
                market.symbol,
                ts_ns,
                Decimal(f"{mark.mark:.8f}"),
                Decimal(f"{mark.index:.8f}"),
                Decimal(f"{mark.funding_rate:.8f}"),
            )

    def _take_quote(self, market: SymbolMarket, quote: BookTicker) -> None:
        market.quote = quote
        market.source_has_quotes = True
        self._send_quote(market, quote)

    def _send_quote(self, market: SymbolMarket, quote: BookTicker) -> None:
        caster = self.broadcaster
        if caster.wanted(market.streams.book_ticker) or caster.wanted("!bookTicker"):
            payload = _encode(quote)
            caster.send(market.streams.book_ticker, payload)
            caster.send("!bookTicker", payload)

    def _take_trade(self, market: SymbolMarket, ts_ns: int, trade: Trade) -> None:
        if self.broadcaster.wanted(market.streams.trade):
            self.broadcaster.send(market.streams.trade, _encode(trade))
        price, quantity = Decimal(trade.price), Decimal(trade.quantity)
        if not price or not quantity:
            return  # the venue prints bookkeeping entries without a price; they are no market
        market.source_has_trades = True
        self._pulse.send_closed(market, market.book_trade(trade, price, quantity), trade.event_ms)
        ended = market.aggregate(trade)
        if ended is not None:
            self._pulse.send_aggregate(market, ended, trade.event_ms)
        self._listener.on_trade(market.symbol, ts_ns, price, quantity, trade.buyer_is_maker)

    def _take_aggregate(self, market: SymbolMarket, ts_ns: int, aggregate: AggregateTrade) -> None:
        """Where a source has no single trades, each aggregate stands for one."""
        if market.source_has_trades:
            return
        market.aggregates.append(aggregate)
        self._pulse.send_aggregate(market, aggregate, aggregate.event_ms)
        price, quantity = Decimal(aggregate.price), Decimal(aggregate.quantity)
        trade = Trade(
            event_ms=aggregate.event_ms,
            transaction_ms=aggregate.transaction_ms,
            symbol=aggregate.symbol,
            trade_id=aggregate.last_trade_id,
            price=aggregate.price,
            quantity=aggregate.quantity,
            buyer_is_maker=aggregate.buyer_is_maker,
        )
        if self.broadcaster.wanted(market.streams.trade):
            self.broadcaster.send(market.streams.trade, _encode(trade))
        self._pulse.send_closed(market, market.book_trade(trade, price, quantity), trade.event_ms)
        self._listener.on_trade(market.symbol, ts_ns, price, quantity, aggregate.buyer_is_maker)

    def _take_snapshot(self, market: SymbolMarket, ts_ns: int, snapshot: BookSnapshot) -> None:
        """Start the book; where clients already follow one, lead them over to the new one without a gap."""
        book = market.book
        if market.has_book:
            bids, asks = book.changes_towards(snapshot)
            market.quote = None
            bridge = DepthUpdate(
                event_ms=snapshot.event_ms,
                transaction_ms=snapshot.transaction_ms,
                symbol=snapshot.symbol,
                first_update_id=book.last_update_id + 1,
                last_update_id=snapshot.last_update_id,
                previous_update_id=book.last_update_id,
                bids=bids,
                asks=asks,
            )
            self._take_depth(market, ts_ns, bridge)
        else:
            book.load(snapshot)
            market.has_book = True
            self._stamp_book(market, snapshot.event_ms, snapshot.transaction_ms)
            self._listener.on_book(market.symbol, ts_ns, book)
        market.after_snapshot = True
        if all(each.has_book for each in self.markets.values()):
            self._ready.set()

    def _take_depth(self, market: SymbolMarket, ts_ns: int, update: DepthUpdate) -> None:
        book = market.book
        if not market.has_book or update.last_update_id <= book.last_update_id:
            return  # older than the snapshot
        if update.previous_update_id != book.last_update_id:
            self._join_snapshot(market, update)
        market.after_snapshot = False
        book.apply(update)
        self._stamp_book(market, update.event_ms, update.transaction_ms)
        self._pulse.add_depth(market, update)
        if self.broadcaster.wanted(market.streams.depth_now):
            self.broadcaster.send(market.streams.depth_now, _encode(update))
        market.has_published = True
        if not market.source_has_quotes:
            quote = market.best_quote()
            if quote is not None:
                self._send_quote(market, quote)
        self._listener.on_book(market.symbol, ts_ns, book)

    def _join_snapshot(self, market: SymbolMarket, update: DepthUpdate) -> None:
        """The first change after a snapshot straddles it; anywhere else a jump is a hole in the source."""
        last = market.book.last_update_id
        if not market.after_snapshot or (update.first_update_id > last + 1 and update.previous_update_id > last):
            raise BookGapError(
                f"{market.symbol}: book stands at update {last}, the source goes on after {update.previous_update_id}"
            )
        if market.has_published:
            # clients that follow since before the snapshot check that pu is the u they saw last
            update.previous_update_id = last
            update.first_update_id = last + 1

    @staticmethod
    def _stamp_book(market: SymbolMarket, event_ms: int, transaction_ms: int) -> None:
        market.book_event_ms, market.book_transaction_ms = event_ms, transaction_ms
