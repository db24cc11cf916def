"""OKX's own sync rule, checked at every update.

The stream begins with a snapshot; from then on each update must name its predecessor: ``prevSeqId`` equal
to the last ``seqId``. Two of these are out of the ordinary and in sequence nevertheless: after a minute
without a change an empty update with ``seqId == prevSeqId``, and after maintenance one whose ``seqId`` is
smaller, from which the numbers count on.

Until 2022 there were no numbers, and until June 2026 each message also had a CRC32 over the 25 best levels
a side, as they were sent: ``bid price:bid size:ask price:ask size:...``, signed. It is always 0 since, which
means nothing. Where a snapshot has one, it is checked until the next snapshot; of a book that has nothing
else no more is shown than it proves.
"""

from __future__ import annotations

from collections.abc import Sequence
from sys import float_info
from zlib import crc32

from seawall_proto import Level
from seawall_venues.book import OrderBook
from seawall_venues.feed import APPLIED, GAP, OLD, WAITING, BookSnapshot, Verdict
from seawall_venues.parsing import NS_PER_MS
from seawall_venues.port import Instrument

from .limits import BOOK_LEVELS
from .parse import NUMBERLESS, DepthUpdate

CHECKED_LEVELS = 25


class DepthBook:
    """One instrument's book, live only while every message since the snapshot is proven.

    Its number is ``seqId``, or where there is none the venue's time in ms.
    """

    __slots__ = ("_sequence_id", "_texts", "_ts_ms", "is_live", "levels", "ts_venue_ns", "update_id")

    def __init__(self, instrument: Instrument) -> None:
        self.levels = OrderBook()
        self.is_live = False
        self.update_id = 0
        self.ts_venue_ns = 0
        self._sequence_id = NUMBERLESS
        self._ts_ms = 0
        self._texts: _Texts | None = None

    def reset(self) -> None:
        """Forget everything."""
        self.is_live = False
        self.update_id = self.ts_venue_ns = self._ts_ms = 0
        self._sequence_id = NUMBERLESS
        self._texts = None

    def load(self, snapshot: BookSnapshot) -> Verdict:
        """Ignore it: the snapshot comes on the stream."""
        return WAITING

    def apply(self, update: DepthUpdate) -> Verdict:
        """Take one message of the stream."""
        if update.is_snapshot:
            return self._begin(update)
        if not self.is_live:
            return WAITING
        if not self._follows(update):
            # Numbers may have begun anew in what was lost, so that a smaller one alone is not an old one.
            if update.ts_ms <= self._ts_ms and NUMBERLESS < update.sequence_id <= self._sequence_id:
                return OLD
            self.reset()
            return GAP
        self.levels.bids.update(update.bids)
        self.levels.asks.update(update.asks)
        return self._prove(update)

    def _follows(self, update: DepthUpdate) -> bool:
        if self._sequence_id == NUMBERLESS:
            return update.sequence_id == NUMBERLESS and update.ts_ms >= self._ts_ms
        return update.previous_id == self._sequence_id and update.sequence_id != NUMBERLESS

    def _begin(self, snapshot: DepthUpdate) -> Verdict:
        if self.is_live and snapshot.ts_ms < self._ts_ms:
            return OLD
        self.levels.load(snapshot.bids, snapshot.asks, BOOK_LEVELS)
        self._texts = _Texts() if snapshot.checksum else None
        return self._prove(snapshot)

    def _prove(self, update: DepthUpdate) -> Verdict:
        is_numbered = update.sequence_id != NUMBERLESS
        if not update.checksum:
            self._texts = None  # the venue gave checksums up in mid-stream
        if not (is_numbered if self._texts is None else self._agrees(self._texts, update)):
            self.reset()
            return Verdict.CORRUPT
        if is_numbered:
            self._show_window()
        self._sequence_id = update.sequence_id
        self._ts_ms = update.ts_ms
        self.update_id = update.sequence_id if is_numbered else update.ts_ms
        self.ts_venue_ns = update.ts_ms * NS_PER_MS
        self.is_live = True
        return APPLIED

    def _agrees(self, texts: _Texts, update: DepthUpdate) -> bool:
        """Compare the checksum, and show no level behind those that it covers: the rest is unproven."""
        texts.update(update)
        bids, asks = self.levels.bids, self.levels.asks
        bids.edge, asks.edge = bids.UNBOUNDED, asks.UNBOUNDED
        best_bids, best_asks = bids.top(CHECKED_LEVELS), asks.top(CHECKED_LEVELS)
        if len(bids) > CHECKED_LEVELS:
            bids.edge = best_bids[-1][0]
        if len(asks) > CHECKED_LEVELS:
            asks.edge = best_asks[-1][0]
        return texts.checksum(best_bids, best_asks) == update.checksum

    def _show_window(self) -> None:
        """Show every level: the venue adds and removes at the far end too, so that its 400 best are ours.

        The edge lies beyond them all where there may be more behind.
        """
        bids, asks = self.levels.bids, self.levels.asks
        bids.edge = float_info.min if len(bids) >= BOOK_LEVELS else bids.UNBOUNDED
        asks.edge = float_info.max if len(asks) >= BOOK_LEVELS else asks.UNBOUNDED


class _Texts:
    """The texts of the levels as they were sent, by price: the checksum is over them."""

    __slots__ = ("_asks", "_bids")

    def __init__(self) -> None:
        self._bids: dict[float, str] = {}
        self._asks: dict[float, str] = {}

    def update(self, update: DepthUpdate) -> None:
        """Keep what a message says; a removed level is forgotten."""
        for held, levels, texts in (
            (self._bids, update.bids, update.bid_texts),
            (self._asks, update.asks, update.ask_texts),
        ):
            for (price, quantity), text in zip(levels, texts, strict=True):
                if quantity:
                    held[price] = text
                else:
                    held.pop(price, None)

    def checksum(self, bids: Sequence[Level], asks: Sequence[Level]) -> int:
        """Return the signed CRC32 over the best levels of both sides in turn, and the rest of the longer."""
        # One without a text stands in a message that contradicts itself; no checksum agrees with it.
        bid_texts = [self._bids.get(price, "") for price, _ in bids]
        ask_texts = [self._asks.get(price, "") for price, _ in asks]
        both = min(len(bids), len(asks))
        texts = [""] * (2 * both)
        texts[::2], texts[1::2] = bid_texts[:both], ask_texts[:both]
        number = crc32(":".join([*texts, *bid_texts[both:], *ask_texts[both:]]).encode())
        return number - (1 << 32) if number >> 31 else number
