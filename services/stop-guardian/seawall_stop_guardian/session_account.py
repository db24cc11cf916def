"""One account at one venue: its session, its journal, its symbols, and the way to the decisions."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from seawall_runtime.clock import elapsed_s
from seawall_runtime.config import VenueConfig
from seawall_runtime.context import Context
from seawall_stop_guardian import facts as f
from seawall_stop_guardian.journal import Journal
from seawall_venues.port import TradingSession, VenueError

HOT_NS = 10_000_000_000  # a symbol is looked at closely this long after anything happened in it


def steady_clock(wall_ns: Callable[[], int]) -> Callable[[], int]:
    """Return a clock that starts at the wall's time and never jumps: a stepped wall clock must not stall a bound."""
    base_ns, began_s = wall_ns(), elapsed_s()
    return lambda: base_ns + int((elapsed_s() - began_s) * 1e9)


class GuardedAccount:
    """What reading, listening and sending share."""

    def __init__(
        self,
        context: Context,
        venue: VenueConfig,
        session: TradingSession,
        journal: Journal,
        now_ns: Callable[[], int],
    ) -> None:
        self.context = context
        self.now_ns = now_ns
        self.venue, self.account = venue.name, venue.account
        self.session = session
        self.journal = journal
        self.symbols: dict[str, bool] = dict.fromkeys(venue.symbols, False)
        """Every symbol that matters, and whether its rules were told."""
        self.part = f"venue {self.venue}/{self.account}"
        self._hot: dict[str, int] = {}

    async def feed(self, fact: f.SymbolFact) -> None:
        """Hand a fact about one symbol to the decisions, dated by the steady clock."""
        if not fact.ts_received_ns:
            msgspec.structs.force_setattr(fact, "ts_received_ns", self.now_ns())
        await self.context.feed(fact)

    def heat(self, symbol: str) -> None:
        """Look closely at a symbol for a while."""
        self.symbols.setdefault(symbol, False)
        self._hot[symbol] = self.now_ns() + HOT_NS

    def is_hot(self, symbol: str, now_ns: int) -> bool:
        """True while a symbol is looked at closely."""
        return self._hot.get(symbol, 0) > now_ns

    async def tell_rules(self, symbol: str) -> None:
        """Tell the instrument's rules once; without them no stop can be rounded, and the bound closes the position."""
        if self.symbols.get(symbol):
            return
        try:
            rules = self.session.instrument(symbol)
        except VenueError as error:
            self.symbols.setdefault(symbol, False)
            self.context.metrics.count("seawall_errors_total", kind="unknown_instrument")
            self.context.log.error(f"{symbol} cannot be protected: {error}")
            return
        self.symbols[symbol] = True
        await self.feed(
            f.RulesKnown(
                venue=self.venue,
                account=self.account,
                symbol=symbol,
                tick_size=rules.tick_size,
                lot_size=rules.lot_size,
                min_quantity=rules.min_quantity,
                market_max_quantity=rules.market_max_quantity,
            )
        )
