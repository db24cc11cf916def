"""One market at one venue: its feed, its newest price and its depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seawall_proto import BookChanged, FeedState, Level, QuoteTicked

FORGET_NS = 60_000_000_000  # six of market-data's announcements missed: nobody follows that market any more
DEPTH_WITHIN = 0.01  # of the book's own mid
MAX_PRICE, MAX_QUANTITY = 1e12, 1e18  # the bounds of every venue's parser; they keep products finite

ViewKind = Literal["spot", "perpetual"]


@dataclass(slots=True, eq=False)
class Entry:
    """A market as the view sees it. Prices and depth are in ``currency``, and 0 while there are none.

    ``feed_ns`` is when the feed was last spoken of, ``heard_ns`` when the price reached us and
    ``depth_ns`` when the depth did. Prices from before ``since_ns`` are not the live feed's.
    """

    venue: str
    symbol: str
    asset: str
    kind: ViewKind
    currency: str
    is_leg: bool = False
    feed: FeedState | None = None
    feed_ns: int = 0
    since_ns: int = 0
    bid: float = 0.0
    ask: float = 0.0
    ts_venue_ns: int = 0
    heard_ns: int = 0
    cause: str = ""
    bid_depth: float = 0.0
    ask_depth: float = 0.0
    depth_ns: int = 0

    @property
    def has_price(self) -> bool:
        """True where a bid and an ask are known."""
        return self.bid > 0.0

    def is_fresh(self, now_ns: int, max_age_ns: int) -> bool:
        """True where the feed is live and its price no older than that."""
        return self.feed == "live" and self.bid > 0.0 and now_ns - self.heard_ns <= max_age_ns

    def is_followed(self, now_ns: int) -> bool:
        """True where market-data spoke of it lately."""
        return now_ns - max(self.feed_ns, self.heard_ns) <= FORGET_NS

    def takes(self, event: QuoteTicked | BookChanged) -> bool:
        """True where the event is the live feed's word, or that of a feed not heard of yet, and news.

        Polled prices are late by their nature: they are never the view's.
        """
        spoken_for = self.feed is None or self.feed == "live"
        return spoken_for and not event.polled and event.ts_received_ns >= max(self.heard_ns, self.since_ns)

    def set_price(self, bid: float, ask: float, event: QuoteTicked | BookChanged) -> None:
        """Keep the best bid and ask; figures that are no market leave none, until good ones come."""
        if not 0.0 < bid <= ask < MAX_PRICE:
            bid = ask = 0.0
        self.bid, self.ask = bid, ask
        self.ts_venue_ns, self.heard_ns, self.cause = event.ts_venue_ns, event.ts_received_ns, event.id

    def set_depth(self, event: BookChanged) -> None:
        """Keep how much of its own currency stands within 1 % of the mid on each side."""
        self.bid_depth = self.ask_depth = 0.0
        if self.has_price:
            reach = (self.bid + self.ask) / 2 * DEPTH_WITHIN
            middle = (self.bid + self.ask) / 2
            self.bid_depth = _value_within(event.bids, middle - reach, middle)
            self.ask_depth = _value_within(event.asks, middle, middle + reach)
        self.depth_ns = event.ts_received_ns

    def clear_price(self) -> None:
        """Forget price and depth: nobody vouches for them."""
        self.bid = self.ask = self.bid_depth = self.ask_depth = 0.0


def _value_within(levels: Sequence[Level], lowest: float, highest: float) -> float:
    value = 0.0
    for price, quantity in levels:
        if not (lowest <= price <= highest and 0.0 <= quantity < MAX_QUANTITY):
            break  # best first: beyond the first that is too far, all are
        value += price * quantity
    return value
