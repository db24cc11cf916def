"""Kraken spot's sync rule: the venue's checksum of the ten best levels a side, checked at every message.

The snapshot comes on the stream. Changes are absolute quantities; after each message the book is cut to the
depth that is subscribed, for levels that fall out of it are not told of any more. Then CRC32 over the ten
best asks, lowest first, and the ten best bids, highest first: price and quantity in the venue's own digits
without point and leading zeros.

Nothing proves the levels beyond the tenth, so they are held, to take the places of those before them, and
never shown: the edge of each side is its tenth level.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal
from zlib import crc32

from seawall_proto import Level
from seawall_venues.book import BookSide, OrderBook
from seawall_venues.feed import APPLIED, WAITING, BookSnapshot, Verdict
from seawall_venues.port import Instrument

from .limits import BOOK_DEPTHS
from .parse import BookUpdate, SentText

PROVEN_LEVELS = 10


class _ProvenSide:
    """One side's levels, best first, with what they add to the checksum."""

    __slots__ = ("_keys", "_shown", "_sign", "_texts", "depth", "proof")

    def __init__(self, shown: BookSide, sign: float) -> None:
        self._shown = shown
        self._sign = sign  # makes the best price the lowest key
        self._keys: list[float] = []
        self._texts: list[bytes] = []
        self.depth = 0
        self.proof = b""

    def clear(self, depth: int) -> None:
        """Forget everything; ``depth`` is how many levels there can be from now on."""
        self._keys.clear()
        self._texts.clear()
        self._shown.load((), depth)
        self.depth = depth

    def update(self, levels: Sequence[Level], texts: Sequence[SentText]) -> None:
        """Apply absolute quantities in the order they came, and cut to the depth."""
        keys, held, sign = self._keys, self._texts, self._sign
        for (price, quantity), (price_text, quantity_text) in zip(levels, texts, strict=True):
            key = sign * price
            at = bisect_left(keys, key)
            is_held = at < len(keys) and keys[at] == key
            if quantity:
                text = price_text.replace(b".", b"").lstrip(b"0") + quantity_text.replace(b".", b"").lstrip(b"0")
                if is_held:
                    held[at] = text
                else:
                    keys.insert(at, key)
                    held.insert(at, text)
            elif is_held:
                del keys[at]
                del held[at]
        shown = self._shown
        shown.update(levels)
        if len(keys) > self.depth:
            shown.update([(sign * key, 0.0) for key in keys[self.depth :]])
            del keys[self.depth :]
            del held[self.depth :]
        shown.edge = sign * keys[PROVEN_LEVELS - 1] if len(keys) >= PROVEN_LEVELS else shown.UNBOUNDED
        self.proof = b"".join(held[:PROVEN_LEVELS])


class DepthBook:
    """One pair's book, live while every checksum agrees.

    The venue gives its messages no number: ``update_id`` is the message's time in ns, moved on where two
    would have the same. ``ts_venue_ns`` is 0 after a snapshot that has no time.
    """

    __slots__ = ("_asks", "_bids", "_decimals", "_is_begun", "is_live", "levels", "ts_venue_ns", "update_id")

    def __init__(self, instrument: Instrument) -> None:
        self.levels = OrderBook()
        self.is_live = False
        self.update_id = 0
        self.ts_venue_ns = 0
        self._is_begun = False
        self._bids = _ProvenSide(self.levels.bids, -1.0)
        self._asks = _ProvenSide(self.levels.asks, 1.0)
        self._decimals: tuple[int, int] | None = None

    def reset(self) -> None:
        """Forget everything."""
        self.is_live = self._is_begun = False
        self.update_id = 0

    def apply(self, update: BookUpdate) -> Verdict:
        """Take one message; a snapshot without a checksum waits for the first message that has one."""
        if update.is_snapshot:
            self._begin(update)
        elif not self._is_begun:
            return WAITING
        if update.bids:
            self._bids.update(update.bids, self._whole(update.bid_texts))
        if update.asks:
            self._asks.update(update.asks, self._whole(update.ask_texts))
        if update.checksum is None:
            return WAITING
        if crc32(self._bids.proof, crc32(self._asks.proof)) != update.checksum:
            self.reset()
            return Verdict.CORRUPT
        self.is_live = True
        self.ts_venue_ns = update.ts_venue_ns
        self.update_id = max(update.ts_venue_ns, self.update_id + 1)
        return APPLIED

    def load(self, snapshot: BookSnapshot) -> Verdict:
        """Refuse: nothing joins a book over REST to the stream."""
        return Verdict.SNAPSHOT_OLD

    def _begin(self, snapshot: BookUpdate) -> None:
        self.reset()
        self._is_begun = True
        count = max(len(snapshot.bids), len(snapshot.asks))
        depth = snapshot.depth or next((depth for depth in BOOK_DEPTHS if depth >= count), count)
        self._bids.clear(depth)
        self._asks.clear(depth)
        self._bids.proof = self._asks.proof = b""
        self._decimals = _lost_decimals((*snapshot.bid_texts, *snapshot.ask_texts))

    def _whole(self, texts: Sequence[SentText]) -> Sequence[SentText]:
        """Return the digits as the venue sent them."""
        if self._decimals is None:
            return texts
        prices, quantities = self._decimals
        return [(_padded(price, prices), _padded(quantity, quantities)) for price, quantity in texts]


def _lost_decimals(texts: Sequence[SentText]) -> tuple[int, int] | None:
    """Return how many decimals prices and quantities had, where trailing zeros were lost; else None.

    The venue sends the same number of decimals with each. A recording whose frames were written anew by a
    JSON library has lost zeros, and with them every checksum, unless they are put back.
    """
    lengths = {(len(price.partition(b".")[2]), len(quantity.partition(b".")[2])) for price, quantity in texts}
    if len(lengths) <= 1:
        return None
    prices, quantities = zip(*texts, strict=True)
    return max(map(_decimals_of, prices)), max(map(_decimals_of, quantities))


def _decimals_of(text: bytes) -> int:
    exponent = Decimal(text.decode()).as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _padded(text: bytes, decimals: int) -> bytes:
    return f"{Decimal(text.decode()):.{decimals}f}".encode()
