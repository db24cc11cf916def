"""What is said on Binance's market sockets and asked of USD-M's public REST, without any I/O.

Streams are named in the socket's address, so that nothing has to be sent. USD-M serves books, quotes
and trades under ``/public``, the mark price and candles under ``/market``; a stream asked for under
the other path is accepted and never delivered. ``StreamWire`` is spot's conversation as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from seawall_venues.batches import batches
from seawall_venues.feed import Channel
from seawall_venues.instruments import is_perpetual
from seawall_venues.parsing import NS_PER_MS, UNREADABLE
from seawall_venues.port import Instrument
from seawall_venues.wire import (
    QUIET,
    Broken,
    FeedOptions,
    FeedSpec,
    Leaving,
    Notice,
    Plan,
    Refused,
    RestRequest,
    Route,
    Routes,
    SocketRules,
    Stray,
)

from .dialect import DIALECT, KLINE_INTERVALS, LISTED_TRADES
from .errors import refusal
from .limits import FeedBudget
from .parse import SNAPSHOT_LEVELS
from .symbols import parse_instruments

STREAMS_PER_CONNECTION = 150  # the venue allows 1 024; their names must also fit an 8 KiB request line
CANDLE_PATH = "market"  # since 2026-04-23, by the venue's notice; before, one path carried everything
PATHS: dict[str, tuple[Channel, ...]] = {"public": ("depth", "quote", "trade"), "market": ("funding",)}
HOSTS = frozenset({"fstream.binance.com", "fstream.binancefuture.com", "demo-fstream.binance.com"})
EXCHANGE_INFO = "/fapi/v1/exchangeInfo"
DEPTH_STREAMS = {0: "depth@0ms", 100: "depth@100ms", 250: "depth", 500: "depth@500ms"}
MESSAGES_PER_S = 8.0  # the venue takes 10, our answers to its pings among them
MAX_KLINES = 1_500

SNAPSHOT_WEIGHT = 20
TRADES_WEIGHT = 5
_WEIGHT_OF_KLINES = ((100, 1), (500, 2), (1_000, 5), (MAX_KLINES, 10))

# What stands behind the symbol in a stream's name. ``depth20`` and the like are no differences, and
# ``aggTrade`` is found only in old recordings: we never ask for it.
_CHANNELS: dict[bytes, Channel] = {
    b"bookTicker": "quote",
    b"trade": "trade",
    b"aggTrade": "trade",
    b"markPrice": "funding",
    b"markPrice@1s": "funding",
    b"depth": "depth",
    **{b"depth@%dms" % every_ms: "depth" for every_ms in (0, 100, 250, 500, 1_000)},
    **{b"kline_%b" % name.encode(): "candle" for name in ("1s", *KLINE_INTERVALS.values())},
}
_SAME_TRADES = {b"trade": b"aggTrade", b"aggTrade": b"trade"}
_BEFORE_TOPIC = b'{"stream":"'
_TOPIC_AT = len(_BEFORE_TOPIC)
_TOPIC_TO = _TOPIC_AT + 64
_SHUTDOWN = "serverShutdown"
_LEAVING = Leaving("the venue is about to shut this server down")

StreamNames = Callable[[Instrument, Channel, FeedOptions], str]
"""Returns the name of the stream of an instrument's channel, "" where there is none."""


class _Error(msgspec.Struct, frozen=True):
    code: int | str = ""
    msg: str = ""


class _Frame(msgspec.Struct, frozen=True):
    stream: str = ""
    e: str = ""
    id: int | str | msgspec.UnsetType | None = msgspec.UNSET
    code: int | str | msgspec.UnsetType = msgspec.UNSET
    msg: str = ""
    error: _Error | msgspec.UnsetType = msgspec.UNSET


_frame = msgspec.json.Decoder(_Frame)


class StreamWire:
    """One connection of combined streams."""

    def __init__(self, plan: Plan, options: FeedOptions, name_of: StreamNames) -> None:
        self._carried = frozenset(plan.channels)
        self._symbols: dict[bytes, str] = {}
        self._streams: list[tuple[str, Route]] = []
        self._routes: dict[bytes, Routes] = {}  # by the frame's first bytes, up to the end of the topic
        for instrument in plan.instruments:
            self.add(instrument)
            for channel in plan.channels:
                if name := name_of(instrument, channel, options):
                    route = Route(instrument.symbol, channel)
                    self._streams.append((name, route))
                    self._routes[_BEFORE_TOPIC + name.encode()] = (route,)

    def opening(self) -> Sequence[str]:
        """Return nothing: the address names every stream."""
        return ()

    def renewing(self, route: Route) -> Sequence[str]:
        """Return the messages that end one stream and begin it anew."""
        for position, (name, held) in enumerate(self._streams):
            if held == route:
                words = enumerate(("UNSUBSCRIBE", "SUBSCRIBE"))
                return [f'{{"method":"{word}","params":["{name}"],"id":{2 * position + at}}}' for at, word in words]
        return ()

    def add(self, instrument: Instrument) -> None:
        """Route this instrument's frames too, from now on."""
        self._symbols[instrument.venue_symbol.lower().encode()] = instrument.symbol

    def take(self, frame: bytes) -> Routes | Notice:
        """Return whom a frame concerns, QUIET, or a notice."""
        routes = self._routes.get(frame[: frame.find(b'"', _TOPIC_AT, _TOPIC_TO)])
        return self._look(frame) if routes is None else routes

    def _look(self, frame: bytes) -> Routes | Notice:
        """Read a frame of a topic not met before, of another layout, or that is no stream's."""
        end = frame.find(b'"', _TOPIC_AT, _TOPIC_TO)
        if end > 0 and frame.startswith(_BEFORE_TOPIC):
            return self._learn(frame[_TOPIC_AT:end])
        try:
            found = _frame.decode(frame)
        except UNREADABLE:
            return Broken(f"a frame that cannot be read: {frame[:80]!r}")
        if found.stream:
            return self._learn(found.stream.encode(errors="replace"))
        if found.e == _SHUTDOWN:
            return _LEAVING
        if isinstance(found.error, _Error):
            return self._refused(found.id, found.error.code, found.error.msg)
        if not isinstance(found.code, msgspec.UnsetType):
            return self._refused(found.id, found.code, found.msg)
        return Broken(f"a frame of no stream: {frame[:80]!r}") if found.id is msgspec.UNSET else QUIET

    def _learn(self, topic: bytes) -> Routes | Notice:
        """Route a topic from now on; only topics of known symbols are remembered, so these stay few."""
        text = topic.decode(errors="replace")
        if text == f"!{_SHUTDOWN}":
            return _LEAVING
        if not (text.isascii() and text.isprintable()):
            return Broken(f"a frame of a stream that cannot be read: {topic!r}")
        name, _, kind = topic.partition(b"@")
        channel = _CHANNELS.get(kind)
        if channel is None:
            return QUIET
        symbol = self._symbols.get(name)
        if symbol is None:
            return Stray(text.partition("@")[0].upper())
        key = _BEFORE_TOPIC + topic
        same = self._routes.get(_BEFORE_TOPIC + name + b"@" + _SAME_TRADES.get(kind, b""))
        is_carried = not same and (not self._carried or channel in self._carried)
        return self._routes.setdefault(key, (Route(symbol, channel),) if is_carried else QUIET)

    def _refused(self, asked: object, code: int | str, reason: str) -> Refused:
        position = asked // 2 if isinstance(asked, int) else -1
        routes = (self._streams[position][1],) if 0 <= position < len(self._streams) else ()
        # 0 to 3 say that the request itself was wrong
        return Refused(routes, str(code), reason, str(code) in {"0", "1", "2", "3"})


def host_of(address: str) -> str:
    """Return the host in the address of a socket."""
    return address.partition("://")[2].partition("/")[0].partition("?")[0].partition(":")[0].lower()


def depth_stream(streams: dict[int, str], every_ms: int) -> str:
    """Return the slowest of a venue's depth streams that is no slower than asked for, else its fastest."""
    return streams[max((pace for pace in streams if pace <= every_ms), default=min(streams))]


def plan_streams(
    prefix: str,
    instruments: Sequence[Instrument],
    channels: tuple[Channel, ...],
    options: FeedOptions,
    name_of: StreamNames,
) -> tuple[Plan, ...]:
    """Return the connections that carry these channels; the streams' names follow the ``prefix``."""
    step = max(1, STREAMS_PER_CONNECTION // len(channels))
    plans = []
    for some in batches(instruments, step):
        names = [name_of(instrument, channel, options) for instrument in some for channel in channels]
        if any(names):
            plans.append(Plan(prefix + "/".join(filter(None, names)), some, channels))
    return tuple(plans)


def plans(websocket_url: str, instruments: Sequence[Instrument], options: FeedOptions) -> tuple[Plan, ...]:
    """Return the connections that carry every channel of these contracts."""
    base = websocket_url.rstrip("/")
    planned: list[Plan] = []
    for path, carried in PATHS.items():
        has_candles = path == CANDLE_PATH and options.candle_interval_ms in KLINE_INTERVALS
        channels: tuple[Channel, ...] = (*carried, "candle") if has_candles else carried
        planned += plan_streams(f"{base}/{path}/stream?streams=", instruments, channels, options, stream_name)
    return tuple(planned)


def stream_name(instrument: Instrument, channel: Channel, options: FeedOptions) -> str:
    """Return the name of a contract's stream; only perpetual contracts have funding."""
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
            return f"{symbol}@markPrice@1s" if is_perpetual(instrument) else ""


def bars_params(
    instrument: Instrument, interval_ms: int, ts_from_ns: int, ts_to_ns: int, intervals: dict[int, str], most: int
) -> dict[str, str]:
    """Return the parameters that ask for the candles opening in ``[from, to)``, the newest ``most``."""
    interval_ns = interval_ms * NS_PER_MS
    count = min(-(-(ts_to_ns - ts_from_ns) // interval_ns), most)
    return {
        "symbol": instrument.venue_symbol,
        "interval": intervals[interval_ms],
        "startTime": str((ts_to_ns - count * interval_ns) // NS_PER_MS),
        "endTime": str(ts_to_ns // NS_PER_MS - 1),
        "limit": str(count),
    }


def snapshot_request(instrument: Instrument) -> RestRequest:
    """Return the request for the order book, as deep as it is given."""
    params = {"symbol": instrument.venue_symbol, "limit": str(SNAPSHOT_LEVELS)}
    return RestRequest("/fapi/v1/depth", params, SNAPSHOT_WEIGHT)


def trades_request(instrument: Instrument) -> RestRequest:
    """Return the request for the newest trades."""
    params = {"symbol": instrument.venue_symbol, "limit": str(LISTED_TRADES)}
    return RestRequest("/fapi/v1/trades", params, TRADES_WEIGHT)


def bars_request(instrument: Instrument, interval_ms: int, ts_from_ns: int, ts_to_ns: int) -> RestRequest:
    """Return the request for the candles that open in ``[from, to)``, the newest MAX_KLINES of them."""
    params = bars_params(instrument, interval_ms, ts_from_ns, ts_to_ns, KLINE_INTERVALS, MAX_KLINES)
    weight = next(weight for most, weight in _WEIGHT_OF_KLINES if int(params["limit"]) <= most)
    return RestRequest("/fapi/v1/klines", params, weight)


FEED = FeedSpec(
    dialect=DIALECT,
    rules=SocketRules(messages_per_s=MESSAGES_PER_S),
    speaks=lambda address: host_of(address) in HOSTS,
    is_listing=lambda url: url.partition("?")[0].endswith(EXCHANGE_INFO),
    listing=(RestRequest(EXCHANGE_INFO),),
    parse_instruments=parse_instruments,
    plans=plans,
    wire=lambda plan, options: StreamWire(plan, options, stream_name),
    new_budget=FeedBudget,
    refusal=refusal,
    snapshot_request=snapshot_request,
    trades_request=trades_request,
    bars_request=bars_request,
)
