"""Kraken futures' sync rule: the snapshot comes on the stream, and each message's ``seq`` follows on the last.

The snapshot is the whole book. A message that repeats an old number is old, unless its time is later than the
book's: then the venue counts afresh, and the book is worthless.
"""

from __future__ import annotations

from seawall_venues.book import OrderBook
from seawall_venues.feed import APPLIED, GAP, OLD, WAITING, BookSnapshot, Verdict
from seawall_venues.port import Instrument

from .parse import BookUpdate


class DepthBook:
    """One contract's book, live from its snapshot on until a number is missing."""

    __slots__ = ("is_live", "levels", "ts_venue_ns", "update_id")

    def __init__(self, instrument: Instrument) -> None:
        self.levels = OrderBook()
        self.is_live = False
        self.update_id = 0
        self.ts_venue_ns = 0

    def reset(self) -> None:
        """Forget everything."""
        self.is_live = False
        self.update_id = 0

    def apply(self, update: BookUpdate) -> Verdict:
        """Take one message; a snapshot replaces the book."""
        if update.is_snapshot:
            count = max(len(update.bids), len(update.asks))
            self.levels.load(update.bids, update.asks, count + 1)  # there are no more than these
            self.is_live = True
        elif not self.is_live:
            return WAITING
        elif update.sequence == self.update_id + 1:
            self.levels.bids.update(update.bids)
            self.levels.asks.update(update.asks)
        elif update.sequence <= self.update_id and update.ts_venue_ns <= self.ts_venue_ns:
            return OLD
        else:
            self.reset()
            return GAP
        self.update_id = update.sequence
        self.ts_venue_ns = update.ts_venue_ns
        return APPLIED

    def load(self, snapshot: BookSnapshot) -> Verdict:
        """Refuse: a book over REST has no number that could join it to the stream."""
        return Verdict.SNAPSHOT_OLD
