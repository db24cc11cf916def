"""What happens on a market, in no exchange's words. Prices and quantities are text as a venue would write them."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

Level = tuple[str, str]


class BookStarted(msgspec.Struct, gc=False):
    """The whole book at its first version; levels are (price, quantity), best first."""

    ts_ns: int
    symbol: str
    update_id: int
    bids: list[Level]
    asks: list[Level]


class BookMoved(msgspec.Struct, gc=False):
    """Levels that changed in versions ``first_update_id`` to ``last_update_id``; quantity zero removes a level."""

    ts_ns: int
    symbol: str
    first_update_id: int
    last_update_id: int
    previous_update_id: int
    bids: list[Level]
    asks: list[Level]


class TradeMade(msgspec.Struct, gc=False):
    """One fill; ``buyer_is_maker`` means that the seller took liquidity."""

    ts_ns: int
    symbol: str
    trade_id: int
    price: str
    quantity: str
    buyer_is_maker: bool


class QuoteMoved(msgspec.Struct, gc=False):
    """The best bid or ask at book version ``update_id``."""

    ts_ns: int
    symbol: str
    update_id: int
    bid_price: str
    bid_quantity: str
    ask_price: str
    ask_quantity: str


class MarkMoved(msgspec.Struct, gc=False):
    """Mark and index price and the funding rate per interval of eight hours."""

    ts_ns: int
    symbol: str
    mark_price: float
    index_price: float
    funding_rate: float


SyntheticMessage: TypeAlias = BookStarted | BookMoved | TradeMade | QuoteMoved | MarkMoved
