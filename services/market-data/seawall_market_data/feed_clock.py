"""The venue's time as the feed tells it, so that a bar can close when nothing comes."""

from __future__ import annotations

WINDOW_NS = 5_000_000_000  # an estimate lives for one to two windows: a clock that jumps is followed that soon


class FeedClock:
    """Estimates venue time from frames: the least delayed one in the last seconds sets the offset.

    A delay makes the estimate late, never early, so no bar closes before its time.
    """

    __slots__ = ("_newest_ns", "_offset_ns", "_previous_ns", "_window_ends_ns")

    def __init__(self) -> None:
        self._newest_ns = 0
        self._offset_ns: int | None = None
        self._previous_ns: int | None = None
        self._window_ends_ns = 0

    @property
    def newest_ns(self) -> int:
        """The latest venue time that any frame carried; 0 before the first."""
        return self._newest_ns

    def note(self, ts_venue_ns: int, ts_received_ns: int) -> None:
        """Learn from one frame."""
        if ts_venue_ns > self._newest_ns:
            self._newest_ns = ts_venue_ns
        offset_ns = ts_venue_ns - ts_received_ns
        if ts_received_ns >= self._window_ends_ns:
            recent = ts_received_ns < self._window_ends_ns + WINDOW_NS
            self._previous_ns = self._offset_ns if recent else None
            self._offset_ns = offset_ns
            self._window_ends_ns = ts_received_ns + WINDOW_NS
        elif self._offset_ns is None or offset_ns > self._offset_ns:
            self._offset_ns = offset_ns

    def venue_ns(self, ts_received_ns: int) -> int:
        """Return the venue's time at a moment of ours; the moment itself before the first frame."""
        if self._offset_ns is None:
            return ts_received_ns
        offset_ns = self._offset_ns if self._previous_ns is None else max(self._offset_ns, self._previous_ns)
        return ts_received_ns + offset_ns
