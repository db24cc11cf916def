"""A market that goes on where the wall clock says it should be, also after the venue was killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec

from seawall_paper_venue.clock import wall_ns
from seawall_paper_venue.market_frames import MarketMessage

from .base import Pacer, Sink
from .lives import MOST_LIVES, ShiftedSink

# catching up replays what was missed as fast as it goes, before the venue listens: of a recording of two busy
# symbols four minutes take about four seconds, and a longer wait would serve nobody
MAX_CATCH_UP_NS = 240 * 1_000_000_000


@runtime_checkable
class TimedSource(Protocol):
    """A source whose messages can be had without waiting for them."""

    def timed(self) -> Iterator[tuple[int, MarketMessage]]:
        """Yield (nanoseconds of the source's own time, message)."""


class Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """When which market began, and how many began before it on the same state."""

    market: str
    begun_ns: int
    life: int


def beginning_of(state: Path, market: str, now_ns: int) -> Beginning:
    """Return when this market began, remembered in the state folder.

    Where it is another market or began too long ago it begins now, in a new life, so that its ids go on rising.
    Raises OSError where the folder cannot be written.
    """
    path = state / "market.json"
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Beginning)
    except (OSError, msgspec.MsgspecError):
        kept = None  # nothing of value is lost: the market begins as if for the first time
    if kept is not None and kept.market == market and 0 <= now_ns - kept.begun_ns <= MAX_CATCH_UP_NS:
        return kept
    life = (kept.life + 1) % MOST_LIVES if kept is not None else 0
    begun = Beginning(market=market, begun_ns=now_ns, life=life)
    partial = path.with_suffix(".partial")
    partial.write_bytes(msgspec.json.encode(begun))
    partial.replace(path)
    return begun


class ResumedSource:
    """Plays a timed source as if it had been playing since its beginning.

    What lies in the past is handed over at once, with its own past times, so that ids, candles and the book are
    where they would be; ``caught_up`` is called before the first message that is due now.
    """

    def __init__(
        self,
        source: TimedSource,
        begun: Beginning,
        caught_up: Callable[[], None],
        clock: Callable[[], int] = wall_ns,
    ) -> None:
        self._source = source
        self._begun = begun
        self._caught_up = caught_up
        self._clock = clock

    async def run(self, sink: Sink, speed: float) -> None:
        """Catch up, then play at ``speed`` times the market's own pace. Raises SourceError."""
        timed = self._source.timed()
        shifted = ShiftedSink(sink, self._begun.life)
        first = _Past(speed, self._clock, self._begun.begun_ns).hand_over(timed, shifted)
        self._caught_up()
        if first is not None:
            await Pacer(speed, self._clock).play(chain([first], timed), shifted)


class _Past(Pacer):
    """Hands over everything that was due before now, without waiting."""

    def __init__(self, speed: float, clock: Callable[[], int], begun_ns: int) -> None:
        super().__init__(speed, clock)
        self._start_ns = begun_ns

    def hand_over(self, timed: Iterator[tuple[int, MarketMessage]], sink: Sink) -> tuple[int, MarketMessage] | None:
        """Return the first message that is not due yet; None where the source has ended."""
        started = False
        for due_ns, message in timed:
            if not started:
                started, self._origin_ns = True, due_ns
            wall = self._to_wall(due_ns)
            if wall >= self._clock():
                return due_ns, message
            self._restamp(message, wall)
            sink.accept(wall, message)
        return None
