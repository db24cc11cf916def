"""Every market feed that we speak, by venue name."""

from __future__ import annotations

from typing import NamedTuple

from .binance.session import FEED as BINANCE_USDM
from .binance_spot.session import FEED as BINANCE_SPOT
from .bybit.session import LINEAR_FEED as BYBIT_LINEAR
from .bybit.session import SPOT_FEED as BYBIT_SPOT
from .coinbase.session import FEED as COINBASE
from .kraken.session import FEED as KRAKEN
from .kraken.v1 import V1_FEED as KRAKEN_V1
from .kraken_futures.session import FEED as KRAKEN_FUTURES
from .okx.session import FEED as OKX
from .wire import FeedSpec

FEEDS: dict[str, FeedSpec] = {
    feed.venue: feed
    for feed in (BINANCE_USDM, BINANCE_SPOT, BYBIT_LINEAR, BYBIT_SPOT, OKX, KRAKEN, KRAKEN_FUTURES, COINBASE)
}

RECORDED_FEEDS: tuple[FeedSpec, ...] = (KRAKEN_V1,)
"""Protocols that venues no longer speak: for old recordings."""


class Addresses(NamedTuple):
    """Where a venue's public data is; the configuration may name others."""

    rest_url: str
    websocket_url: str


ADDRESSES: dict[str, Addresses] = {
    "binance-usdm": Addresses("https://fapi.binance.com", "wss://fstream.binance.com"),
    "binance-spot": Addresses("https://api.binance.com", "wss://stream.binance.com:9443"),
    "bybit-linear": Addresses("https://api.bybit.com", "wss://stream.bybit.com"),
    "bybit-spot": Addresses("https://api.bybit.com", "wss://stream.bybit.com"),
    "okx": Addresses("https://www.okx.com", "wss://ws.okx.com:8443"),
    "kraken": Addresses("https://api.kraken.com", "wss://ws.kraken.com"),
    "kraken-futures": Addresses("https://futures.kraken.com", "wss://futures.kraken.com/ws/v1"),
    "coinbase": Addresses("https://api.coinbase.com", "wss://advanced-trade-ws.coinbase.com"),
}
