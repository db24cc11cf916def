"""One view of an asset across venues, in US dollars."""

from __future__ import annotations

from typing import Literal

import msgspec

from .base import Event
from .market import FeedState


class VenueQuote(msgspec.Struct, frozen=True, kw_only=True):
    """What one venue's market adds to the view of its asset; None where nothing can be said.

    ``bid_price`` and ``ask_price`` are in ``currency``, the market's own. Depth is what the book event
    shows (at most 20 levels a side) within 1 % of that book's mid. ``ts_venue_ns`` is the venue's own
    time of the price and ``age_ns`` how long ago it reached us. ``feed`` is None until it was heard of.
    Only what ``counted`` is part of the view's best prices and depth: a live feed, fresh, in a currency
    whose rate is known.
    """

    venue: str
    symbol: str
    currency: str
    bid_price: float | None
    ask_price: float | None
    bid_price_usd: float | None
    ask_price_usd: float | None
    bid_depth_usd: float
    ask_depth_usd: float
    ts_venue_ns: int
    age_ns: int | None
    feed: FeedState | None
    counted: bool


class AssetQuoted(Event, frozen=True, kw_only=True, tag_field="type", tag="consolidated.asset_quoted.v1"):
    """The best bid and ask of one asset across venues in US dollars, and who holds them.

    Spot and perpetuals are views of their own. A price is None, and its holder empty, while no venue
    counts. ``crossed`` is normal across venues: somebody bids more than somebody else asks.
    """

    asset: str
    market: Literal["spot", "perpetual"]
    bid_price_usd: float | None
    bid_venue: str
    bid_symbol: str
    ask_price_usd: float | None
    ask_venue: str
    ask_symbol: str
    bid_depth_usd: float
    ask_depth_usd: float
    crossed: bool
    venues: tuple[VenueQuote, ...] = ()


class CurrencyRated(Event, frozen=True, kw_only=True, tag_field="type", tag="consolidated.currency_rated.v1"):
    """What one unit of a currency is worth in US dollars; None while nobody can tell.

    ``sources`` are the spot markets it was read from, as ``venue.symbol``. ``assumed`` is True where it
    rests on the configuration's word that a currency is at par. ``pegged`` currencies are meant to be
    worth one dollar. Repeated every ten seconds, so that a newcomer learns it.
    """

    currency: str
    rate_usd: float | None
    assumed: bool
    pegged: bool
    sources: tuple[str, ...] = ()
