"""Facts about markets. Prices and quantities are ``float``: they are measured, never owed.

An instrument's rules are ``Decimal``: orders must match them to the last digit.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from .base import MarketEvent

Side = Literal["buy", "sell"]
FeedState = Literal["syncing", "live", "stale", "down"]
Level = tuple[float, float]
ActivityKind = Literal["tick", "volume", "dollar"]


class TradePrinted(MarketEvent, frozen=True, kw_only=True, tag_field="type", tag="market.trade_printed.v1"):
    """A trade happened. ``aggressor`` is the side that took liquidity."""

    trade_id: str
    price: float
    quantity: float
    aggressor: Side


class QuoteTicked(MarketEvent, frozen=True, kw_only=True, tag_field="type", tag="market.quote_ticked.v1"):
    """The best bid or ask changed. ``update_id`` is the venue's book version.

    ``polled`` quotes come over REST while the stream is away: true of their time, and late.
    """

    update_id: int
    bid_price: float
    bid_quantity: float
    ask_price: float
    ask_quantity: float
    polled: bool = False


class BookChanged(MarketEvent, frozen=True, kw_only=True, tag_field="type", tag="market.book_changed.v1"):
    """The top of a verified book: at most 20 levels a side, best first, as ``(price, quantity)``.

    ``polled`` books come over REST while the stream is away: true of their time, and late.
    """

    update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    polled: bool = False


class BarClosed(MarketEvent, frozen=True, kw_only=True, tag_field="type", tag="market.bar_closed.v1"):
    """A bar is final. ``ts_open_ns`` is inclusive, ``ts_close_ns`` exclusive.

    A bar without a trade repeats the last close with zero volume.
    ``buy_volume`` is the part of ``volume`` that buyers took.
    """

    interval_ns: int
    ts_open_ns: int
    ts_close_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float
    buy_volume: float
    trade_count: int
    repaired: bool = False


class ActivityBarClosed(MarketEvent, frozen=True, kw_only=True, tag_field="type", tag="market.activity_bar_closed.v1"):
    """A bar that ends when enough was traded is final.

    ``size`` is how much that is: trades of a tick bar, base units of a volume bar, quote currency of a
    dollar bar. Trades are not split, so a bar is larger than ``size`` by less than its last trade.
    ``ts_open_ns`` and ``ts_close_ns`` are the venue's times of the first and the last trade, inclusive.
    ``buy_volume`` is the part of ``volume`` that buyers took.
    """

    kind: ActivityKind
    size: float
    ts_open_ns: int
    ts_close_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float
    buy_volume: float
    trade_count: int
    first_trade_id: str
    last_trade_id: str
    repaired: bool = False


class FundingPosted(MarketEvent, frozen=True, kw_only=True, tag_field="type", tag="market.funding_posted.v1"):
    """Mark and index price with the current funding rate of a perpetual contract."""

    mark_price: float
    index_price: float
    funding_rate: float
    ts_next_funding_ns: int


class FeedChanged(MarketEvent, frozen=True, kw_only=True, tag_field="type", tag="market.feed_changed.v1"):
    """The feed of one instrument became syncing, live, stale or down, and why."""

    state: FeedState
    reason: str = ""


class InstrumentListed(MarketEvent, frozen=True, kw_only=True, tag_field="type", tag="market.instrument_listed.v1"):
    """The venue's rules for orders in one instrument; repeated each minute, so that a newcomer learns them.

    Quantities are in base units, ``min_notional`` in quote currency; ``market_max_quantity`` is the
    largest market order.
    """

    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    market_max_quantity: Decimal
    min_notional: Decimal
