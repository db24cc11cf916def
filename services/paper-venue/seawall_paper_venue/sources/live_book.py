"""Following another exchange's book: snapshot and changes joined by the venue's own rule. Pure."""

from __future__ import annotations

from collections import deque

from seawall_paper_venue.market_frames import BookSnapshot, DepthUpdate, MarketMessage

# changes kept while the snapshot is under way: at 100 ms a change, more than a minute of them
_MAX_BUFFERED = 1_000


class BookFollower:
    """One symbol's book upstream.

    Rule (USD-M): drop changes that end before the snapshot; the first one kept must reach back to it
    (``pu <= lastUpdateId <= u``); from then on each change's ``pu`` is the ``u`` before. A change that
    does not fit means that one was lost: a new snapshot is needed.
    """

    def __init__(self) -> None:
        self.needs_snapshot = True
        self.gaps = 0
        self._buffer: deque[DepthUpdate] = deque(maxlen=_MAX_BUFFERED)
        self._last_update_id = 0
        self._joined = False

    def take(self, update: DepthUpdate) -> list[MarketMessage]:
        """Take the next change; return what may be relayed now."""
        if self.needs_snapshot:
            self._buffer.append(update)
            return []
        if update.last_update_id < self._last_update_id:
            return []
        fits = (
            update.previous_update_id == self._last_update_id
            if self._joined
            else update.previous_update_id <= self._last_update_id
        )
        if not fits:
            self.lose()
            self.gaps += 1
            self._buffer.append(update)
            return []
        self._joined = True
        self._last_update_id = update.last_update_id
        return [update]

    def start(self, snapshot: BookSnapshot) -> list[MarketMessage]:
        """Take a snapshot; return it with the changes that follow, or nothing when it is older than they are."""
        kept = [update for update in self._buffer if update.last_update_id >= snapshot.last_update_id]
        if kept and kept[0].previous_update_id > snapshot.last_update_id:
            return []
        self._buffer.clear()
        self.needs_snapshot = False
        self._joined = False
        self._last_update_id = snapshot.last_update_id
        said: list[MarketMessage] = [snapshot]
        for update in kept:
            said.extend(self.take(update))
        return said

    def lose(self) -> None:
        """Forget the book: the connection broke or a change was lost."""
        self.needs_snapshot = True
        self._buffer.clear()


class RisingIds:
    """Keeps relayed ids rising when the exchange upstream starts again with lower ones."""

    def __init__(self) -> None:
        self._last_update_id = 0
        self._update_shift = 0
        self._last_trade_id = 0
        self._trade_shift = 0
        self._upstream_restarted = False

    def restarted_by(self, snapshot: BookSnapshot) -> bool:
        """Move a snapshot's id; True when upstream counts from a lower number than before."""
        restarted = snapshot.last_update_id + self._update_shift < self._last_update_id
        if restarted:
            self._update_shift = self._last_update_id + 1 - snapshot.last_update_id
            self._upstream_restarted = True
        snapshot.last_update_id = self._seen(snapshot.last_update_id + self._update_shift)
        return restarted

    def move_update(self, update: DepthUpdate) -> None:
        """Move a change's ids."""
        update.first_update_id += self._update_shift
        update.previous_update_id += self._update_shift
        update.last_update_id = self._seen(update.last_update_id + self._update_shift)

    def moved_quote_id(self, update_id: int) -> int:
        """Return a quote's id, moved."""
        return update_id + self._update_shift

    def moved_trade_id(self, trade_id: int) -> int | None:
        """Return a trade's id, moved; None for a trade relayed before."""
        if self._upstream_restarted and trade_id + self._trade_shift <= self._last_trade_id:
            self._trade_shift = self._last_trade_id + 1 - trade_id
        self._upstream_restarted = False
        moved = trade_id + self._trade_shift
        if moved <= self._last_trade_id:
            return None
        self._last_trade_id = moved
        return moved

    def _seen(self, update_id: int) -> int:
        self._last_update_id = max(self._last_update_id, update_id)
        return update_id
