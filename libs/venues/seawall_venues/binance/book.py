"""Binance USD-M's own sync rule, checked at every update.

Keep the updates until a snapshot comes; drop those with ``u < lastUpdateId``; the first kept one
must have ``U <= lastUpdateId <= u``; from then on each must name its predecessor: ``pu == u``.
Only ``pu`` can tell of a lost update: without one the top of the book stays right while deeper
levels are wrong.
"""

from __future__ import annotations

from collections import deque

from seawall_venues.book import OrderBook
from seawall_venues.feed import Verdict

from .parse import NS_PER_MS, DepthSnapshot, DepthUpdate

SNAPSHOT_LEVELS = 1_000  # what is asked of GET /fapi/v1/depth; fewer in the answer: there are no more
MAX_WAITING = 1_200  # a minute of the fastest stream; a snapshot that takes longer is fetched again


class DepthBook:
    """One instrument's book, live only while every update since the snapshot was seen."""

    __slots__ = ("_is_chained", "_waiting", "is_live", "levels", "ts_venue_ns", "update_id")

    def __init__(self) -> None:
        self.levels = OrderBook()
        self.is_live = False
        self.update_id = 0
        self.ts_venue_ns = 0
        self._is_chained = False
        self._waiting: deque[DepthUpdate] = deque(maxlen=MAX_WAITING)

    def reset(self) -> None:
        """Forget everything."""
        self.is_live = self._is_chained = False
        self.update_id = 0
        self._waiting.clear()

    def apply(self, update: DepthUpdate) -> Verdict:
        """Take one update."""
        if not self.is_live:
            self._waiting.append(update)
            return Verdict.WAITING
        if self._is_chained:
            if update.previous_update_id != self.update_id:
                # A connection that takes over from another repeats what is already in the book.
                return Verdict.OLD if update.last_update_id <= self.update_id else self._lose(update)
        elif update.last_update_id < self.update_id:
            return Verdict.OLD
        elif update.first_update_id > self.update_id:
            return self._lose(update)
        self._is_chained = True
        self.update_id = update.last_update_id
        self.ts_venue_ns = update.transaction_ms * NS_PER_MS
        self.levels.bids.update(update.bids)
        self.levels.asks.update(update.asks)
        return Verdict.APPLIED

    def load(self, snapshot: DepthSnapshot) -> Verdict:
        """Take a snapshot and the updates kept since; SNAPSHOT_OLD asks for another one."""
        waiting = [update for update in self._waiting if update.last_update_id >= snapshot.last_update_id]
        if waiting and waiting[0].first_update_id > snapshot.last_update_id:
            return Verdict.SNAPSHOT_OLD
        self._waiting.clear()
        self.levels.load(snapshot.bids, snapshot.asks, SNAPSHOT_LEVELS)
        self.update_id = snapshot.last_update_id
        self.ts_venue_ns = snapshot.transaction_ms * NS_PER_MS
        self.is_live, self._is_chained = True, False
        for update in waiting:
            if self.apply(update) is Verdict.GAP:
                return Verdict.GAP
        return Verdict.APPLIED

    def _lose(self, update: DepthUpdate) -> Verdict:
        self.reset()
        self._waiting.append(update)  # it may well be the first of a new chain
        return Verdict.GAP
