"""Binance USD-M market frames as typed structures, in the venue's own field order, so that bytes survive a round trip.

``event_ms`` is when the venue sent the frame (``E``), ``transaction_ms`` when the matching engine acted (``T``).
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

PriceLevel = tuple[str, str]


class DepthUpdate(msgspec.Struct, tag_field="e", tag="depthUpdate", gc=False):
    """Absolute quantities of the levels that changed between two book versions; zero removes a level."""

    event_ms: int = msgspec.field(name="E")
    transaction_ms: int = msgspec.field(name="T")
    symbol: str = msgspec.field(name="s")
    first_update_id: int = msgspec.field(name="U")
    last_update_id: int = msgspec.field(name="u")
    previous_update_id: int = msgspec.field(name="pu")
    bids: list[PriceLevel] = msgspec.field(name="b")
    asks: list[PriceLevel] = msgspec.field(name="a")


class Trade(msgspec.Struct, tag_field="e", tag="trade", gc=False):
    """One fill. ``buyer_is_maker`` means that the seller took liquidity."""

    event_ms: int = msgspec.field(name="E")
    transaction_ms: int = msgspec.field(name="T")
    symbol: str = msgspec.field(name="s")
    trade_id: int = msgspec.field(name="t")
    price: str = msgspec.field(name="p")
    quantity: str = msgspec.field(name="q")
    kind: str = msgspec.field(name="X", default="MARKET")
    buyer_is_maker: bool = msgspec.field(name="m", default=False)


class AggregateTrade(msgspec.Struct, tag_field="e", tag="aggTrade", gc=False):
    """Fills of one taker side at one price within 100 ms, added up."""

    event_ms: int = msgspec.field(name="E")
    aggregate_id: int = msgspec.field(name="a")
    symbol: str = msgspec.field(name="s")
    price: str = msgspec.field(name="p")
    quantity: str = msgspec.field(name="q")
    first_trade_id: int = msgspec.field(name="f")
    last_trade_id: int = msgspec.field(name="l")
    transaction_ms: int = msgspec.field(name="T")
    buyer_is_maker: bool = msgspec.field(name="m")


class BookTicker(msgspec.Struct, tag_field="e", tag="bookTicker", gc=False):
    """The best bid and ask changed."""

    update_id: int = msgspec.field(name="u")
    symbol: str = msgspec.field(name="s")
    bid_price: str = msgspec.field(name="b")
    bid_quantity: str = msgspec.field(name="B")
    ask_price: str = msgspec.field(name="a")
    ask_quantity: str = msgspec.field(name="A")
    transaction_ms: int = msgspec.field(name="T")
    event_ms: int = msgspec.field(name="E")


class MarkPriceUpdate(msgspec.Struct, tag_field="e", tag="markPriceUpdate", gc=False):
    """Mark and index price with the funding rate; ``T`` is the next funding time, not an event time."""

    event_ms: int = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    mark_price: str = msgspec.field(name="p")
    index_price: str = msgspec.field(name="i")
    settle_price: str = msgspec.field(name="P")
    funding_rate: str = msgspec.field(name="r")
    next_funding_ms: int = msgspec.field(name="T")


class BookSnapshot(msgspec.Struct, gc=False, omit_defaults=True):
    """The answer of ``GET /fapi/v1/depth``: the whole book at one version. ``symbol`` is not on the wire."""

    last_update_id: int = msgspec.field(name="lastUpdateId")
    event_ms: int = msgspec.field(name="E")
    transaction_ms: int = msgspec.field(name="T")
    bids: list[PriceLevel]
    asks: list[PriceLevel]
    symbol: str = ""


MarketFrame: TypeAlias = DepthUpdate | Trade | AggregateTrade | BookTicker | MarkPriceUpdate
MarketMessage: TypeAlias = MarketFrame | BookSnapshot
"""What a source hands to the hub: a frame of the dialect, or a snapshot that starts a book anew."""
