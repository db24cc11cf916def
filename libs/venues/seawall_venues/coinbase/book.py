"""Coinbase's sync rule: the connection's numbers prove that nothing was lost, and the snapshot comes in-band.

``sequence_num`` counts every frame of a connection, whatever it carries, so only the wire can see a gap
in it. The book itself holds that what it takes stays in order: from frame to frame both the number and
the frame's time rise. Where one of them does and the other does not, frames of two connections are
mixed or the venue's clock went back, and the book is worthless.
"""

from __future__ import annotations

from seawall_venues.book import MAX_LEVELS, OrderBook
from seawall_venues.feed import APPLIED, GAP, OLD, WAITING, BookSnapshot, Verdict
from seawall_venues.port import Instrument

from .parse import DepthUpdate

# Of a snapshot's tens of thousands of levels a side (down to 0.01 USD for a bitcoin), these are kept: as
# many as the book itself keeps when it grows too large. They reach 7 % from the best bitcoin price.
KEPT_LEVELS = MAX_LEVELS // 2


class DepthBook:
    """One product's book, live from its snapshot on until the wire or the order of its frames says otherwise."""

    __slots__ = ("_sequence_num", "is_live", "levels", "ts_venue_ns", "update_id")

    def __init__(self, instrument: Instrument) -> None:
        self.levels = OrderBook()
        self.is_live = False
        self.update_id = 0
        self.ts_venue_ns = 0
        self._sequence_num = -1

    def reset(self) -> None:
        """Forget everything."""
        self.is_live = False
        self.update_id = 0
        self._sequence_num = -1

    def apply(self, update: DepthUpdate) -> Verdict:
        """Take one message; a snapshot replaces the book, also that of a new connection whose numbers begin anew."""
        if not self.is_live:
            return self._replace(update) if update.is_snapshot else WAITING
        is_later = update.update_id > self.update_id
        is_next = update.sequence_num > self._sequence_num
        if not is_later and not is_next:
            return OLD
        if update.is_snapshot:
            return self._replace(update)
        if is_later != is_next:
            self.reset()
            return GAP
        self._note(update)
        self.levels.bids.update(update.bids)
        self.levels.asks.update(update.asks)
        return APPLIED

    def load(self, snapshot: BookSnapshot) -> Verdict:
        """Refuse: a book over REST has no number that could join it to the stream."""
        return Verdict.SNAPSHOT_OLD

    def _replace(self, update: DepthUpdate) -> Verdict:
        bids = sorted(update.bids, reverse=True)[:KEPT_LEVELS]
        asks = sorted(update.asks)[:KEPT_LEVELS]
        self.levels.load(bids, asks, KEPT_LEVELS)
        self._note(update)
        self.is_live = True
        return APPLIED

    def _note(self, update: DepthUpdate) -> None:
        self.update_id = update.update_id
        self.ts_venue_ns = update.ts_venue_ns
        self._sequence_num = update.sequence_num
