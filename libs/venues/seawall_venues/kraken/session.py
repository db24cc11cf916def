"""What is said on Kraken's spot sockets (WebSocket v2) and asked of its public REST."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from seawall_venues.batches import batches
from seawall_venues.feed import Channel
from seawall_venues.parsing import NS_PER_S, UNREADABLE
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

from . import errors, limits, symbols
from .dialect import DIALECT

PATH = "/v2"
_ADDRESSES = frozenset({"wss://ws.kraken.com/v2", "wss://beta-ws.kraken.com/v2"})
_NAMES: dict[Channel, str] = {"depth": "book", "quote": "ticker", "trade": "trade", "candle": "ohlc"}
_QUIET_CHANNELS = frozenset({"heartbeat", "status", "instrument"})

# As the venue lays its frames out: {"channel":"book","type":"update","data":[{"symbol":"BTC/USD",…
_CHANNEL = b'{"channel":"'
_SYMBOL = b'"symbol":"'
_MAX_NAME_BYTES = 32
_MAX_ASKED = 1_024  # subscriptions remembered for a refusal, which comes at once or never


class _Named(msgspec.Struct, frozen=True):
    symbol: str = ""


class _Frame(msgspec.Struct, frozen=True):
    """What tells frames apart: data by its channel, answers to us by their method."""

    channel: str = ""
    data: msgspec.Raw = msgspec.Raw(b"")
    method: str = ""
    success: bool | None = None
    error: str = ""
    symbol: str = ""
    req_id: int | None = None


_decode_frame = msgspec.json.Decoder(_Frame).decode
_decode_data = msgspec.json.Decoder(tuple[_Named, ...]).decode


class SpotWire:
    """One connection's conversation. Every request has a number, by which a refusal finds its subscription."""

    def __init__(self, plan: Plan, options: FeedOptions) -> None:
        self._channels = plan.channels or tuple(_NAMES)
        self._minutes = limits.CANDLE_MINUTES.get(options.candle_interval_ms, 1)
        self._venue_symbols: dict[str, str] = {}
        self._routes: dict[bytes, dict[bytes, Routes]] = {_NAMES[channel].encode(): {} for channel in self._channels}
        self._asked: dict[int, tuple[Route, ...]] = {}
        self._requests = 0
        for instrument in plan.instruments:
            self.add(instrument)

    def opening(self) -> Sequence[str]:
        """Return the messages that subscribe to the whole plan."""
        return [
            self._request("subscribe", channel, ours)
            for channel in self._channels
            for ours in batches(self._venue_symbols, limits.SYMBOLS_PER_MESSAGE)
        ]

    def renewing(self, route: Route) -> Sequence[str]:
        """Return the messages that end one subscription and begin it anew, so that a snapshot comes."""
        if route.symbol not in self._venue_symbols:
            return ()
        return [self._request(method, route.channel, (route.symbol,)) for method in ("unsubscribe", "subscribe")]

    def add(self, instrument: Instrument) -> None:
        """Route this instrument's frames too, from now on."""
        self._venue_symbols[instrument.symbol] = instrument.venue_symbol
        for channel in self._channels:
            routes = self._routes[_NAMES[channel].encode()]
            routes[instrument.venue_symbol.encode()] = (Route(instrument.symbol, channel),)

    def take(self, frame: bytes) -> Routes | Notice:
        """Return whom a frame concerns, QUIET, or a notice."""
        if frame.startswith(_CHANNEL):
            start = len(_CHANNEL)
            end = frame.find(b'"', start, start + _MAX_NAME_BYTES)
            routes = self._routes.get(frame[start:end])
            at = frame.find(_SYMBOL, end)
            if routes is not None and at > 0:
                start = at + len(_SYMBOL)
                end = frame.find(b'"', start, start + _MAX_NAME_BYTES)
                found = routes.get(frame[start:end])
                if found is not None and _names_no_other(frame, at, end):
                    return found
        return self._look(frame)

    def _look(self, frame: bytes) -> Routes | Notice:
        try:
            read = _decode_frame(frame)
            routes = self._routes.get(read.channel.encode())
            if read.method:
                refused = read.method == "subscribe" and read.success is False
                return self._refused(read) if refused else QUIET
            if routes is not None:
                return _concerned(routes, _decode_data(read.data))
        except UNREADABLE as error:
            return Broken(f"a frame that cannot be read: {error}; found {frame[:80]!r}")
        if read.channel in _QUIET_CHANNELS or read.channel in _NAMES.values():
            return QUIET
        if read.error:  # for example "Exceeded msg rate", without a word on what was refused
            return Refused((), "error", read.error, is_final=False)
        return Broken(f"a frame of an unknown kind: {frame[:80]!r}")

    def _refused(self, answer: _Frame) -> Routes | Notice:
        asked = self._asked.get(answer.req_id or 0)
        if answer.symbol:
            ours = {symbol for symbol, venue_symbol in self._venue_symbols.items() if venue_symbol == answer.symbol}
            if asked is None:
                asked = tuple(Route(symbol, channel) for symbol in ours for channel in self._channels)
            asked = tuple(route for route in asked if route.symbol in ours)
            if not asked:
                return QUIET  # nobody here wants that pair
        return Refused(asked or (), answer.method, answer.error, errors.is_final(answer.error))

    def _request(self, method: str, channel: Channel, ours: Sequence[str]) -> str:
        params: dict[str, Any] = {
            "channel": _NAMES[channel],
            "symbol": [self._venue_symbols[symbol] for symbol in ours],
        }
        if channel == "depth":
            params["depth"] = limits.SUBSCRIBED_LEVELS
        elif channel == "quote":
            params["event_trigger"] = "bbo"
        elif channel == "candle":
            params["interval"] = self._minutes
        self._requests += 1
        if method == "subscribe":
            self._asked[self._requests] = tuple(Route(symbol, channel) for symbol in ours)
            if len(self._asked) > _MAX_ASKED:
                del self._asked[next(iter(self._asked))]
        body = {"method": method, "params": params, "req_id": self._requests}
        return msgspec.json.encode(body).decode()


def _names_no_other(frame: bytes, at: int, end: int) -> bool:
    """True where every symbol in the frame is the one at ``at``: a frame of trades names it with each."""
    return frame.find(_SYMBOL, end) < 0 or frame.count(_SYMBOL) == frame.count(frame[at : end + 1])


def _concerned(routes: dict[bytes, Routes], entries: Sequence[_Named]) -> Routes | Notice:
    names = dict.fromkeys(entry.symbol for entry in entries)
    found = tuple(route for name in names for route in routes.get(name.encode(), ()))
    return Stray(next(iter(names))) if names and not found else found


def plans(url: str, instruments: Sequence[Instrument], options: FeedOptions) -> tuple[Plan, ...]:
    """Return the connections that carry these instruments; candles only of an interval that the stream has."""
    channels: tuple[Channel, ...] = ("depth", "quote", "trade")
    if options.candle_interval_ms in limits.CANDLE_MINUTES:
        channels = (*channels, "candle")
    address = url.rstrip("/") + PATH
    return tuple(Plan(address, some, channels) for some in batches(instruments, limits.INSTRUMENTS_PER_CONNECTION))


def speaks(address: str) -> bool:
    """True for the addresses of these sockets."""
    return address.rstrip("/") in _ADDRESSES


def is_listing(url: str) -> bool:
    """True for the URL of the list of pairs."""
    return url.partition("?")[0].endswith(symbols.LISTING_PATH)


def snapshot_request(instrument: Instrument) -> RestRequest:
    """Return the request for the book."""
    pair = symbols.rest_name(instrument.venue_symbol)
    return RestRequest("/0/public/Depth", {"pair": pair, "count": str(limits.SNAPSHOT_LEVELS)})


def trades_request(instrument: Instrument) -> RestRequest:
    """Return the request for the newest trades."""
    pair = symbols.rest_name(instrument.venue_symbol)
    return RestRequest("/0/public/Trades", {"pair": pair, "count": str(limits.LISTED_TRADES)})


def bars_request(instrument: Instrument, interval_ms: int, ts_from_ns: int, ts_to_ns: int) -> RestRequest:
    """Return the request for candles: the newest 720, which is all there is; ``since`` only shortens the answer."""
    pair = symbols.rest_name(instrument.venue_symbol)
    since_s = ts_from_ns // NS_PER_S - 1  # whether ``since`` itself is among them is not documented
    params = {"pair": pair, "interval": str(limits.CANDLE_MINUTES[interval_ms]), "since": str(since_s)}
    return RestRequest("/0/public/OHLC", params)


FEED = FeedSpec(
    dialect=DIALECT,
    rules=limits.RULES,
    speaks=speaks,
    is_listing=is_listing,
    listing=(RestRequest(symbols.LISTING_PATH),),
    parse_instruments=symbols.parse_instruments,
    plans=plans,
    wire=SpotWire,
    new_budget=limits.new_budget,
    refusal=errors.refusal,
    snapshot_request=snapshot_request,
    trades_request=trades_request,
    bars_request=bars_request,
)
