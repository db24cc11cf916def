"""Depth changes added up over a fixed pace, and the top of the book at that pace."""

from __future__ import annotations

from .market_frames import DepthUpdate, PriceLevel


class DepthPace:
    """One ``@depth@<pace>`` stream: the last quantity per price since the last frame.

    ``U`` is the first change's, ``u`` the last change's, and ``pu`` the ``u`` of the stream's previous frame.
    """

    __slots__ = ("_asks", "_bids", "_latest", "_previous_update_id", "_update_id_first")

    def __init__(self) -> None:
        self._bids: dict[str, PriceLevel] = {}
        self._asks: dict[str, PriceLevel] = {}
        self._latest: DepthUpdate | None = None
        self._update_id_first = 0
        self._previous_update_id = 0

    def add(self, update: DepthUpdate) -> None:
        """Take the next change of the book."""
        if self._previous_update_id == 0:
            self._previous_update_id = update.previous_update_id
        if self._latest is None:
            self._update_id_first = update.first_update_id
        self._latest = update
        for level in update.bids:
            self._bids[level[0]] = level
        for level in update.asks:
            self._asks[level[0]] = level

    def take(self, now_ms: int) -> DepthUpdate | None:
        """Return the sum of the changes since the last call as one frame, or None when there was none."""
        latest = self._latest
        if latest is None:
            return None
        frame = DepthUpdate(
            event_ms=now_ms,
            transaction_ms=latest.transaction_ms,
            symbol=latest.symbol,
            first_update_id=self._update_id_first,
            last_update_id=latest.last_update_id,
            previous_update_id=self._previous_update_id,
            bids=list(self._bids.values()),
            asks=list(self._asks.values()),
        )
        self._previous_update_id = latest.last_update_id
        self._bids.clear()
        self._asks.clear()
        self._latest = None
        return frame
