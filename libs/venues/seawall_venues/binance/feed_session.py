"""Binance USD-M's market sockets: the only ones that market-data opens at this venue.

Named feed_session, since a trading account's session (its key, its user stream) is another one that
other processes open. The venue serves books, quotes and trades under ``/public`` and the mark price
under ``/market``; a stream asked for under the other path is accepted and never delivered.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from seawall_venues.feed import Channel
from seawall_venues.feed_connection import ConnectionLimits, FeedConnection
from seawall_venues.port import Instrument, UnknownInstrumentError

from .feed_rest import FeedRest
from .symbols import parse_exchange_info

STREAMS_PER_CONNECTION = 150  # the venue allows 1 024; their names must also fit an 8 KiB request line
PUBLIC: tuple[tuple[Channel, str], ...] = (
    ("depth", "depth@{every}ms"),
    ("quote", "bookTicker"),
    ("trade", "trade"),
)
MARKET: tuple[tuple[Channel, str], ...] = (("funding", "markPrice@1s"),)
_TOPIC_START = b'{"stream":"'
_MAX_TOPIC_BYTES = 64


class _Envelope(msgspec.Struct, frozen=True):
    stream: str = ""


_envelope = msgspec.json.Decoder(_Envelope)


def topic_of(frame: bytes) -> bytes | None:
    """Return the stream a frame names: empty for the venue's own notices, None where it cannot be read."""
    if frame.startswith(_TOPIC_START):
        start = len(_TOPIC_START)
        end = frame.find(b'"', start, start + _MAX_TOPIC_BYTES)
        if end > 0:
            return frame[start:end]
    try:
        return _envelope.decode(frame).stream.encode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class FeedListener(Protocol):
    """Who is told what the sockets bring. Called in the event loop: hand over and return."""

    def on_frame(self, symbol: str, channel: Channel, payload: bytes, ts_received_ns: int) -> None:
        """A frame of one symbol's channel came."""

    def on_lost(self, symbol: str, channels: tuple[Channel, ...], reason: str, ts_received_ns: int) -> None:
        """A frame that may have been any of these channels' cannot be attributed."""

    def on_connection(
        self, symbol: str, channels: tuple[Channel, ...], connected: bool, reason: str, ts_received_ns: int
    ) -> None:
        """The connection that carries these channels of the symbol came or went."""


class BinanceFeedSession:
    """Sockets and reads for the public data of some symbols."""

    def __init__(
        self,
        *,
        rest_url: str,
        websocket_url: str,
        listener: FeedListener,
        now_ns: Callable[[], int],
        jitter: random.Random,
        limits: ConnectionLimits | None = None,
        depth_every_ms: int = 100,
    ) -> None:
        self._rest = FeedRest(rest_url, now_ns)
        self._websocket_url = websocket_url.rstrip("/")
        self._listener = listener
        self._now_ns = now_ns
        self._jitter = jitter
        self._limits = limits or ConnectionLimits()
        self._depth_every_ms = depth_every_ms
        self._venue_symbols: dict[str, str] = {}

    async def instruments(self) -> tuple[Instrument, ...]:
        """Read every instrument the venue lists. Raises VenueError."""
        listed = parse_exchange_info(await self._rest.exchange_info())
        self._venue_symbols = {instrument.symbol: instrument.venue_symbol for instrument in listed}
        return listed

    async def snapshot(self, symbol: str) -> bytes:
        """Read the order book. Raises VenueError."""
        return await self._rest.depth(self._venue_symbol(symbol))

    async def trades(self, symbol: str) -> bytes:
        """Read the newest trades. Raises VenueError."""
        return await self._rest.trades(self._venue_symbol(symbol))

    async def bars(self, symbol: str, interval_ms: int, ts_from_ns: int, ts_to_ns: int) -> bytes:
        """Read the venue's own candles that open in ``[from, to)``. Raises VenueError."""
        return await self._rest.bars(self._venue_symbol(symbol), interval_ms, ts_from_ns, ts_to_ns)

    async def run(self, symbols: Sequence[str]) -> None:
        """Keep every stream of these symbols flowing to the listener, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for path, channels in (("public", PUBLIC), ("market", MARKET)):
                step = max(1, STREAMS_PER_CONNECTION // len(channels))
                for start in range(0, len(symbols), step):
                    sink = self._sink(channels, symbols[start : start + step])
                    names = "/".join(topic.decode() for topic in sink.topics)
                    connection = FeedConnection(
                        f"{self._websocket_url}/{path}/stream?streams={names}",
                        sink,
                        self._limits,
                        now_ns=self._now_ns,
                        jitter=self._jitter,
                    )
                    tasks.create_task(connection.run(), name=f"feed-{path}")

    async def close(self) -> None:
        """Close the connections of the reads; those of the streams end with ``run``."""
        await self._rest.close()

    def _sink(self, channels: Sequence[tuple[Channel, str]], symbols: Sequence[str]) -> _Sink:
        topics: dict[bytes, tuple[str, Channel]] = {}
        for symbol in symbols:
            for channel, name in channels:
                stream = f"{self._venue_symbol(symbol).lower()}@{name.format(every=self._depth_every_ms)}"
                topics[stream.encode()] = (symbol, channel)
        return _Sink(topics, tuple(channel for channel, _ in channels), tuple(symbols), self._listener)

    def _venue_symbol(self, symbol: str) -> str:
        try:
            return self._venue_symbols[symbol]
        except KeyError:
            raise UnknownInstrumentError(f"{symbol} is not listed, or the listing was not read yet") from None


class _Sink:
    """Tells the frames of one connection apart."""

    def __init__(
        self,
        topics: dict[bytes, tuple[str, Channel]],
        channels: tuple[Channel, ...],
        symbols: tuple[str, ...],
        listener: FeedListener,
    ) -> None:
        self.topics = topics
        self._channels = channels
        self._symbols = symbols
        self._listener = listener

    def frame(self, payload: bytes, ts_received_ns: int) -> None:
        topic = topic_of(payload)
        if topic is None:
            for symbol in self._symbols:
                reason = f"a frame that cannot be read: {payload[:80]!r}"
                self._listener.on_lost(symbol, self._channels, reason, ts_received_ns)
            return
        found = self.topics.get(topic)
        if found is not None:
            self._listener.on_frame(found[0], found[1], payload, ts_received_ns)

    def connected(self, ts_received_ns: int) -> None:
        for symbol in self._symbols:
            self._listener.on_connection(symbol, self._channels, True, "connected", ts_received_ns)

    def disconnected(self, reason: str, ts_received_ns: int) -> None:
        for symbol in self._symbols:
            self._listener.on_connection(symbol, self._channels, False, reason, ts_received_ns)
