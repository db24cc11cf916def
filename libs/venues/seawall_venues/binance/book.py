"""Binance's sync rules, checked at every update: what spot and USD-M have in common, and USD-M's own.

Keep the updates until a snapshot comes, drop those that it already holds, let the first kept one span
it, and from then on let each follow the one before. For USD-M futures: drop those with
``u < lastUpdateId``; the first kept one must have ``U <= lastUpdateId <= u``; from then on each must
name its predecessor: ``pu == u``. Only ``pu`` can tell of a lost update: without one the top of the
book stays right while deeper levels are wrong.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import Generic, Protocol, TypeVar

from seawall_proto import Level
from seawall_venues.book import OrderBook
from seawall_venues.feed import APPLIED, GAP, OLD, WAITING, BookSnapshot, Verdict
from seawall_venues.parsing import NS_PER_MS

from .parse import DepthUpdate

MAX_WAITING = 1_200  # a minute of the fastest stream; a snapshot that takes longer is fetched again


class Difference(Protocol):
    """One numbered message of changed levels."""

    @property
    def first_update_id(self) -> int:
        """The first change it holds."""

    @property
    def last_update_id(self) -> int:
        """The last change it holds."""

    @property
    def ts_venue_ms(self) -> int:
        """The venue's time of it."""

    @property
    def bids(self) -> tuple[Level, ...]:
        """Buyers' levels that changed."""

    @property
    def asks(self) -> tuple[Level, ...]:
        """Sellers' levels that changed."""


Update = TypeVar("Update", bound=Difference)


class NumberedBook(ABC, Generic[Update]):
    """One instrument's book, live only while every update since the snapshot was seen."""

    __slots__ = ("_last", "_waiting", "is_live", "levels", "ts_venue_ns", "update_id")

    def __init__(self) -> None:
        self.levels = OrderBook()
        self.is_live = False
        self.update_id = 0
        self.ts_venue_ns = 0
        self._last: Update | None = None
        self._waiting: deque[Update] = deque(maxlen=MAX_WAITING)

    def reset(self) -> None:
        """Forget everything."""
        self.is_live = False
        self.update_id = 0
        self._last = None
        self._waiting.clear()

    def apply(self, update: Update) -> Verdict:
        """Take one update."""
        if not self.is_live:
            self._waiting.append(update)
            return WAITING
        last = self._last
        verdict = self._begins(update, self.update_id) if last is None else self._continues(update, last)
        if verdict is APPLIED:
            self._last = update
            self.update_id = update.last_update_id
            self.ts_venue_ns = update.ts_venue_ms * NS_PER_MS
            self.levels.bids.update(update.bids)
            self.levels.asks.update(update.asks)
        elif verdict is GAP:
            self.reset()
            self._waiting.append(update)  # it may well be the first of a new chain
        return verdict

    def load(self, snapshot: BookSnapshot) -> Verdict:
        """Take a snapshot and the updates kept since; SNAPSHOT_OLD asks for another one."""
        number = snapshot.update_id
        waiting = [update for update in self._waiting if self._begins(update, number) is not OLD]
        if waiting and self._begins(waiting[0], number) is not APPLIED:
            return Verdict.SNAPSHOT_OLD
        # Where a snapshot tells no time, the newest update that it holds tells how new it is at least.
        newest_ms = self._waiting[-1].ts_venue_ms if self._waiting else 0
        self._waiting.clear()
        self.levels.load(snapshot.bids, snapshot.asks, snapshot.limit)
        self.update_id = number
        self.ts_venue_ns = snapshot.ts_venue_ns or newest_ms * NS_PER_MS
        self.is_live, self._last = True, None
        for update in waiting:
            if self.apply(update) is GAP:
                return GAP
        return APPLIED

    @abstractmethod
    def _begins(self, update: Update, snapshot_id: int) -> Verdict:
        """Say whether an update is in the snapshot already (OLD), spans it (APPLIED) or came too late (GAP)."""

    @abstractmethod
    def _continues(self, update: Update, last: Update) -> Verdict:
        """Say whether an update follows the last one, repeats what is in the book (OLD), or shows a GAP."""


class DepthBook(NumberedBook[DepthUpdate]):
    """A USD-M contract's book."""

    __slots__ = ()

    def _begins(self, update: DepthUpdate, snapshot_id: int) -> Verdict:
        if update.last_update_id < snapshot_id:
            return OLD
        return APPLIED if update.first_update_id <= snapshot_id else GAP

    def _continues(self, update: DepthUpdate, last: DepthUpdate) -> Verdict:
        if update.previous_update_id == last.last_update_id:
            return APPLIED
        # A connection that takes over from another repeats what is already in the book. An update that
        # lies inside the last one is no repetition: one of the two is not what the venue sent.
        repeated = update.last_update_id == last.last_update_id and update.first_update_id == last.first_update_id
        return OLD if repeated or update.last_update_id <= last.previous_update_id else GAP
