"""What a history is called: venue, symbol, kind, interval; and the folder that bears its name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .errors import BadInputError
from .intervals import interval_name
from .schema import SCHEMAS, Kind, Schema

# A name becomes a folder: no dot, slash or leading dash, so that no name leads out of the store.
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}\Z")
_SYMBOL = re.compile(r"([A-Z0-9_]+)-([A-Z0-9_]+)(-PERP|-[0-9]{6})?\Z")


@dataclass(frozen=True, slots=True, order=True)
class Dataset:
    """One history: candles of an interval, funding or trades of one symbol at one venue.

    ``interval_ns`` is 0 for funding and trades. Raises BadInputError for a name that could leave the folder.
    """

    venue: str
    symbol: str
    kind: Kind
    interval_ns: int = 0

    def __post_init__(self) -> None:
        for what, name in (("venue", self.venue), ("symbol", self.symbol)):
            if not _SAFE.match(name):
                raise BadInputError(f"{what} {name!r}: expected letters, digits, '-' and '_', at most 64 of them")
        if self.kind not in SCHEMAS:
            raise BadInputError(f"kind {self.kind!r}: expected one of {', '.join(SCHEMAS)}")
        if (self.kind == "candles") != (self.interval_ns > 0):
            raise BadInputError(f"{self.kind} of {self.symbol}: candles have an interval, funding and trades have none")

    @property
    def schema(self) -> Schema:
        """The columns of this kind."""
        return SCHEMAS[self.kind]

    @property
    def interval(self) -> str:
        """The interval as people write it; empty for funding and trades."""
        return interval_name(self.interval_ns) if self.interval_ns else ""

    @property
    def folder(self) -> Path:
        """The folder of this history, relative to the store's."""
        path = Path(f"venue={self.venue}") / f"symbol={self.symbol}" / f"kind={self.kind}"
        return path / f"interval={self.interval}" if self.interval_ns else path

    def __str__(self) -> str:
        return " ".join(part for part in (self.venue, self.symbol, self.kind, self.interval) if part)


def check_symbol(symbol: str) -> str:
    """Return a symbol in our words. Raises BadInputError."""
    if not _SYMBOL.match(symbol):
        raise BadInputError(f"symbol {symbol!r}: expected BASE-QUOTE or BASE-QUOTE-PERP, such as BTC-USDT-PERP")
    return symbol


def split_symbol(symbol: str) -> tuple[str, str, str]:
    """Return base, quote and the rest (``PERP``, a date, or empty). Raises BadInputError."""
    match = _SYMBOL.match(check_symbol(symbol))
    if match is None:  # checked in the line above
        raise BadInputError(f"symbol {symbol!r}")
    return match[1], match[2], (match[3] or "").lstrip("-")
