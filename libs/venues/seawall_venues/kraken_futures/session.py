"""What is said on Kraken futures' sockets and asked of their public REST."""

from __future__ import annotations

from collections.abc import Sequence

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

_ADDRESSES = frozenset({"wss://futures.kraken.com/ws/v1", "wss://demo-futures.kraken.com/ws/v1"})
_CHANNELS: tuple[Channel, ...] = ("depth", "quote", "trade", "funding")
_FEEDS: dict[Channel, str] = {"depth": "book", "quote": "ticker", "trade": "trade", "funding": "ticker"}
_CARRIED: dict[str, tuple[Channel, ...]] = {
    "book": ("depth",),
    "book_snapshot": ("depth",),
    "trade": ("trade",),
    "trade_snapshot": ("trade",),
    "ticker": ("quote", "funding"),
    "ticker_lite": ("quote",),
}
"""What the frames of each feed tell of; the last one only in old recordings."""

_FEED = b'"feed":"'
_PRODUCT = b'"product_id":"'
_MAX_NAME_BYTES = 48


class _Frame(msgspec.Struct, frozen=True):
    """What tells frames apart: data by its feed, everything else by its event."""

    event: str = ""
    feed: str = ""
    product_id: str = ""
    product_ids: tuple[str, ...] = ()
    message: str = ""


_decode_frame = msgspec.json.Decoder(_Frame).decode


class FuturesWire:
    """One connection's conversation."""

    def __init__(self, plan: Plan, options: FeedOptions) -> None:
        self._channels = plan.channels or _CHANNELS
        self._venue_symbols: dict[str, str] = {}
        self._routes: dict[bytes, dict[bytes, Routes]] = {feed.encode(): {} for feed in _CARRIED}
        for instrument in plan.instruments:
            self.add(instrument)

    def opening(self) -> Sequence[str]:
        """Return the messages that subscribe to the whole plan."""
        return [
            _request("subscribe", feed, products)
            for feed in dict.fromkeys(_FEEDS[channel] for channel in self._channels)
            for products in batches(self._venue_symbols.values(), limits.PRODUCTS_PER_MESSAGE)
        ]

    def renewing(self, route: Route) -> Sequence[str]:
        """Return the messages that end one subscription and begin it anew, so that a snapshot comes."""
        product = self._venue_symbols.get(route.symbol)
        if product is None:
            return ()
        return [_request(event, _FEEDS[route.channel], (product,)) for event in ("unsubscribe", "subscribe")]

    def add(self, instrument: Instrument) -> None:
        """Route this instrument's frames too, from now on."""
        self._venue_symbols[instrument.symbol] = instrument.venue_symbol
        for feed, carried in _CARRIED.items():
            routes = tuple(Route(instrument.symbol, channel) for channel in carried if channel in self._channels)
            self._routes[feed.encode()][instrument.venue_symbol.encode()] = routes

    def take(self, frame: bytes) -> Routes | Notice:
        """Return whom a frame concerns, QUIET, or a notice."""
        at, product_at = frame.find(_FEED), frame.find(_PRODUCT)
        if at > 0 and product_at > 0:
            start, product_start = at + len(_FEED), product_at + len(_PRODUCT)
            end = frame.find(b'"', start, start + _MAX_NAME_BYTES)
            product_end = frame.find(b'"', product_start, product_start + _MAX_NAME_BYTES)
            routes = self._routes.get(frame[start:end])
            found = routes.get(frame[product_start:product_end]) if routes is not None else None
            if found is not None:
                return found
        return self._look(frame)

    def _look(self, frame: bytes) -> Routes | Notice:
        try:
            read = _decode_frame(frame)
            if read.event:
                return self._heed(read)
            routes = self._routes.get(read.feed.encode())
            found = routes.get(read.product_id.encode()) if routes is not None else QUIET
        except UNREADABLE as error:
            return Broken(f"a frame that cannot be read: {error}; found {frame[:80]!r}")
        if not read.feed or (routes is not None and not read.product_id):
            return Broken(f"a frame of an unknown kind: {frame[:80]!r}")
        return found if found is not None else Stray(read.product_id)

    def _heed(self, said: _Frame) -> Routes | Notice:
        if said.event == "subscribed_failed":
            channels = tuple(channel for channel in self._channels if _FEEDS[channel] == said.feed)
            routes = self._routes_of(said.product_ids, channels)
            return Refused(routes, said.event, said.message or said.feed, is_final=False)
        if said.event in {"alert", "error"} and not errors.is_harmless(said.message):
            product = errors.product_named(said.message)
            routes = self._routes_of((product,), self._channels)
            if product and not routes:
                return QUIET  # nobody here wants that product
            return Refused(routes, said.event, said.message, bool(routes) and errors.is_final(said.message))
        return QUIET

    def _routes_of(self, products: Sequence[str], channels: Sequence[Channel]) -> tuple[Route, ...]:
        ours = [symbol for symbol, product in self._venue_symbols.items() if product in products]
        return tuple(Route(symbol, channel) for symbol in ours for channel in channels)


def _request(event: str, feed: str, products: Sequence[str]) -> str:
    return msgspec.json.encode({"event": event, "feed": feed, "product_ids": products}).decode()


def plans(url: str, instruments: Sequence[Instrument], options: FeedOptions) -> tuple[Plan, ...]:
    """Return the connections that carry these instruments, all to the address as configured."""
    return tuple(Plan(url, some, _CHANNELS) for some in batches(instruments, limits.INSTRUMENTS_PER_CONNECTION))


def speaks(address: str) -> bool:
    """True for the addresses of these sockets."""
    return address.rstrip("/") in _ADDRESSES


def is_listing(url: str) -> bool:
    """True for the URL of the list of instruments."""
    return url.partition("?")[0].endswith(symbols.LISTING_PATH)


def snapshot_request(instrument: Instrument) -> RestRequest:
    """Return the request for the book."""
    return RestRequest("/derivatives/api/v3/orderbook", {"symbol": instrument.venue_symbol})


def trades_request(instrument: Instrument) -> RestRequest:
    """Return the request for the newest trades."""
    return RestRequest("/derivatives/api/v3/history", {"symbol": instrument.venue_symbol})


def bars_request(instrument: Instrument, interval_ms: int, ts_from_ns: int, ts_to_ns: int) -> RestRequest:
    """Return the request for candles that open in ``[from, to)``, the newest ones where there are too many."""
    from_s, to_s = ts_from_ns // NS_PER_S, ts_to_ns // NS_PER_S
    from_s = max(from_s, to_s - limits.MAX_BARS * interval_ms // 1_000)
    path = f"/api/charts/v1/trade/{instrument.venue_symbol}/{limits.RESOLUTIONS[interval_ms]}"
    return RestRequest(path, {"from": str(from_s), "to": str(to_s - 1)})


FEED = FeedSpec(
    dialect=DIALECT,
    rules=limits.RULES,
    speaks=speaks,
    is_listing=is_listing,
    listing=(RestRequest(symbols.LISTING_PATH),),
    parse_instruments=symbols.parse_instruments,
    plans=plans,
    wire=FuturesWire,
    new_budget=limits.new_budget,
    refusal=errors.refusal,
    snapshot_request=snapshot_request,
    trades_request=trades_request,
    bars_request=bars_request,
)
