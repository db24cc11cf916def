"""Bybit's market sockets and public reads, without any I/O.

One connection carries every channel of some instruments. A subscription to a book brings its snapshot
on the stream, so a lost book is found again by subscribing anew.

| channel | topic |
|---|---|
| depth | ``orderbook.200.<symbol>``, every 100 ms; ``orderbook.50`` where a faster pace is wanted |
| quote | ``orderbook.1.<symbol>`` |
| trade | ``publicTrade.<symbol>`` |
| candle | ``kline.<interval>.<symbol>`` |
| funding | ``tickers.<symbol>``, of perpetual contracts |

A replay carries whatever was recorded. There ``tickers`` is the best quote as well, until a frame of
``orderbook.1`` of the same instrument shows that there is a better stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import msgspec

from seawall_venues.batches import batches
from seawall_venues.feed import Channel, Dialect
from seawall_venues.instruments import is_perpetual
from seawall_venues.parsing import NS_PER_MS, UNREADABLE
from seawall_venues.port import Instrument, VenueError
from seawall_venues.wire import (
    QUIET,
    Broken,
    FeedOptions,
    FeedSpec,
    Notice,
    Plan,
    Refused,
    RestRequest,
    Route,
    Routes,
    Stray,
)

from . import limits
from .dialect import KLINE_INTERVALS, LINEAR_DIALECT, SPOT_DIALECT
from .errors import is_final, refusal
from .parse import WINDOWS
from .symbols import CATEGORIES, LINEAR, SPOT, next_cursor, parse_linear, parse_spot

CHANNELS: dict[str, tuple[Channel, ...]] = {
    LINEAR: ("depth", "quote", "trade", "candle", "funding"),
    SPOT: ("depth", "quote", "trade", "candle"),
}
FAST_DEPTH_MS = 100  # the pace of 200 levels; 50 levels come every 20 ms
MAX_ASKED = 1_024  # requests whose answer is still awaited; each is answered within a second or so
_MAX_HEAD_BYTES = 128  # within which a frame names its topic
_QUIET_OPS = frozenset({"unsubscribe", "ping", "pong"})  # whatever is answered to these changes nothing


class _Frame(msgspec.Struct, frozen=True):
    """What is told of a frame that is not an ordinary one."""

    topic: str = ""
    op: str = ""
    success: bool | None = None
    ret_msg: str = ""
    req_id: str = ""


_frame = msgspec.json.Decoder(_Frame)


def topics_of(
    instrument: Instrument, channels: Iterable[Channel], options: FeedOptions
) -> Iterator[tuple[Channel, str]]:
    """Yield the topic of each of these channels that the instrument has. Raises VenueError for an odd candle."""
    symbol = instrument.venue_symbol
    for channel in channels:
        if channel == "depth":
            yield channel, f"orderbook.{50 if options.depth_every_ms < FAST_DEPTH_MS else 200}.{symbol}"
        elif channel == "quote":
            yield channel, f"orderbook.1.{symbol}"
        elif channel == "trade":
            yield channel, f"publicTrade.{symbol}"
        elif channel == "candle":
            interval = KLINE_INTERVALS.get(options.candle_interval_ms)
            if interval is None:
                raise VenueError(f"{instrument.venue} has no candles of {options.candle_interval_ms} ms")
            yield channel, f"kline.{interval}.{symbol}"
        elif is_perpetual(instrument):
            yield channel, f"tickers.{symbol}"


class BybitWire:
    """One connection's conversation with Bybit."""

    def __init__(self, plan: Plan, options: FeedOptions) -> None:
        self._channels = plan.channels
        self._options = options
        self._instruments: dict[str, Instrument] = {}  # by the venue's symbol
        self._routes: dict[bytes, Routes] = {}
        self._topics: dict[Route, str] = {}
        self._asked: dict[str, tuple[str, ...]] = {}  # topics by the number of the request
        self._requests = 0
        for instrument in plan.instruments:
            self.add(instrument)

    def opening(self) -> Sequence[str]:
        """Return the messages that subscribe to the whole plan."""
        is_spot = any(instrument.venue == SPOT for instrument in self._instruments.values())
        most = limits.ARGS_PER_MESSAGE[SPOT if is_spot else LINEAR]
        return [self._asking("subscribe", topics) for topics in batches(self._topics.values(), most)]

    def renewing(self, route: Route) -> Sequence[str]:
        """Return the messages that subscribe to one topic anew; nothing where the plan has no such topic."""
        topic = self._topics.get(route)
        return [] if topic is None else [self._asking(op, (topic,)) for op in ("unsubscribe", "subscribe")]

    def add(self, instrument: Instrument) -> None:
        """Route this instrument's frames too, from now on."""
        self._instruments[instrument.venue_symbol] = instrument
        for channel, topic in topics_of(instrument, self._channels, self._options):
            self._learn(topic, Route(instrument.symbol, channel))

    def take(self, frame: bytes) -> Routes | Notice:
        """Return whom a frame concerns, QUIET, or a notice."""
        if frame.startswith(b'{"topic":"'):
            routes = self._routes.get(frame[10 : frame.find(b'"', 10, _MAX_HEAD_BYTES)])
        elif frame.startswith(b'{"type":"snapshot","topic":"'):  # candles of spot
            routes = self._routes.get(frame[28 : frame.find(b'"', 28, _MAX_HEAD_BYTES)])
        else:
            return self._take_rare(frame)
        return self._take_rare(frame) if routes is None else routes

    def _take_rare(self, frame: bytes) -> Routes | Notice:
        try:
            read = _frame.decode(frame)
        except UNREADABLE as error:
            return Broken(f"a frame that cannot be read: {error}; found {frame[:80]!r}")
        if read.topic:
            routes = self._routes.get(read.topic.encode())
            return self._take_topic(read.topic) if routes is None else routes
        topics = self._asked.pop(read.req_id, ())
        if read.success is False and read.op not in _QUIET_OPS:
            return self._refused(topics, read.ret_msg)
        if read.success is not None or read.op:
            return QUIET
        return Broken(f"a frame of no topic: {frame[:80]!r}")

    def _take_topic(self, topic: str) -> Routes | Notice:
        """Return whom a topic concerns that was not seen before; a replay remembers it."""
        kind, _, symbol = topic.partition(".")
        detail = ""
        if kind in ("orderbook", "kline"):
            detail, _, symbol = symbol.partition(".")
        elif kind not in ("publicTrade", "tickers"):
            return QUIET
        instrument = self._instruments.get(symbol)
        if instrument is None:
            return Stray(symbol)
        if self._channels:
            return QUIET
        routes = tuple(Route(instrument.symbol, channel) for channel in self._replayed(kind, detail, instrument))
        for route in routes:
            self._learn(topic, route)
        return routes

    def _replayed(self, kind: str, detail: str, instrument: Instrument) -> tuple[Channel, ...]:
        """Return the channels that a recorded topic is; none where another topic already is that channel."""
        symbol = instrument.symbol
        if kind == "publicTrade":
            return ("trade",)
        if kind == "kline":
            return ("candle",) if detail in KLINE_INTERVALS.values() else ()
        if kind == "tickers":
            funding: tuple[Channel, ...] = ("funding",) if is_perpetual(instrument) else ()
            has_quotes = instrument.venue == LINEAR and Route(symbol, "quote") not in self._topics
            return (*funding, "quote") if has_quotes else funding
        if detail == "1":
            ticker = f"tickers.{instrument.venue_symbol}".encode()
            if ticker in self._routes:
                self._routes[ticker] = tuple(route for route in self._routes[ticker] if route.channel != "quote")
            return ("quote",)
        # a second depth of the same book would break the first one's numbers
        return ("depth",) if detail in WINDOWS and Route(symbol, "depth") not in self._topics else ()

    def _learn(self, topic: str, route: Route) -> None:
        self._topics[route] = topic
        known = self._routes.get(topic.encode(), QUIET)
        self._routes[topic.encode()] = known if route in known else (*known, route)

    def _asking(self, op: str, topics: tuple[str, ...]) -> str:
        self._requests += 1
        if op == "subscribe":
            while len(self._asked) >= MAX_ASKED:
                del self._asked[next(iter(self._asked))]
            self._asked[str(self._requests)] = topics
        return msgspec.json.encode({"req_id": str(self._requests), "op": op, "args": topics}).decode()

    def _refused(self, topics: tuple[str, ...], reason: str) -> Refused:
        """Blame the topics of the request, or those that the reason names where it is not known which.

        One bad topic may cost all of a message, and which of the others were accepted is not told: only
        the refusal of a single topic is final.
        """
        if not topics:
            words = reason.replace(",", " ").replace(":", " ").replace("[", " ").replace("]", " ").split()
            topics = tuple(word for word in words if word.encode() in self._routes)
        routes = tuple(route for topic in topics for route in self._routes.get(topic.encode(), ()))
        return Refused(routes, "", reason, is_final(reason) and len(topics) == 1)


def plans(venue: str, websocket_url: str, instruments: Sequence[Instrument], options: FeedOptions) -> tuple[Plan, ...]:
    """Return as few connections as the venue's limit on the length of topics allows. Raises VenueError."""
    url = f"{websocket_url.rstrip('/')}/v5/public/{CATEGORIES[venue]}"
    channels = CHANNELS[venue]

    def characters_of(instrument: Instrument) -> int:
        return sum(len(topic) + len('"",') for _, topic in topics_of(instrument, channels, options))

    return tuple(Plan(url, some, channels) for some in batches(instruments, limits.ARGS_CHARACTERS, characters_of))


def speaks(venue: str, address: str) -> bool:
    """True where a socket's address is this venue's."""
    return address.partition("?")[0].endswith(f"/v5/public/{CATEGORIES[venue]}")


def is_listing(venue: str, url: str) -> bool:
    """True where a URL is the venue's list of instruments."""
    path, _, query = url.partition("?")
    return path.endswith("/v5/market/instruments-info") and f"category={CATEGORIES[venue]}" in query.split("&")


def snapshot_request(instrument: Instrument) -> RestRequest:
    """Ask for the book as deep as the stream has it."""
    return _reading("orderbook", instrument, {"limit": str(limits.SNAPSHOT_LEVELS)})


def trades_request(instrument: Instrument) -> RestRequest:
    """Ask for the newest trades."""
    return _reading("recent-trade", instrument, {"limit": str(limits.LISTED_TRADES[instrument.venue])})


def bars_request(instrument: Instrument, interval_ms: int, ts_from_ns: int, ts_to_ns: int) -> RestRequest:
    """Ask for the candles that open in ``[from, to)``, the newest MAX_KLINES of them."""
    interval_ns = interval_ms * NS_PER_MS
    count = min(-(-(ts_to_ns - ts_from_ns) // interval_ns), limits.MAX_KLINES)
    return _reading(
        "kline",
        instrument,
        {
            "interval": KLINE_INTERVALS[interval_ms],
            "start": str((ts_to_ns - count * interval_ns) // NS_PER_MS),
            "end": str(ts_to_ns // NS_PER_MS - 1),
            "limit": str(count),
        },
    )


def next_page(request: RestRequest, body: bytes) -> RestRequest | None:
    """Return what to ask for the instruments that a page of a thousand had no room for."""
    cursor = next_cursor(body)
    return request._replace(params={**request.params, "cursor": cursor}) if cursor else None


def _reading(what: str, instrument: Instrument, params: dict[str, str]) -> RestRequest:
    named = {"category": CATEGORIES[instrument.venue], "symbol": instrument.venue_symbol}
    return RestRequest(f"/v5/market/{what}", named | params)


def _feed(dialect: Dialect) -> FeedSpec:
    venue = dialect.venue
    listed = {"category": CATEGORIES[venue], "limit": str(limits.LISTED_INSTRUMENTS)}
    return FeedSpec(
        dialect=dialect,
        rules=limits.RULES,
        speaks=partial(speaks, venue),
        is_listing=partial(is_listing, venue),
        listing=(RestRequest("/v5/market/instruments-info", listed),),
        parse_instruments=parse_linear if venue == LINEAR else parse_spot,
        plans=partial(plans, venue),
        wire=BybitWire,
        new_budget=limits.new_budget,
        refusal=refusal,
        snapshot_request=snapshot_request,
        trades_request=trades_request,
        bars_request=bars_request,
        next_page=next_page,
    )


LINEAR_FEED = _feed(LINEAR_DIALECT)
SPOT_FEED = _feed(SPOT_DIALECT)
