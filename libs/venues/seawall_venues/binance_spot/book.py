"""Binance spot's own sync rule, checked at every update.

Keep the updates until a snapshot comes; drop those with ``u <= lastUpdateId``; the first kept one must
have ``U <= lastUpdateId + 1 <= u``; from then on ignore those with ``u <= `` our own number, and know
that something was lost where ``U`` is above our own number + 1. The top of a book that missed an update
stays right for a hundred more: only the numbers tell at once.
"""

from __future__ import annotations

from seawall_venues.binance.book import NumberedBook
from seawall_venues.feed import APPLIED, GAP, OLD, Verdict

from .parse import SpotUpdate


class SpotBook(NumberedBook[SpotUpdate]):
    """A spot symbol's book."""

    __slots__ = ()

    def _begins(self, update: SpotUpdate, snapshot_id: int) -> Verdict:
        if update.last_update_id <= snapshot_id:
            return OLD
        return APPLIED if update.first_update_id <= snapshot_id + 1 else GAP

    def _continues(self, update: SpotUpdate, last: SpotUpdate) -> Verdict:
        known = last.last_update_id
        if update.last_update_id > known:
            return APPLIED if update.first_update_id <= known + 1 else GAP
        # A connection that takes over from another repeats what is already in the book. An update that
        # lies inside the last one is no repetition: one of the two is not what the venue sent.
        repeated = update.last_update_id == known and update.first_update_id == last.first_update_id
        return OLD if repeated or update.last_update_id < last.first_update_id else GAP
