"""Bars by activity: one ends with the trade that makes enough trades, base units or quote currency of it.

Sums are whole numbers of a trillionth, not floats: ten trades of 0.1 are exactly 1, and a bar ends on
time however many trades it has.
"""

from __future__ import annotations

import re
from typing import NamedTuple, get_args

from seawall_proto import ActivityBarClosed, ActivityKind, TradePrinted

UNITS = 10**12  # finer than the digits of any venue's prices and lots
KINDS: tuple[ActivityKind, ...] = get_args(ActivityKind)
_SPEC = re.compile(r"([a-z]+):([0-9]+(?:\.[0-9]+)?)\Z")
MAX_SIZE = 1e15  # beyond, a bar would never end


class ActivitySpecError(ValueError):
    """A text that names no bar by activity, with what was found and what was expected."""


class ActivitySpec(NamedTuple):
    """What a bar is measured by, and how much of it makes one."""

    kind: ActivityKind
    size: float


def parse_spec(text: str) -> ActivitySpec:
    """Return the kind and size that ``tick:1000``, ``volume:0.5`` or ``dollar:1000000`` names.

    Raises ActivitySpecError.
    """
    found = _SPEC.match(text)
    kind = next((kind for kind in KINDS if found and found[1] == kind), None)
    if found is None or kind is None:
        expected = f"one of {', '.join(KINDS)}, a colon and a number, such as 'tick:1000'"
        raise ActivitySpecError(f"found {text!r}, expected {expected}")
    size = float(found[2])
    if not 0.0 < size <= MAX_SIZE:
        raise ActivitySpecError(f"found size {found[2]} in {text!r}, expected above 0 and at most {MAX_SIZE:g}")
    if kind == "tick" and not size.is_integer():
        raise ActivitySpecError(f"found size {found[2]} in {text!r}, expected a whole number of trades")
    return ActivitySpec(kind, size)


class ActivityBarBuilder:
    """Builds one symbol's bars of one kind and size, a trade at a time. A bar may lack no trade of its span.

    The caller hands over each trade once and in the venue's order. Trades are not split: the one that
    reaches the size is the bar's last.
    """

    __slots__ = (
        "_buy_units",
        "_count",
        "_enough",
        "_first",
        "_high",
        "_low",
        "_prefix",
        "_quote_units",
        "_units",
        "kind",
        "size",
        "symbol",
        "venue",
    )

    def __init__(self, venue: str, symbol: str, kind: ActivityKind, size: float) -> None:
        self.venue = venue
        self.symbol = symbol
        self.kind = kind
        self.size = size
        self._prefix = f"{venue}.{symbol}.bar.{kind}-{size:.15g}."
        self._enough = round(size * UNITS) * (UNITS if kind == "dollar" else 1)  # not of ticks: those are counted
        self._first: TradePrinted | None = None
        self._high = self._low = 0.0
        self._count = self._units = self._quote_units = self._buy_units = 0

    def doubt(self) -> None:
        """A trade may be missing: the bar being built is dropped, and the next begins with the next trade."""
        self._first = None
        self._count = self._units = self._quote_units = self._buy_units = 0

    def add(self, trade: TradePrinted, ts_received_ns: int) -> list[ActivityBarClosed]:
        """Take a trade, and return the bar that it ends."""
        price = trade.price
        if self._first is None:
            self._first = trade
            self._high = self._low = price
        elif price > self._high:
            self._high = price
        elif price < self._low:
            self._low = price
        units = round(trade.quantity * UNITS)
        self._count += 1
        self._units += units
        self._quote_units += round(price * UNITS) * units
        if trade.aggressor == "buy":
            self._buy_units += units
        if not self._is_full:
            return []
        closed = self._bar(self._first, trade, ts_received_ns)
        self.doubt()
        return [closed]

    @property
    def _is_full(self) -> bool:
        if self.kind == "tick":
            return self._count >= self.size
        return (self._units if self.kind == "volume" else self._quote_units) >= self._enough

    def _bar(self, first: TradePrinted, last: TradePrinted, ts_received_ns: int) -> ActivityBarClosed:
        return ActivityBarClosed(
            id=f"{self._prefix}{first.trade_id}",
            causes=(last.id,),
            ts_received_ns=ts_received_ns,
            venue=self.venue,
            symbol=self.symbol,
            ts_venue_ns=last.ts_venue_ns,
            kind=self.kind,
            size=self.size,
            ts_open_ns=first.ts_venue_ns,
            ts_close_ns=last.ts_venue_ns,
            open=first.price,
            high=self._high,
            low=self._low,
            close=last.price,
            volume=self._units / UNITS,
            quote_volume=self._quote_units / UNITS**2,
            buy_volume=self._buy_units / UNITS,
            trade_count=self._count,
            first_trade_id=first.trade_id,
            last_trade_id=last.trade_id,
        )
