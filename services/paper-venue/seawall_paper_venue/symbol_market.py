"""Everything the venue remembers of one symbol's market."""

from __future__ import annotations

from collections import deque
from decimal import Decimal

import msgspec

from seawall_sim.instruments import InstrumentRules

from .book import VenueBook
from .klines import Candle, Klines
from .mark_price import MarkPrice, next_funding_ms
from .market_frames import AggregateTrade, BookTicker, MarkPriceUpdate, Trade
from .streams import SymbolStreams

# what the venue's trades and aggTrades requests can answer at most
MAX_TRADES = 1_000
# a year of postings every eight hours
MAX_FUNDINGS = 1_095
AGGREGATE_WITHIN_MS = 100


class Funding(msgspec.Struct, frozen=True):
    """One funding posting."""

    at_ms: int
    rate: float
    mark: float


class SymbolMarket:
    """Book, trades, candles, mark price and funding of one symbol."""

    def __init__(self, rules: InstrumentRules) -> None:
        self.rules = rules
        self.symbol = rules.symbol
        self.streams = SymbolStreams(rules.symbol)
        self.book = VenueBook()
        self.has_book = False
        self.has_published = False
        self.book_event_ms = 0
        self.book_transaction_ms = 0
        self.quote: BookTicker | None = None
        self.after_snapshot = False
        self.source_has_quotes = False
        self.source_has_trades = False
        self.source_has_mark = False
        self.trades: deque[Trade] = deque(maxlen=MAX_TRADES)
        self.aggregates: deque[AggregateTrade] = deque(maxlen=MAX_TRADES)
        self.running_aggregate: AggregateTrade | None = None
        self._next_aggregate_id = 0
        self.klines = Klines()
        self.mark_klines = Klines()
        self.index_klines = Klines()
        self.mark: MarkPrice | None = None
        self.next_funding_ms = 0
        self.fundings: deque[Funding] = deque(maxlen=MAX_FUNDINGS)
        self.traded_quantity = Decimal(0)

    def book_trade(self, trade: Trade, price: Decimal, quantity: Decimal) -> list[tuple[str, Candle]]:
        """Remember a trade; return the candles that it closed."""
        self.trades.append(trade)
        self.traded_quantity += quantity
        return self.klines.add(
            trade.transaction_ms, price, quantity, taker_buys=not trade.buyer_is_maker, trade_id=trade.trade_id
        )

    def aggregate(self, trade: Trade) -> AggregateTrade | None:
        """Add a trade to the running aggregate; return the aggregate that it ended."""
        running = self.running_aggregate
        if (
            running is not None
            and running.price == trade.price
            and running.buyer_is_maker == trade.buyer_is_maker
            and trade.transaction_ms - running.transaction_ms <= AGGREGATE_WITHIN_MS
        ):
            running.quantity = str(Decimal(running.quantity) + Decimal(trade.quantity))
            running.last_trade_id = trade.trade_id
            return None
        ended = self.end_aggregate()
        if self._next_aggregate_id == 0:
            # ids must rise across restarts of the venue too, and there are never more aggregates than trades
            self._next_aggregate_id = trade.trade_id
        self.running_aggregate = AggregateTrade(
            event_ms=trade.event_ms,
            aggregate_id=self._next_aggregate_id,
            symbol=trade.symbol,
            price=trade.price,
            quantity=trade.quantity,
            first_trade_id=trade.trade_id,
            last_trade_id=trade.trade_id,
            transaction_ms=trade.transaction_ms,
            buyer_is_maker=trade.buyer_is_maker,
        )
        self._next_aggregate_id += 1
        return ended

    def end_aggregate(self) -> AggregateTrade | None:
        """Close the running aggregate and return it."""
        ended, self.running_aggregate = self.running_aggregate, None
        if ended is not None:
            self.aggregates.append(ended)
        return ended

    def derive_mark(self, now_ms: int) -> bool:
        """Move mark, index and funding to now from the book's middle; False while there is no two-sided book."""
        middle = self.book.middle()
        if middle is None:
            return False
        if self.mark is None:
            self.mark = MarkPrice(middle, now_ms)
        last = float(self.trades[-1].price) if self.trades else middle
        self.mark.update(middle, last, now_ms)
        return True

    def take_mark(self, update: MarkPriceUpdate) -> None:
        """Take mark, index and funding as the source gives them."""
        mark = self.mark or MarkPrice(float(update.mark_price), update.event_ms)
        mark.mark, mark.index = float(update.mark_price), float(update.index_price)
        mark.funding_rate = float(update.funding_rate or 0)
        self.mark = mark
        self.source_has_mark = True

    def book_mark(self, now_ms: int) -> None:
        """Put the mark into its candles and post funding when its time has come."""
        mark = self.mark
        if mark is None:
            return
        for klines, price in ((self.mark_klines, mark.mark), (self.index_klines, mark.index)):
            klines.add(now_ms, Decimal(f"{price:.8f}"), Decimal(0), taker_buys=False, trade_id=-1)
        if self.next_funding_ms and now_ms >= self.next_funding_ms:
            self.fundings.append(Funding(self.next_funding_ms, mark.funding_rate, mark.mark))
        self.next_funding_ms = next_funding_ms(now_ms)

    def mark_frame(self, now_ms: int) -> MarkPriceUpdate | None:
        """Return the ``markPriceUpdate`` frame of now, or None before there is a mark price."""
        mark = self.mark
        if mark is None:
            return None
        return MarkPriceUpdate(
            event_ms=now_ms,
            symbol=self.symbol,
            mark_price=f"{mark.mark:.8f}",
            index_price=f"{mark.index:.8f}",
            settle_price=f"{mark.index:.8f}",
            funding_rate=f"{mark.funding_rate:.8f}",
            next_funding_ms=self.next_funding_ms or next_funding_ms(now_ms),
        )

    def best_quote(self) -> BookTicker | None:
        """Return the best bid and ask: the source's own quote, else the top of the book."""
        if self.quote is not None:
            return self.quote
        best = self.book.best()
        if best is None:
            return None
        (bid, bid_quantity), (ask, ask_quantity) = best
        return BookTicker(
            update_id=self.book.last_update_id,
            symbol=self.symbol,
            bid_price=bid,
            bid_quantity=bid_quantity,
            ask_price=ask,
            ask_quantity=ask_quantity,
            transaction_ms=self.book_transaction_ms,
            event_ms=self.book_event_ms,
        )
