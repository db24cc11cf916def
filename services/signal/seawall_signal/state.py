"""What signal remembers: one state per strategy and market, and which feeds are live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from seawall_proto import FeedState
from seawall_strategies import Market, Options, Strategy

SECOND_NS = 1_000_000_000
ACT_WITHIN_NS = 2 * SECOND_NS  # bars older than this are history: re-read after a restart, or held up on the way


@dataclass(frozen=True, slots=True)
class Hosted:
    """A strategy with the options it runs by."""

    strategy: Strategy
    options: Options


@dataclass(slots=True)
class Host:
    """All strategies on all configured markets. ``now_ns`` is 0 until the first timer told the time."""

    hosted: tuple[Hosted, ...]
    markets: frozenset[Market]
    now_ns: int = 0
    feeds: dict[Market, FeedState] = field(default_factory=dict)
    states: dict[tuple[str, Market], Any] = field(default_factory=dict)
    position_sequences: dict[Market, int] = field(default_factory=dict)

    def state_of(self, hosted: Hosted, market: Market) -> Any:
        """Return a strategy's state of one market, made when first asked for."""
        key = (hosted.strategy.name, market)
        if key not in self.states:
            self.states[key] = hosted.strategy.initial(hosted.options, market)
        return self.states[key]

    def unheard(self, venue: str) -> list[Market]:
        """Return the venue's markets of whose position nothing was heard yet."""
        return sorted(
            market for market in self.markets if market.venue == venue and market not in self.position_sequences
        )

    def may_act(self, market: Market, ts_received_ns: int) -> bool:
        """True where an event is fresh and its feed is not known to be anything but live."""
        fresh = self.now_ns > 0 and ts_received_ns + ACT_WITHIN_NS >= self.now_ns
        return fresh and self.feeds.get(market, "live") == "live"


def host(hosted: Sequence[Hosted], markets: Sequence[Market]) -> Host:
    """Return a host that remembers nothing yet."""
    return Host(tuple(hosted), frozenset(markets))
