"""OKX frames and instruments for tests, and a book kept in the plainest way to hold the real one against."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from decimal import Decimal
from zlib import crc32

from seawall_venues.okx.session import FEED
from seawall_venues.port import Instrument

SPOT = {
    "instType": "SPOT",
    "instId": "BTC-USDT",
    "baseCcy": "BTC",
    "quoteCcy": "USDT",
    "state": "live",
    "tickSz": "0.1",
    "lotSz": "0.00000001",
    "minSz": "0.00001",
    "maxLmtSz": "9999999999",
    "maxMktSz": "1000000",
}
SWAP = {
    "instType": "SWAP",
    "instId": "BTC-USDT-SWAP",
    "baseCcy": "",
    "quoteCcy": "",
    "settleCcy": "USDT",
    "uly": "BTC-USDT",
    "ctType": "linear",
    "ctVal": "0.01",
    "ctMult": "1",
    "ctValCcy": "BTC",
    "state": "live",
    "tickSz": "0.1",
    "lotSz": "0.1",
    "minSz": "0.1",
    "maxLmtSz": "100000000",
    "maxMktSz": "12000",
}
INVERSE = SWAP | {
    "instId": "BTC-USD-SWAP",
    "settleCcy": "BTC",
    "uly": "BTC-USD",
    "ctType": "inverse",
    "ctVal": "100",
    "ctValCcy": "USD",
}
FUTURE = INVERSE | {"instType": "FUTURES", "instId": "BTC-USD-220527", "expTime": "1653638400000"}


def listing(*listed: object) -> bytes:
    """Return a body of ``/api/v5/public/instruments``."""
    return json.dumps({"code": "0", "msg": "", "data": listed}).encode()


def instruments(*listed: object) -> tuple[Instrument, ...]:
    """Return instruments as the venue's list makes them."""
    return FEED.parse_instruments([listing(*listed)])


def instrument(listed: object) -> Instrument:
    """Return one instrument as the venue's list makes it."""
    (found,) = instruments(listed)
    return found


def frame(channel: str, venue_symbol: str, data: object, **more: object) -> bytes:
    """Return a frame as the venue lays it out: the topic first, no space."""
    body = {"arg": {"channel": channel, "instId": venue_symbol}, **more, "data": [data]}
    return json.dumps(body, separators=(",", ":")).encode()


def depth_of(payload: bytes) -> dict[str, object]:
    """Return what a frame of ``books`` says."""
    depth: dict[str, object] = json.loads(payload)["data"][0]
    return depth


def is_depth(payload: bytes) -> bool:
    """True for snapshots and updates of ``books``."""
    return b'"action":' in payload[:96]


class PlainBook:
    """A book as texts by price; it trusts every message. Its states are what the real book must show."""

    def __init__(self, venue_symbol: str) -> None:
        self.venue_symbol = venue_symbol
        self.bids: dict[str, str] = {}
        self.asks: dict[str, str] = {}
        self.numbers: dict[str, object] = {}

    def take(self, payload: bytes) -> None:
        """Take a frame of ``books``."""
        depth = depth_of(payload)
        if b'"snapshot"' in payload[:96]:
            self.bids, self.asks = {}, {}
        for side, held in (("bids", self.bids), ("asks", self.asks)):
            for price, quantity, *_ in depth[side]:  # type: ignore[attr-defined]
                if Decimal(quantity):
                    held[price] = quantity
                else:
                    held.pop(price, None)
        self.numbers = {name: depth[name] for name in ("ts", "seqId", "checksum") if name in depth}

    def sorted_bids(self) -> list[tuple[str, str]]:
        """Return the bids, best first."""
        return sorted(self.bids.items(), key=lambda level: -Decimal(level[0]))

    def sorted_asks(self) -> list[tuple[str, str]]:
        """Return the asks, best first."""
        return sorted(self.asks.items(), key=lambda level: Decimal(level[0]))

    def checksum(self) -> int:
        """Return the venue's checksum of this book."""
        bids, asks = self.sorted_bids()[:25], self.sorted_asks()[:25]
        parts: list[str] = []
        for at in range(25):
            parts += [text for side in (bids, asks) if at < len(side) for text in side[at]]
        number = crc32(":".join(parts).encode())
        return number - 2**32 if number >= 2**31 else number

    def snapshot(self) -> bytes:
        """Return the frame with which the venue would begin a subscription now."""
        data = {
            "asks": [[*level, "0", "1"] for level in self.sorted_asks()],
            "bids": [[*level, "0", "1"] for level in self.sorted_bids()],
            **self.numbers,
        }
        if "seqId" in data:
            data["prevSeqId"] = -1
        return frame("books", self.venue_symbol, data, action="snapshot")

    def top(self, listed: Instrument, count: int) -> tuple[tuple[tuple[float, float], ...], ...]:
        """Return the best levels of both sides in base units."""

        def level(price: str, quantity: str) -> tuple[float, float]:
            base = float(quantity) * float(listed.contract_size)
            return float(price), base / float(price) if listed.is_inverse else base

        return (
            tuple(level(*held) for held in self.sorted_bids()[:count]),
            tuple(level(*held) for held in self.sorted_asks()[:count]),
        )


def market(
    venue_symbol: str, seed: int, updates: int, *, numbered: bool = True, checksummed: bool = False
) -> Iterator[bytes]:
    """Yield a snapshot and updates of a market that wanders, with a minute's silence and a maintenance in it."""
    chance = random.Random(seed)
    book = PlainBook(venue_symbol)
    middle, ts_ms, number = 30_000, 1_787_612_486_107, 80_274_874_800
    data: dict[str, object] = {
        "asks": [[f"{(middle + 1 + at) / 10}", f"{chance.randint(1, 900)}", "0", "1"] for at in range(40)],
        "bids": [[f"{(middle - at) / 10}", f"{chance.randint(1, 900)}", "0", "1"] for at in range(40)],
    }
    for index in range(updates + 1):
        previous = number if index else -1
        if index:
            ts_ms += 100
            middle += chance.randint(-3, 3)
            data = {
                "asks": [_level(chance, middle, +1) for _ in range(chance.randint(1, 6))],
                "bids": [_level(chance, middle, -1) for _ in range(chance.randint(1, 6))],
            }
            data["asks"] += [[price, "0", "0", "0"] for price in book.asks if Decimal(price) * 10 <= middle]  # type: ignore[operator]
            data["bids"] += [[price, "0", "0", "0"] for price in book.bids if Decimal(price) * 10 > middle]  # type: ignore[operator]
            number += chance.randint(1, 90)
        if index == updates // 3:  # nothing changed for a minute
            data, number, ts_ms = {"asks": [], "bids": []}, previous, ts_ms + 60_000
        if index == updates // 2:  # maintenance: numbers begin anew
            number = 3
        data |= {"ts": str(ts_ms)}
        if numbered:
            data |= {"checksum": 0, "seqId": number, "prevSeqId": previous}
        action = "update" if index else "snapshot"
        book.take(frame("books", venue_symbol, data, action=action))
        if checksummed:
            data["checksum"] = book.checksum()
        yield frame("books", venue_symbol, data, action=action)


def _level(chance: random.Random, middle: int, sign: int) -> list[str]:
    price = middle + 1 + chance.randint(0, 45) if sign > 0 else middle - chance.randint(0, 45)
    quantity = "0" if chance.random() < 0.3 else str(chance.randint(1, 900))
    return [f"{price / 10}", quantity, "0", "1"]
