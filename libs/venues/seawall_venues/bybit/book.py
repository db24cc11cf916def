"""Bybit's own sync rule, checked at every update.

A subscription begins with a snapshot; from then on each update's ``u`` must be one more than that of
the one before. A new snapshot replaces the book whenever one comes, as after a restart of the service
with ``u`` 1. ``u`` counts the updates of one topic on one server, so a book follows one connection.
``seq`` is the matching engine's number: the same over all depths, the best quote and the trades, rising
and with holes. It is the book's ``update_id``, and it tells an old message that comes again from one
whose predecessor is missing.

A message marked as an update with ``u`` 1 is a gap like any other, although the documentation calls
whatever has ``u`` 1 a snapshot: if it is not, the book would be wrong; taken for a gap, it costs one
subscription.
"""

from __future__ import annotations

from seawall_venues.book import OrderBook
from seawall_venues.feed import APPLIED, GAP, OLD, WAITING, BookSnapshot, Verdict
from seawall_venues.parsing import NS_PER_MS

from .parse import DepthUpdate


class DepthBook:
    """One instrument's book, live only while every update since the snapshot was seen."""

    __slots__ = ("_number", "_ts_ms", "_window", "is_live", "levels", "ts_venue_ns", "update_id")

    def __init__(self) -> None:
        self.levels = OrderBook()
        self.is_live = False
        self.update_id = 0
        self.ts_venue_ns = 0
        self._number = 0  # the last ``u``
        self._ts_ms = 0  # of the last message, by the clock of the service that sends them
        self._window = 0  # how many levels a side the stream keeps

    def reset(self) -> None:
        """Forget everything."""
        self.is_live = False
        self.update_id = self.ts_venue_ns = self._number = self._ts_ms = 0

    def apply(self, update: DepthUpdate) -> Verdict:
        """Take a snapshot or an update from the stream."""
        data = update.data
        if update.kind == "snapshot":
            return self._replace(update)
        if not self.is_live:
            return WAITING
        if data.number != self._number + 1 or data.sequence < self.update_id:
            if data.sequence <= self.update_id and update.ts_ms <= self._ts_ms:
                return OLD
            self.reset()
            return GAP
        levels = self.levels
        levels.bids.update(data.bids)
        levels.asks.update(data.asks)
        if len(levels.bids) > self._window or len(levels.asks) > self._window:
            self._trim()
        self._number = data.number
        self._ts_ms = update.ts_ms
        self.update_id = data.sequence
        self.ts_venue_ns = (update.engine_ms or update.ts_ms) * NS_PER_MS
        return APPLIED

    def load(self, snapshot: BookSnapshot) -> Verdict:
        """Ignore a book over REST: its ``u`` is that of another depth, so no update could follow on it."""
        return WAITING

    def _replace(self, update: DepthUpdate) -> Verdict:
        data = update.data
        # Both must be behind: after a restart of the engine ``seq`` alone may begin anew. A socket that
        # takes over from another begins seconds back, and catches up at once.
        if self.is_live and data.sequence < self.update_id and update.ts_ms < self._ts_ms:
            return OLD
        self._window = update.window
        # The stream keeps so many levels a side whole: it deletes what falls out and brings what comes in.
        # There is thus no edge behind which levels are known in part, as there is with a snapshot alone.
        self.levels.load(data.bids, data.asks, max(len(data.bids), len(data.asks)) + 1)
        self._trim()
        self._number = data.number
        self._ts_ms = update.ts_ms
        self.update_id = data.sequence
        self.ts_venue_ns = (update.engine_ms or update.ts_ms) * NS_PER_MS
        self.is_live = True
        return APPLIED

    def _trim(self) -> None:
        """Drop what lies deeper than the stream goes: nobody would tell of its end."""
        self.levels.truncate(self._window)
