"""Kraken's old spot sockets (WebSocket v1), for replay only: nothing subscribes to them any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from seawall_venues.feed import Channel
from seawall_venues.parsing import UNREADABLE
from seawall_venues.port import Instrument
from seawall_venues.wire import QUIET, Broken, FeedOptions, Notice, Plan, Refused, Route, Routes, Stray

from . import symbols, v1_parse
from .session import FEED

_ADDRESSES = frozenset({"wss://ws.kraken.com", "wss://beta-ws.kraken.com"})
_CHANNELS: dict[bytes, Channel] = {b"book": "depth", b"ticker": "quote", b"trade": "trade"}
_END = b'"]'
_BETWEEN = b'","'
_MAX_NAMES_BYTES = 64


class _Event(msgspec.Struct, frozen=True):
    """An answer to us, or a notice: everything that is no array."""

    event: str
    status: str = ""
    pair: str = ""
    reason: str = msgspec.field(name="errorMessage", default="")


_decode_event = msgspec.json.Decoder(_Event).decode


class OldSpotWire:
    """One recorded conversation: it tells frames apart, and says nothing."""

    def __init__(self, plan: Plan, options: FeedOptions) -> None:
        self._routes: dict[bytes, dict[Channel, Routes]] = {}
        for instrument in plan.instruments:
            self.add(instrument)

    def opening(self) -> Sequence[str]:
        """Return nothing."""
        return ()

    def renewing(self, route: Route) -> Sequence[str]:
        """Return nothing."""
        return ()

    def add(self, instrument: Instrument) -> None:
        """Route this instrument's frames too, from now on."""
        routes: dict[Channel, Routes] = {
            channel: (Route(instrument.symbol, channel),) for channel in _CHANNELS.values()
        }
        self._routes[instrument.venue_symbol.encode()] = routes

    def take(self, frame: bytes) -> Routes | Notice:
        """Return whom a frame concerns, QUIET, or a notice."""
        if frame.startswith(b"[") and frame.endswith(_END):
            channel_name, between, pair = frame[-_MAX_NAMES_BYTES : -len(_END)].rpartition(_BETWEEN)
            routes = self._routes.get(pair)
            if between and routes is not None:
                channel = _CHANNELS.get(channel_name.rpartition(b'"')[2].partition(b"-")[0])
                if channel is not None:
                    return routes[channel]
        return self._look(frame)

    def _look(self, frame: bytes) -> Routes | Notice:
        try:
            if not frame.lstrip().startswith(b"["):
                return self._heed(_decode_event(frame))
            name, pair = v1_parse.names_of(frame)
            channel = _CHANNELS.get(name.partition("-")[0].encode())
            routes = self._routes.get(pair.encode())
        except UNREADABLE as error:
            return Broken(f"a frame that cannot be read: {error}; found {frame[:80]!r}")
        if channel is None:
            return QUIET
        return routes[channel] if routes is not None else Stray(pair)

    def _heed(self, event: _Event) -> Routes | Notice:
        if event.status != "error":
            return QUIET
        routes = self._routes.get(event.pair.encode(), {})
        refused = tuple(route for of_channel in routes.values() for route in of_channel)
        return Refused(refused, event.event, event.reason, is_final=True)


def speaks(address: str) -> bool:
    """True for the addresses of the old sockets."""
    return address.rstrip("/") in _ADDRESSES


def plans(url: str, instruments: Sequence[Instrument], options: FeedOptions) -> tuple[Plan, ...]:
    """Return no connection: only today's sockets are opened."""
    return ()


V1_FEED = replace(
    FEED,
    dialect=replace(
        FEED.dialect,
        parse_depth=v1_parse.parse_depth,
        parse_quote=v1_parse.parse_quote,
        parse_trade=v1_parse.parse_trade,
        parse_candle=v1_parse.parse_candle,
        trades_are_numbered=False,
    ),
    speaks=speaks,
    parse_instruments=symbols.parse_old_instruments,
    plans=plans,
    wire=OldSpotWire,
)
