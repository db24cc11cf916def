"""Frames in the Binance USD-M dialect for tests and benches: recorded ones, and a seeded market's."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.paths import USDM_RECORDING

_encode = msgspec.json.encode


def recording_of(venue_symbol: str) -> Path:
    """Return where the recorded minutes of one symbol lie, e.g. of ``btcusdt``."""
    return USDM_RECORDING / f"{venue_symbol}_20240808.gz"


def recorded(venue_symbol: str) -> Iterator[tuple[int, bytes]]:
    """Yield ``(local ns, frame)`` of a recording; the one frame that is no stream's is the REST snapshot."""
    with gzip.open(recording_of(venue_symbol), "rb") as file:
        for line in file:
            ts_text, _, frame = line.rstrip(b"\n").partition(b" ")
            yield int(ts_text), frame


def channel_of(frame: bytes) -> str:
    """Return ``depth``, ``trade``, ``bookTicker``, or ``snapshot``."""
    if not frame.startswith(b'{"stream":"'):
        return "snapshot"
    return frame[11 : frame.index(b'"', 11)].split(b"@")[1].decode()


class GeneratedMarket:
    """A seeded market of one symbol: a snapshot, then depth, quote and trade frames that agree with it."""

    TICK = 10  # prices are integers of 0.01

    def __init__(self, seed: int = 7, symbol: str = "BTCUSDT", levels: int = 400) -> None:
        self._random = random.Random(seed)
        self.symbol = symbol
        self.update_id = 1_000_000
        self.trade_id = 500_000
        self.now_ms = 1_700_000_000_000
        self._middle = 6_000_000
        self._bids = {self._middle - self.TICK * (i + 1): self._lots() for i in range(levels)}
        self._asks = {self._middle + self.TICK * (i + 1): self._lots() for i in range(levels)}

    def snapshot(self) -> bytes:
        """Return the body of ``GET /fapi/v1/depth`` now."""
        return _encode(
            {
                "lastUpdateId": self.update_id,
                "E": self.now_ms,
                "T": self.now_ms,
                "bids": [self._text(price, self._bids) for price in sorted(self._bids, reverse=True)[:1_000]],
                "asks": [self._text(price, self._asks) for price in sorted(self._asks)[:1_000]],
            }
        )

    def depth(self, changes: int = 30, step_ms: int = 100) -> bytes:
        """Let the market move and return the frame that says so, with about ``changes`` levels."""
        previous = self.update_id
        self.now_ms += step_ms
        shift = self._random.choice((-1, 0, 0, 0, 1)) * self.TICK
        changed_bids, changed_asks = set[int](), set[int]()
        self._move(shift, changed_bids, changed_asks)
        for book, changed in ((self._bids, changed_bids), (self._asks, changed_asks)):
            best = max(book) if book is self._bids else min(book)
            sign = -1 if book is self._bids else 1
            for _ in range(changes // 2):
                price = best + sign * self.TICK * min(int(self._random.expovariate(0.02)), 900)
                changed.add(price)
                if price != best and self._random.random() < 0.2:
                    book.pop(price, None)
                else:
                    book[price] = self._lots()
        self.update_id += self._random.randint(50, 5_000)
        data = {
            "e": "depthUpdate",
            "E": self.now_ms + 1,
            "T": self.now_ms,
            "s": self.symbol,
            "U": previous + self._random.randint(1, 40),
            "u": self.update_id,
            "pu": previous,
            "b": [self._text(price, self._bids) for price in sorted(changed_bids)],
            "a": [self._text(price, self._asks) for price in sorted(changed_asks)],
        }
        return _encode({"stream": f"{self.symbol.lower()}@depth@100ms", "data": data})

    def quote(self) -> bytes:
        """Return the best quote now, under the book's own update id."""
        bid, bid_quantity = self._text(max(self._bids), self._bids)
        ask, ask_quantity = self._text(min(self._asks), self._asks)
        data = {
            "e": "bookTicker",
            "u": self.update_id,
            "s": self.symbol,
            "b": bid,
            "B": bid_quantity,
            "a": ask,
            "A": ask_quantity,
            "T": self.now_ms,
            "E": self.now_ms,
        }
        return _encode({"stream": f"{self.symbol.lower()}@bookTicker", "data": data})

    def trade(self) -> bytes:
        """Return one trade at the touch."""
        self.trade_id += 1
        seller = self._random.random() < 0.5
        price = max(self._bids) if seller else min(self._asks)
        data = {
            "e": "trade",
            "E": self.now_ms,
            "T": self.now_ms,
            "s": self.symbol,
            "t": self.trade_id,
            "p": f"{price / 100:.2f}",
            "q": f"{self._lots() / 1_000:.3f}",
            "X": "MARKET",
            "m": seller,
        }
        return _encode({"stream": f"{self.symbol.lower()}@trade", "data": data})

    def top(self, count: int) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
        """Return the best levels a side, straight from the market's own tables."""
        bids = sorted(self._bids, reverse=True)[:count]
        asks = sorted(self._asks)[:count]
        return (
            [(price / 100, self._bids[price] / 1_000) for price in bids],
            [(price / 100, self._asks[price] / 1_000) for price in asks],
        )

    def _move(self, shift: int, changed_bids: set[int], changed_asks: set[int]) -> None:
        self._middle += shift
        for price in [price for price in self._asks if price <= self._middle]:
            del self._asks[price]
            changed_asks.add(price)
        for price in [price for price in self._bids if price >= self._middle]:
            del self._bids[price]
            changed_bids.add(price)
        bid, ask = self._middle - self.TICK, self._middle + self.TICK
        self._bids[bid] = self._bids.get(bid) or self._lots()
        self._asks[ask] = self._asks.get(ask) or self._lots()
        changed_bids.add(bid)
        changed_asks.add(ask)

    def _lots(self) -> int:
        return self._random.randint(1, 5_000)

    @staticmethod
    def _text(price: int, book: dict[int, int]) -> tuple[str, str]:
        return f"{price / 100:.2f}", f"{book.get(price, 0) / 1_000:.3f}"
