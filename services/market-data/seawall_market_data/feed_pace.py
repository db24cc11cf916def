"""How often frames of a symbol usually come, so that a stream that froze is told from one that is quiet."""

from __future__ import annotations

MEMORY = 1 / 64  # weight of the newest gap: the usual pace is that of the last hundred frames or so
LEARNED_AFTER = 8  # frames; before, nothing is known
TIMES_USUAL = 50  # a gap this many times the usual one has not been seen on a stream that worked
TIMES_QUIET = 10  # a gap this many times the usual one is a quiet market's, and no sign of a frozen stream
SHORTEST_NS = 1_000_000_000  # less is a pause of the network, or of ours
LONGEST_NS = 60_000_000_000  # a venue that says nothing for a minute is not believed to be well


class FeedPace:
    """The usual time between frames, as a moving mean."""

    __slots__ = ("_count", "_usual_ns", "last_ns")

    def __init__(self) -> None:
        self.last_ns = 0  # when the last frame came on this connection
        self._count = 0
        self._usual_ns = 0.0

    @property
    def usual_ms(self) -> float:
        """The usual time between frames; 0 while it is not known."""
        return self._usual_ns / 1_000_000 if self._count >= LEARNED_AFTER else 0.0

    def note(self, ts_received_ns: int) -> None:
        """A frame came."""
        gap_ns = ts_received_ns - self.last_ns
        if self.last_ns and 0 <= gap_ns < LONGEST_NS:
            # a silence that was too long says little about the pace, yet a market that falls quiet is followed
            if gap_ns > SHORTEST_NS:  # no limit is below it
                gap_ns = min(gap_ns, self.limit_ns(LONGEST_NS))
            self._count += 1
            weight = MEMORY if self._count > LEARNED_AFTER else 1 / self._count
            self._usual_ns += (gap_ns - self._usual_ns) * weight
        self.last_ns = ts_received_ns

    def limit_ns(self, default_ns: int) -> int:
        """Return how long a silence is too long; the default until the pace is known."""
        if self._count < LEARNED_AFTER:
            return default_ns
        return min(max(int(self._usual_ns * TIMES_USUAL), SHORTEST_NS), LONGEST_NS)

    def is_usual(self, silence_ns: int) -> bool:
        """True for a silence that says nothing against the stream; also while the pace is not known."""
        return self._count < LEARNED_AFTER or silence_ns <= self._usual_ns * TIMES_QUIET

    def forget(self) -> None:
        """The connection is another one: gaps across it mean nothing."""
        self.last_ns = 0
