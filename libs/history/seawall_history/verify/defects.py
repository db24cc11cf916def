"""What a check finds: defects named up to a number, and counted beyond it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

NAMED_PER_KIND = 1_000  # of one file or history; more are counted: nobody reads further

# In the order in which they are told.
DEFECTS = {
    "file": "the file is damaged, or not what the manifest says",
    "number": "a value is missing, NaN, infinite, zero or negative where it must not be",
    "shape": "high below low, or open or close outside of them",
    "order": "a row comes after a later one",
    "duplicate": "a row is there twice",
    "grid": "a candle opens off the grid of its interval",
    "zone": "times are in another zone than UTC",
    "time": "a time is before 2009 or in the future",
    "open": "a candle had not closed when it was stored",
    "missing": "candles, rates or trades are not there",
    "zero_volume": "ten or more candles in a row without a trade",
    "leap": "a price ten times the one before, or a tenth of it",
    "rate": "a funding rate beyond 5 %",
}


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect: its kind, the row it is in (a text file's line; 0 where it is in no row), and why."""

    kind: str
    row: int
    ts_ns: int | None
    reason: str


@dataclass(slots=True)
class Report:
    """What the check of one file or history found. ``counts`` is complete, ``defects`` names the first of each kind."""

    label: str
    kind: str = ""
    interval: str = ""
    rows: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    defects: list[Defect] = field(default_factory=list)
    _named: dict[str, int] = field(default_factory=dict, repr=False)

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.counts

    def add(self, kind: str, row: int, ts_ns: int | None, reason: str, *, count: int = 1) -> None:
        """Note one defect; ``count`` is how many rows or candles it stands for."""
        if self._room(kind) > 0:
            self._name(Defect(kind, row, ts_ns, reason))
        self.counts[kind] = self.counts.get(kind, 0) + count

    def add_rows(self, kind: str, rows: pl.DataFrame, time: str, reason: Callable[[dict[str, Any]], str]) -> None:
        """Note each row of a frame that has ``row`` and a time."""
        for found in rows.head(self._room(kind)).iter_rows(named=True):
            self._name(Defect(kind, found["row"], found[time], reason(found)))
        if rows.height:
            self.counts[kind] = self.counts.get(kind, 0) + rows.height

    def _room(self, kind: str) -> int:
        return NAMED_PER_KIND - self._named.get(kind, 0)

    def _name(self, defect: Defect) -> None:
        self.defects.append(defect)
        self._named[defect.kind] = self._named.get(defect.kind, 0) + 1

    def without(self, kinds: frozenset[str]) -> Report:
        """Return the report less some kinds of defects."""
        return Report(
            self.label,
            self.kind,
            self.interval,
            self.rows,
            {kind: count for kind, count in self.counts.items() if kind not in kinds},
            [defect for defect in self.defects if defect.kind not in kinds],
        )
