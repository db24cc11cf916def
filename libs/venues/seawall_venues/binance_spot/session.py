"""What is said on Binance spot's market sockets and asked of its public REST, without any I/O.

One path carries every stream; binance.us speaks the same words.
"""

from __future__ import annotations

from collections.abc import Sequence

from seawall_venues.binance.dialect import LISTED_TRADES
from seawall_venues.binance.parse import SNAPSHOT_LEVELS
from seawall_venues.binance.session import StreamWire, bars_params, depth_stream, host_of, plan_streams
from seawall_venues.feed import Channel
from seawall_venues.port import Instrument
from seawall_venues.wire import FeedOptions, FeedSpec, Plan, RestRequest, SocketRules

from .dialect import DIALECT, KLINE_INTERVALS
from .errors import refusal
from .limits import (
    IDLE_S,
    KLINES_WEIGHT,
    LISTING_WEIGHT,
    MAX_KLINES,
    MESSAGES_PER_S,
    SNAPSHOT_WEIGHT,
    TRADES_WEIGHT,
    FeedBudget,
)
from .symbols import parse_instruments

HOSTS = frozenset(
    {
        "stream.binance.com",
        "stream.binance.us",
        "data-stream.binance.vision",
        "stream.testnet.binance.vision",
        "demo-stream.binance.com",
    }
)
EXCHANGE_INFO = "/api/v3/exchangeInfo"
DEPTH_STREAMS = {100: "depth@100ms", 1_000: "depth"}


def plans(websocket_url: str, instruments: Sequence[Instrument], options: FeedOptions) -> tuple[Plan, ...]:
    """Return the connections that carry every channel of these symbols."""
    channels: tuple[Channel, ...] = ("depth", "quote", "trade")
    if options.candle_interval_ms in KLINE_INTERVALS:
        channels = (*channels, "candle")
    return plan_streams(f"{websocket_url.rstrip('/')}/stream?streams=", instruments, channels, options, stream_name)


def stream_name(instrument: Instrument, channel: Channel, options: FeedOptions) -> str:
    """Return the name of a symbol's stream; there is none of funding."""
    symbol = instrument.venue_symbol.lower()
    match channel:
        case "depth":
            return f"{symbol}@{depth_stream(DEPTH_STREAMS, options.depth_every_ms)}"
        case "quote":
            return f"{symbol}@bookTicker"
        case "trade":
            return f"{symbol}@trade"
        case "candle":
            return f"{symbol}@kline_{KLINE_INTERVALS[options.candle_interval_ms]}"
        case "funding":
            return ""


def snapshot_request(instrument: Instrument) -> RestRequest:
    """Return the request for the order book."""
    params = {"symbol": instrument.venue_symbol, "limit": str(SNAPSHOT_LEVELS)}
    return RestRequest("/api/v3/depth", params, SNAPSHOT_WEIGHT)


def trades_request(instrument: Instrument) -> RestRequest:
    """Return the request for the newest trades."""
    params = {"symbol": instrument.venue_symbol, "limit": str(LISTED_TRADES)}
    return RestRequest("/api/v3/trades", params, TRADES_WEIGHT)


def bars_request(instrument: Instrument, interval_ms: int, ts_from_ns: int, ts_to_ns: int) -> RestRequest:
    """Return the request for the candles that open in ``[from, to)``, the newest MAX_KLINES of them."""
    params = bars_params(instrument, interval_ms, ts_from_ns, ts_to_ns, KLINE_INTERVALS, MAX_KLINES)
    return RestRequest("/api/v3/klines", params, KLINES_WEIGHT)


FEED = FeedSpec(
    dialect=DIALECT,
    rules=SocketRules(messages_per_s=MESSAGES_PER_S, idle_s=IDLE_S),
    speaks=lambda address: host_of(address) in HOSTS,
    is_listing=lambda url: url.partition("?")[0].endswith(EXCHANGE_INFO),
    listing=(RestRequest(EXCHANGE_INFO, {}, LISTING_WEIGHT),),
    parse_instruments=parse_instruments,
    plans=plans,
    wire=lambda plan, options: StreamWire(plan, options, stream_name),
    new_budget=FeedBudget,
    refusal=refusal,
    snapshot_request=snapshot_request,
    trades_request=trades_request,
    bars_request=bars_request,
)
