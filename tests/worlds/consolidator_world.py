"""Several venues for the consolidator to look at, and time that only moves when told to."""

from __future__ import annotations

from typing import Any

from seawall_consolidator.service import EVERYTHING, SERVICE, initial
from seawall_consolidator.state import Consolidation
from seawall_proto import (
    AssetQuoted,
    BookChanged,
    CurrencyRated,
    Event,
    FeedChanged,
    FeedState,
    QuoteTicked,
    VenueQuote,
    decode,
    encode,
)
from seawall_runtime.config import Config, ConsolidatorConfig
from seawall_runtime.service import TimerElapsed
from seawall_runtime.testing import play

MS = 1_000_000
SECOND = 1_000 * MS
START = 1_790_000_000 * SECOND
BEHIND_NS = 20 * MS  # how long a venue's word takes to reach us


class Venues:
    """Feeds events to the consolidator and keeps what it says; ``now`` is nanoseconds."""

    def __init__(self, **options: Any) -> None:
        self.config = Config(consolidator=ConsolidatorConfig(**options))
        self.now = START
        self.states: dict[Any, Any] = {}
        self.said: list[Event] = []
        self._number = 0

    @property
    def state(self) -> Consolidation:
        state: Consolidation = self.states[EVERYTHING]
        return state

    def tell(self, *events: Event) -> list[Event]:
        """Let it decide on events, and return what it said; every word must survive the wire."""
        said: list[Event] = []
        for item in play(SERVICE, initial(self.config), events, self.states):
            assert isinstance(item, Event)
            assert decode(encode(item)) == item, "a figure that is no number"
            said.append(item)
        self.said += said
        return said

    def wait(self, milliseconds: float) -> None:
        """Let time pass without anything happening."""
        self.now += int(milliseconds * MS)

    def second(self) -> list[Event]:
        """Let a second pass, and the timer run."""
        self.wait(1_000)
        return self.tell(TimerElapsed(id=f"timer-{self.now}", ts_received_ns=self.now))

    def live(self, *markets: tuple[str, str]) -> None:
        """Let feeds be live."""
        for venue, symbol in markets:
            self.tell(self.feed(venue, symbol))

    def feed(self, venue: str, symbol: str, state: FeedState = "live") -> FeedChanged:
        return FeedChanged(**self._head(venue, symbol), state=state)

    def quote(self, venue: str, symbol: str, bid: float, ask: float, **changes: Any) -> QuoteTicked:
        fields = {**self._head(venue, symbol), **changes}
        return QuoteTicked(
            **fields, update_id=self._number, bid_price=bid, bid_quantity=1.0, ask_price=ask, ask_quantity=1.0
        )

    def book(
        self,
        venue: str,
        symbol: str,
        bids: tuple[tuple[float, float], ...],
        asks: tuple[tuple[float, float], ...],
        **changes: Any,
    ) -> BookChanged:
        return BookChanged(**{**self._head(venue, symbol), **changes}, update_id=self._number, bids=bids, asks=asks)

    def view(self, asset: str = "BTC", market: str = "spot") -> AssetQuoted:
        """Return the last word on an asset."""
        return self.views(asset, market)[-1]

    def views(self, asset: str = "BTC", market: str = "spot") -> list[AssetQuoted]:
        """Return every word on an asset."""
        said = [event for event in self.said if isinstance(event, AssetQuoted)]
        return [event for event in said if (event.asset, event.market) == (asset, market)]

    def rate(self, currency: str) -> CurrencyRated:
        """Return the last word on a currency."""
        return [event for event in self.said if isinstance(event, CurrencyRated) and event.currency == currency][-1]

    def _head(self, venue: str, symbol: str) -> dict[str, Any]:
        self._number += 1
        return {
            "id": f"{venue}.{symbol}.{self._number}",
            "ts_received_ns": self.now,
            "ts_venue_ns": self.now - BEHIND_NS,
            "venue": venue,
            "symbol": symbol,
        }


def of(view: AssetQuoted, venue: str, symbol: str = "") -> VenueQuote:
    """Return what one venue adds to a view."""
    (found,) = [quote for quote in view.venues if quote.venue == venue and symbol in ("", quote.symbol)]
    return found
