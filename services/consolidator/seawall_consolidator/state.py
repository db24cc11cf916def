"""What the consolidator remembers: every market's newest price, one view per asset, and the rates.

Shape: ``Consolidation`` -> ``View`` (an asset's spot markets, or its perpetuals) -> ``Entry`` (one market at
one venue). An event touches one entry and its view; others cost nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from seawall_proto import parse_symbol
from seawall_runtime.config import ConsolidatorConfig

from .entry import Entry, ViewKind
from .rates import MILLISECOND_NS, RateTable


@dataclass(slots=True, eq=False)
class View:
    """One asset's spot markets or perpetuals. ``best`` holds the best bid and ask as they were last said.

    ``due_ns`` is when what changed since then may be said; 0 where nothing did.
    """

    asset: str
    kind: ViewKind
    entries: list[Entry] = field(default_factory=list)
    best: tuple[Entry | None, Entry | None] = (None, None)
    said_ns: int = 0
    due_ns: int = 0


class Due(NamedTuple):
    """A view that waits for its pace; ``number`` tells apart those of one moment."""

    due_ns: int
    number: int
    view: View


@dataclass(slots=True)
class Consolidation:
    """Everything the consolidator decides from. ``now_ns`` is the newest time any event carried.

    ``entries`` holds None for what belongs in no view. ``aging`` holds the markets with a price that has
    not grown too old, the oldest first; ``waiting`` is a heap of ``waited`` numbers so far.
    """

    every_ns: int
    max_age_ns: int
    rates: RateTable
    now_ns: int = 0
    entries: dict[tuple[str, str], Entry | None] = field(default_factory=dict)
    views: dict[tuple[str, ViewKind], View] = field(default_factory=dict)
    aging: OrderedDict[Entry, None] = field(default_factory=OrderedDict)
    waiting: list[Due] = field(default_factory=list)
    waited: int = 0

    def advance(self, ts_ns: int) -> None:
        """Time only moves forward, whatever order events come in."""
        if ts_ns > self.now_ns:
            self.now_ns = ts_ns

    def entry_of(self, venue: str, symbol: str) -> Entry | None:
        """Return a market's entry, made when first heard of; None for dated futures and what is no symbol."""
        place = (venue, symbol)
        if place not in self.entries:
            self.entries[place] = self._new_entry(venue, symbol)
        return self.entries[place]

    def view_of(self, entry: Entry) -> View:
        """Return the view that a market belongs in."""
        return self.views[entry.asset, entry.kind]

    def _new_entry(self, venue: str, symbol: str) -> Entry | None:
        parts = parse_symbol(symbol)
        if parts is None or parts.kind == "future":
            return None
        entry = Entry(venue, symbol, parts.base, parts.kind, parts.quote)
        view = self.views.setdefault((parts.base, parts.kind), View(parts.base, parts.kind))
        view.entries.append(entry)
        view.entries.sort(key=lambda one: (one.venue, one.symbol))
        self.rates.note(entry, self.now_ns)
        return entry


def consolidation(config: ConsolidatorConfig) -> Consolidation:
    """Return a state that has heard of nothing yet."""
    return Consolidation(config.every_ms * MILLISECOND_NS, config.max_age_ms * MILLISECOND_NS, RateTable(config))
