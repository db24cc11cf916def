"""What is said on OKX's market sockets and asked of its public reads, without any I/O.

| channel | theirs | at |
|---|---|---|
| depth | books (400 levels, every 100 ms; faster ones need a login and a fee tier) | /ws/v5/public |
| quote | bbo-tbt | /ws/v5/public |
| funding | mark-price, index-tickers, funding-rate of a swap | /ws/v5/public |
| trade | trades-all, one trade a message | /ws/v5/business |
| candle | candle1m and the like | /ws/v5/business |

Recordings of other programs have ``tickers`` instead of bbo-tbt, and ``trades`` instead of trades-all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from seawall_venues.batches import batches
from seawall_venues.feed import Channel
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
    Stray,
)

from .dialect import DIALECT
from .errors import FINAL_REFUSALS, SERVICE_UPGRADE, refusal
from .limits import (
    BOOK_LEVELS,
    BOOKS_PER_CONNECTION,
    LISTED_BARS,
    LISTED_TRADES,
    LISTING_COST,
    MAX_MESSAGE_BYTES,
    RULES,
    TRADES_PER_CONNECTION,
    new_budget,
)
from .parse import CANDLES
from .symbols import FUTURES, SPOT, SWAP, index_of, is_perpetual, parse_instruments

PUBLIC_PATH = "/ws/v5/public"
BUSINESS_PATH = "/ws/v5/business"
INSTRUMENTS_PATH = "/api/v5/public/instruments"
KINDS = (SPOT, SWAP, FUTURES)

INDEX_CHANNEL = "index-tickers"
# The mark price first: nothing can be said of funding without one.
_SUBSCRIBED: dict[Channel, tuple[str, ...]] = {
    "depth": ("books",),
    "quote": ("bbo-tbt",),
    "trade": ("trades-all",),
    "funding": ("mark-price", INDEX_CHANNEL, "funding-rate"),
}
_RECORDED: dict[Channel, tuple[str, ...]] = {"quote": ("tickers",), "trade": ("trades",)}
_EVERY_CHANNEL: tuple[Channel, ...] = ("depth", "quote", "trade", "candle", "funding")

_TOPIC_START = b'{"arg":{'
_TOPIC_AT = len(_TOPIC_START)
_MAX_TOPIC_BYTES = 128
_MESSAGE = '{"op":"%s","args":[%s]}'
# How a refusal's text names what it refuses: "channel:books,instId:X", or the request itself.
_REFUSED_TOPIC = re.compile(r"channel[^\w-]+([\w-]+)[^\w-]+instId[^\w-]+([\w-]+)")


class _Arg(msgspec.Struct, frozen=True):
    channel: str = ""
    instrument: str = msgspec.field(name="instId", default="")


class _Head(msgspec.Struct, frozen=True):
    event: str = ""
    code: str = ""
    message: str = msgspec.field(name="msg", default="")
    arg: _Arg | None = None


_head_decoder = msgspec.json.Decoder(_Head)


class OkxWire:
    """One connection's conversation. A topic is the inside of ``arg``, as the venue sends it and we say it."""

    __slots__ = ("_options", "_plan", "_topics", "_venue_symbols")

    def __init__(self, plan: Plan, options: FeedOptions) -> None:
        self._plan = plan
        self._options = options
        self._topics: dict[bytes, Routes] = {}
        self._venue_symbols: dict[str, Instrument] = {}
        for instrument in plan.instruments:
            self.add(instrument)

    def opening(self) -> Sequence[str]:
        """Return the messages that subscribe to the whole plan; one may refuse without the others."""
        topics = [
            topic
            for instrument in self._plan.instruments
            for channel in self._plan.channels
            for topic in _topics_of(instrument, channel, self._options)
        ]
        return _messages("subscribe", topics)

    def renewing(self, route: Route) -> Sequence[str]:
        """Return the messages that end one subscription and begin it anew."""
        topics = [
            topic
            for instrument in self._venue_symbols.values()
            if instrument.symbol == route.symbol
            for topic in _topics_of(instrument, route.channel, self._options)
        ]
        return (*_messages("unsubscribe", topics), *_messages("subscribe", topics))

    def add(self, instrument: Instrument) -> None:
        """Route this instrument's frames too, from now on; several swaps may follow one index."""
        self._venue_symbols[instrument.venue_symbol] = instrument
        for channel in self._plan.channels or _EVERY_CHANNEL:
            route = Route(instrument.symbol, channel)
            recorded = () if self._plan.channels else _RECORDED.get(channel, ())
            names = (f'"channel":"{name}","instId":"{instrument.venue_symbol}"' for name in recorded)
            for topic in (*_topics_of(instrument, channel, self._options), *names):
                routes = self._topics.get(topic.encode(), QUIET)
                if route not in routes:
                    self._topics[topic.encode()] = (*routes, route)

    def take(self, frame: bytes) -> Routes | Notice:
        """Return whom a frame concerns, QUIET, or a notice."""
        if frame.startswith(_TOPIC_START):
            end = frame.find(b"}", _TOPIC_AT, _TOPIC_AT + _MAX_TOPIC_BYTES)
            routes = self._topics.get(frame[_TOPIC_AT:end])
            if routes is not None:
                return routes
        return self._take_unusual(frame)

    def _take_unusual(self, frame: bytes) -> Routes | Notice:
        if frame == b"pong":
            return QUIET
        try:
            head = _head_decoder.decode(frame)
        except UNREADABLE:
            return Broken(f"a frame that cannot be read: {frame[:80]!r}")
        if head.event:
            return self._take_event(head)
        if head.arg is None:
            return Broken(f"a frame that is neither an event nor data: {frame[:80]!r}")
        return self._take_data(head.arg)

    def _take_data(self, arg: _Arg) -> Routes | Notice:
        """Attribute a frame that is laid out differently, or that nobody asked for."""
        routes = self._topics.get(f'"channel":"{arg.channel}","instId":"{arg.instrument}"'.encode())
        if routes is not None:
            return routes
        is_known = not arg.instrument or arg.instrument in self._venue_symbols or arg.channel == INDEX_CHANNEL
        return QUIET if is_known else Stray(arg.instrument)

    def _take_event(self, head: _Head) -> Routes | Notice:
        if head.event == "notice" and head.code == SERVICE_UPGRADE:
            return Leaving(head.message)
        if head.event != "error":
            return QUIET
        named = _REFUSED_TOPIC.findall(head.message)
        topics = (f'"channel":"{channel}","instId":"{name}"'.encode() for channel, name in named)
        routes = dict.fromkeys(route for topic in topics for route in self._topics.get(topic, QUIET))
        return Refused(tuple(routes), head.code, head.message, head.code in FINAL_REFUSALS)


def _topics_of(instrument: Instrument, channel: Channel, options: FeedOptions) -> Iterator[str]:
    names = _SUBSCRIBED.get(channel, ())
    if channel == "candle" and options.candle_interval_ms in CANDLES:
        names = (f"candle{CANDLES[options.candle_interval_ms]}",)
    if channel == "funding" and not is_perpetual(instrument):
        return
    for name in names:
        identity = index_of(instrument) if name == INDEX_CHANNEL else instrument.venue_symbol
        yield f'"channel":"{name}","instId":"{identity}"'


def _messages(operation: str, topics: Sequence[str]) -> tuple[str, ...]:
    """Return messages within the venue's size, each topic once."""
    arguments = dict.fromkeys(f"{{{topic}}}" for topic in topics)
    room = MAX_MESSAGE_BYTES - len(_MESSAGE % (operation, ""))
    return tuple(
        _MESSAGE % (operation, ",".join(some))
        for some in batches(arguments, room, lambda argument: len(argument) + len(","))
    )


def plans(websocket_url: str, instruments: Sequence[Instrument], options: FeedOptions) -> tuple[Plan, ...]:
    """Return the connections for some instruments; the URL has no path, such as ``wss://ws.okx.com:8443``."""
    base = websocket_url.rstrip("/")
    made: list[Plan] = []
    for chunk in batches(instruments, BOOKS_PER_CONNECTION):
        funding: tuple[Channel, ...] = ("funding",) if any(map(is_perpetual, chunk)) else ()
        made.append(Plan(base + PUBLIC_PATH, chunk, ("depth", "quote", *funding)))
    candle: tuple[Channel, ...] = ("candle",) if options.candle_interval_ms in CANDLES else ()
    for chunk in batches(instruments, TRADES_PER_CONNECTION):
        made.append(Plan(base + BUSINESS_PATH, chunk, ("trade", *candle)))
    return tuple(made)


def speaks(address: str) -> bool:
    """True where a recorded socket address is one of the venue's, under whichever of its domains."""
    return "/ws/v5/" in address


def is_listing(url: str) -> bool:
    """True where a URL lists spot pairs, swaps or dated futures."""
    path, _, query = url.partition("?")
    return path.endswith(INSTRUMENTS_PATH) and any(f"instType={kind}" in query.split("&") for kind in KINDS)


def snapshot_request(instrument: Instrument) -> RestRequest:
    """Return the read of a whole book."""
    return RestRequest("/api/v5/market/books", {"instId": instrument.venue_symbol, "sz": str(BOOK_LEVELS)})


def trades_request(instrument: Instrument) -> RestRequest:
    """Return the read of the newest trades, one by one."""
    return RestRequest("/api/v5/market/trades", {"instId": instrument.venue_symbol, "limit": str(LISTED_TRADES)})


def bars_request(instrument: Instrument, interval_ms: int, ts_from_ns: int, ts_to_ns: int) -> RestRequest:
    """Return the read of candles that open in ``[from, to)``, the newest LISTED_BARS of them; of the last 1 440."""
    interval_ns = interval_ms * NS_PER_MS
    count = min(-(-(ts_to_ns - ts_from_ns) // interval_ns), LISTED_BARS)
    params = {
        "instId": instrument.venue_symbol,
        "bar": CANDLES[interval_ms],
        # Both bounds are exclusive.
        "after": str(ts_to_ns // NS_PER_MS),
        "before": str((ts_to_ns - count * interval_ns) // NS_PER_MS - 1),
        "limit": str(count),
    }
    return RestRequest("/api/v5/market/candles", params)


FEED = FeedSpec(
    dialect=DIALECT,
    rules=RULES,
    speaks=speaks,
    is_listing=is_listing,
    listing=tuple(RestRequest(INSTRUMENTS_PATH, {"instType": kind}, LISTING_COST) for kind in KINDS),
    parse_instruments=parse_instruments,
    plans=plans,
    wire=OkxWire,
    new_budget=new_budget,
    refusal=refusal,
    snapshot_request=snapshot_request,
    trades_request=trades_request,
    bars_request=bars_request,
)
