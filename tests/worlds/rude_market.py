"""A seeded market that knows its own truth: its book at every number, and every trade there was."""

from __future__ import annotations

import random
import uuid
from bisect import bisect_left
from dataclasses import dataclass
from typing import NamedTuple

from seawall_runtime.clock import now_ns

PRICES_PER_UNIT = 10  # prices are whole tenths
LOTS_PER_UNIT = 1_000  # quantities are whole thousandths
LEVELS = 60  # a side
NS_PER_MS = 1_000_000

Book = tuple[dict[int, int], dict[int, int]]
"""Bids and asks: lots by price."""


def price_text(price: int) -> str:
    """Return a price as a venue writes it."""
    return f"{price / PRICES_PER_UNIT:.1f}"


def lots_text(lots: int) -> str:
    """Return a quantity as a venue writes it."""
    return f"{lots / LOTS_PER_UNIT:.3f}"


class TrueTrade(NamedTuple):
    """One trade, with a number and a name; venues tell one of them."""

    number: int
    name: str
    ts_ms: int
    price: int
    lots: int
    is_buy: bool


@dataclass(frozen=True, slots=True)
class Move:
    """What changed from one number of the market to another: levels, 0 for those that went, and trades."""

    index: int
    previous: int
    number: int
    ts_ms: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    trades: tuple[TrueTrade, ...]


class TrueBar(NamedTuple):
    """What a bar over some trades must say."""

    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float
    buy_volume: float
    trade_count: int


class TrueMarket:
    """One instrument's market, in real time. It begins without a trade."""

    def __init__(self, symbol: str, seed: int) -> None:
        self.symbol = symbol
        self.number = 1_000_000
        self.ts_ms = now_ns() // NS_PER_MS
        self.books: dict[int, Book] = {}
        self.moves: list[Move] = []
        self.trades: list[TrueTrade] = []
        self._random = random.Random(seed)
        self._middle = 600_000 + 1_000 * seed
        self._bids = {self._middle - 1 - i: self._lots() for i in range(LEVELS)}
        self._asks = {self._middle + 1 + i: self._lots() for i in range(LEVELS)}
        self.move(0)

    def move(self, trades: int = 1) -> Move:
        """Let some levels change and some trades happen."""
        previous, self.number = self.number, self.number + self._random.randint(1, 9)
        self.ts_ms = max(self.ts_ms, now_ns() // NS_PER_MS)
        before: Book = (dict(self._bids), dict(self._asks))
        printed = tuple(self._trade() for _ in range(trades))
        self._shift(self._random.choice((-1, 0, 0, 1)))
        for book, sign, best in ((self._bids, -1, max(self._bids)), (self._asks, 1, min(self._asks))):
            for _ in range(4):
                price = best + sign * self._random.randrange(LEVELS)
                if price != best and price in book and self._random.random() < 0.3:
                    del book[price]
                else:
                    book[price] = self._lots()
        bids, asks = (
            tuple(
                (price, now.get(price, 0))
                for price in sorted(was.keys() | now.keys())
                if was.get(price) != now.get(price)
            )
            for was, now in zip(before, (self._bids, self._asks), strict=True)
        )
        move = Move(len(self.moves), previous, self.number, self.ts_ms, bids, asks, printed)
        self.books[self.number] = (dict(self._bids), dict(self._asks))
        self.moves.append(move)
        return move

    def top(self, number: int, count: int) -> tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]:
        """Return the best levels a side at one of its numbers. Raises KeyError where there is no such number."""
        bids, asks = self.books[number]
        return (
            tuple((price / PRICES_PER_UNIT, bids[price] / LOTS_PER_UNIT) for price in sorted(bids)[::-1][:count]),
            tuple((price / PRICES_PER_UNIT, asks[price] / LOTS_PER_UNIT) for price in sorted(asks)[:count]),
        )

    def traded(self, ts_open_ns: int, ts_close_ns: int) -> list[TrueTrade]:
        """Return the trades of ``[open, close)``."""
        times = [trade.ts_ms for trade in self.trades]
        start, end = (bisect_left(times, -(-ts_ns // NS_PER_MS)) for ts_ns in (ts_open_ns, ts_close_ns))
        return self.trades[start:end]

    def bar(self, ts_open_ns: int, ts_close_ns: int) -> TrueBar:
        """Return the bar of ``[open, close)``; without a trade it stands at the price of the last one before."""
        trades = self.traded(ts_open_ns, ts_close_ns)
        if not trades:
            last = [trade for trade in self.trades if trade.ts_ms * NS_PER_MS < ts_open_ns][-1].price / PRICES_PER_UNIT
            return TrueBar(last, last, last, last, 0.0, 0.0, 0.0, 0)
        prices = [trade.price / PRICES_PER_UNIT for trade in trades]
        return TrueBar(
            prices[0],
            max(prices),
            min(prices),
            prices[-1],
            sum(trade.lots for trade in trades) / LOTS_PER_UNIT,
            sum(trade.price * trade.lots for trade in trades) / (PRICES_PER_UNIT * LOTS_PER_UNIT),
            sum(trade.lots for trade in trades if trade.is_buy) / LOTS_PER_UNIT,
            len(trades),
        )

    def _trade(self) -> TrueTrade:
        is_buy = self._random.random() < 0.5
        price = min(self._asks) if is_buy else max(self._bids)
        name = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        number = self.trades[-1].number + 1 if self.trades else 500_001
        self.trades.append(TrueTrade(number, name, self.ts_ms, price, self._lots(), is_buy))
        return self.trades[-1]

    def _shift(self, ticks: int) -> None:
        self._middle += ticks
        for price in [price for price in self._bids if price >= self._middle or price < self._middle - LEVELS]:
            del self._bids[price]
        for price in [price for price in self._asks if price <= self._middle or price > self._middle + LEVELS]:
            del self._asks[price]
        self._bids[self._middle - 1] = self._lots()
        self._asks[self._middle + 1] = self._lots()

    def _lots(self) -> int:
        return self._random.randint(1, 5_000)
