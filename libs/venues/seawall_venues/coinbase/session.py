"""What is said on Coinbase's market sockets and asked of its public REST, without any I/O.

Every frame of a connection, acknowledgements and heartbeats too, carries ``sequence_num``: from 0, one
more each time. It is all that shows a loss, so it is checked here, before a frame is read. A gap may
have swallowed anything the connection carries; a number that was there before is a replay, and ignored.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from seawall_venues.batches import batches
from seawall_venues.feed import Channel
from seawall_venues.parsing import NS_PER_MS, NS_PER_S, UNREADABLE
from seawall_venues.port import Instrument
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

from .dialect import DIALECT
from .errors import REFUSED, products_named, refusal, says_absent
from .limits import (
    GRANULARITIES,
    LISTED_TRADES,
    MAX_BARS,
    PRODUCTS_PER_CONNECTION,
    RULES,
    SNAPSHOT_LEVELS,
    STREAM_CANDLE_MS,
    new_budget,
)
from .symbols import parse_instruments

_SOCKET = re.compile(r"wss?://advanced-trade-ws\.coinbase\.com(?:[:/?]|\Z)")
PRODUCTS_PATH = "/api/v3/brokerage/market/products"
BOOK_PATH = "/api/v3/brokerage/market/product_book"

# What we subscribe to, and the name that its frames bear. Depth last: the books of all products are
# tens of MiB, and what is small need not wait behind them.
SUBSCRIBED: dict[Channel, str] = {"trade": "market_trades", "quote": "ticker", "candle": "candles", "depth": "level2"}
STREAMED: dict[Channel, str] = {"trade": "market_trades", "quote": "ticker", "candle": "candles", "depth": "l2_data"}
HEARTBEATS = "heartbeats"  # without them the venue closes a stream that is silent for a minute
# Frames that concern no market, or a channel that we did not ask for. Any other name is not one of the venue's.
_IGNORED = frozenset({"subscriptions", HEARTBEATS, "status", "ticker_batch", *STREAMED.values()})
_IGNORED_NAMES = frozenset(name.encode() for name in _IGNORED)

_START = b'{"channel":"'
_NUMBER = b'"sequence_num":'
_PRODUCT = b'"product_id":"'
_END = b"}]}]}"  # of every frame with market data; one cut short does not have it
_MAX_NAME_BYTES = 32
_MAX_HEAD_BYTES = 160  # the time, and a client id in older frames
_MAX_DIGITS = 20


class _Named(msgspec.Struct, frozen=True, gc=False):
    product_id: str


class _Event(msgspec.Struct, frozen=True, gc=False):
    product_id: str = ""
    tickers: tuple[_Named, ...] = ()
    trades: tuple[_Named, ...] = ()
    candles: tuple[_Named, ...] = ()


class _Frame(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    message: str = ""
    channel: str = ""
    sequence_num: int = -1
    events: tuple[_Event, ...] = ()


_decode_frame = msgspec.json.Decoder(_Frame).decode


class CoinbaseWire:
    """One connection's conversation."""

    def __init__(self, plan: Plan, options: FeedOptions) -> None:
        self._channels = plan.channels or tuple(STREAMED)
        self._symbols: dict[str, str] = {}  # the venue's by ours
        self._routes: dict[bytes, dict[bytes, Routes]] = {STREAMED[channel].encode(): {} for channel in self._channels}
        self._next = 0
        self._stray = -1
        for instrument in plan.instruments:
            self.add(instrument)

    def opening(self) -> Sequence[str]:
        """Return one message for the heartbeats and one for each channel; the venue takes no two in one."""
        products = list(self._symbols.values())
        names = (name for channel, name in SUBSCRIBED.items() if channel in self._channels)
        return (_message("subscribe", HEARTBEATS), *(_message("subscribe", name, products) for name in names))

    def renewing(self, route: Route) -> Sequence[str]:
        """Return the messages that end one product's channel and begin it anew."""
        product, name = self._symbols.get(route.symbol), SUBSCRIBED.get(route.channel)
        if product is None or name is None:
            return ()
        return (_message("unsubscribe", name, [product]), _message("subscribe", name, [product]))

    def add(self, instrument: Instrument) -> None:
        """Route this product's frames too, from now on."""
        self._symbols[instrument.symbol] = instrument.venue_symbol
        for channel in self._channels:
            routes = self._routes[STREAMED[channel].encode()]
            routes[instrument.venue_symbol.encode()] = (Route(instrument.symbol, channel),)

    def take(self, frame: bytes) -> Routes | Notice:
        """Check the frame's number, then return whom the frame concerns."""
        name_end = frame.find(b'"', len(_START), _MAX_NAME_BYTES) if frame.startswith(_START) else -1
        found = frame.find(_NUMBER, name_end, name_end + _MAX_HEAD_BYTES) if name_end > 0 else -1
        if found < 0:
            return self._take_odd(frame)
        number_start = found + len(_NUMBER)
        number_end = frame.find(b",", number_start, number_start + _MAX_DIGITS)
        digits = frame[number_start:number_end] if number_end > 0 else b""
        if not digits.isdigit():
            return self._take_odd(frame)
        number = int(digits)
        if number != self._next and not number == self._stray == self._next - 1:
            return self._out_of_step(number)
        self._next = number + 1
        name = frame[len(_START) : name_end]
        routes = self._routes.get(name)
        if routes is None:
            return QUIET if name in _IGNORED_NAMES else self._read(frame)
        start = frame.find(_PRODUCT, number_end)
        end = frame.find(b'"', start + len(_PRODUCT), start + len(_PRODUCT) + _MAX_NAME_BYTES)
        if start > 0 and end > 0 and frame.endswith(_END):
            known = routes.get(frame[start + len(_PRODUCT) : end])
            names_one = frame.find(_PRODUCT, end) < 0 or frame.count(frame[start : end + 1]) == frame.count(_PRODUCT)
            if known is not None and names_one:
                return known
        return self._read(frame)

    def _out_of_step(self, number: int) -> Routes | Broken:
        if number < self._next:
            return QUIET
        expected, self._next = self._next, number + 1
        return Broken(f"sequence gap: frame {number} came where {expected} was due")

    def _take_odd(self, frame: bytes) -> Routes | Notice:
        """Take a frame that is laid out in another way, or has no number."""
        read = _decoded(frame)
        if isinstance(read, Broken):
            return read
        if read.type == REFUSED:
            return self._refused(read.message)
        number = read.sequence_num
        if number < 0:
            # The venue asks to ignore kinds of messages that one does not know; but its data is numbered.
            return QUIET if read.type and not read.channel else Broken(f"a frame without a number: {frame[:80]!r}")
        if number != self._next and not number == self._stray == self._next - 1:
            return self._out_of_step(number)
        self._next = number + 1
        return self._concerned(read)

    def _read(self, frame: bytes) -> Routes | Notice:
        read = _decoded(frame)
        return read if isinstance(read, Broken) else self._concerned(read)

    def _concerned(self, frame: _Frame) -> Routes | Notice:
        """Return the routes of every product that a frame names, each once."""
        routes = self._routes.get(frame.channel.encode())
        if routes is None:
            return QUIET if frame.channel in _IGNORED else Broken(f"an unknown channel: {frame.channel[:40]!r}")
        products: dict[str, None] = {}
        for event in frame.events:
            named = (*event.tickers, *event.trades, *event.candles)
            products.update(dict.fromkeys((event.product_id, *(item.product_id for item in named))))
        products.pop("", None)
        known = [route for product in products for route in routes.get(product.encode(), ())]
        if products and not known:
            self._stray = self._next - 1  # who adds the instrument may hand in the same frame again
            return Stray(next(iter(products)))
        return tuple(known)

    def _refused(self, message: str) -> Refused:
        named = products_named(message)
        refused = [
            Route(symbol, channel)
            for symbol, product in self._symbols.items()
            if product in named
            for channel in self._channels
        ]
        return Refused(tuple(refused), REFUSED, message, bool(refused) and says_absent(message))


def _decoded(frame: bytes) -> _Frame | Broken:
    try:
        return _decode_frame(frame)
    except UNREADABLE as error:
        return Broken(f"a frame that cannot be read: {error}; found {frame[:80]!r}")


def _message(kind: str, channel: str, products: Sequence[str] = ()) -> str:
    said = {"type": kind, "channel": channel, **({"product_ids": products} if products else {})}
    return msgspec.json.encode(said).decode()


def plans(url: str, instruments: Sequence[Instrument], options: FeedOptions) -> tuple[Plan, ...]:
    """Return the connections to open; the stream's candles are asked for only where they are the ones wanted."""
    channels: tuple[Channel, ...] = ("depth", "quote", "trade")
    if options.candle_interval_ms == STREAM_CANDLE_MS:
        channels = (*channels, "candle")
    return tuple(Plan(url, some, channels) for some in batches(instruments, PRODUCTS_PER_CONNECTION))


def speaks(address: str) -> bool:
    """True for the address of the public market socket."""
    return _SOCKET.match(address) is not None


def is_listing(url: str) -> bool:
    """True for the list of products, whatever was asked of it."""
    return url.partition("?")[0].endswith(PRODUCTS_PATH)


def snapshot_request(instrument: Instrument) -> RestRequest:
    """Ask for the book."""
    return RestRequest(BOOK_PATH, {"product_id": instrument.venue_symbol, "limit": str(SNAPSHOT_LEVELS)})


def trades_request(instrument: Instrument) -> RestRequest:
    """Ask for the newest trades; the endpoint of that name tells them beside the best quote."""
    return RestRequest(f"{PRODUCTS_PATH}/{instrument.venue_symbol}/ticker", {"limit": str(LISTED_TRADES)})


def bars_request(instrument: Instrument, interval_ms: int, ts_from_ns: int, ts_to_ns: int) -> RestRequest:
    """Ask for the candles that open in ``[from, to)``, the newest MAX_BARS of them; both ends are inclusive there."""
    interval_ns = interval_ms * NS_PER_MS
    start_ns = max(ts_from_ns, ts_to_ns - MAX_BARS * interval_ns)
    params = {
        "start": str(-(-start_ns // NS_PER_S)),
        "end": str(-(-ts_to_ns // NS_PER_S) - 1),
        "granularity": GRANULARITIES[interval_ms],
    }
    return RestRequest(f"{PRODUCTS_PATH}/{instrument.venue_symbol}/candles", params)


FEED = FeedSpec(
    dialect=DIALECT,
    rules=RULES,
    speaks=speaks,
    is_listing=is_listing,
    listing=(RestRequest(PRODUCTS_PATH, {"product_type": "SPOT"}),),
    parse_instruments=parse_instruments,
    plans=plans,
    wire=CoinbaseWire,
    new_budget=new_budget,
    refusal=refusal,
    snapshot_request=snapshot_request,
    trades_request=trades_request,
    bars_request=bars_request,
)
