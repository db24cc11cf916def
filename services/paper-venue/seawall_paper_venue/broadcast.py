"""Frames to many WebSocket clients: framed once, written to each, and never waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from .streams import is_carried

# Two symbols at 10x speed are about 3 MB/s: a client further behind than this has lost the market.
MAX_UNSENT_BYTES = 8 * 1024 * 1024
_TEXT_FRAME = 0x81


def frame_text(payload: bytes) -> bytes:
    """Wrap a payload as one unmasked WebSocket text frame (RFC 6455 §5.2), the same bytes for every client."""
    length = len(payload)
    if length < 126:
        return bytes((_TEXT_FRAME, length)) + payload
    if length < 65_536:
        return bytes((_TEXT_FRAME, 126)) + length.to_bytes(2, "big") + payload
    return bytes((_TEXT_FRAME, 127)) + length.to_bytes(8, "big") + payload


class Subscriber:
    """One connected client: what it subscribed to, and the bytes it is owed in this turn."""

    __slots__ = ("combined", "max_unsent_bytes", "overrun", "pending", "route", "streams", "transport")

    def __init__(
        self,
        transport: asyncio.WriteTransport,
        *,
        combined: bool,
        route: str = "",
        max_unsent_bytes: int = MAX_UNSENT_BYTES,
    ) -> None:
        self.route = route
        self.transport = transport
        self.combined = combined
        self.max_unsent_bytes = max_unsent_bytes
        self.streams: dict[str, None] = {}  # ordered, as LIST_SUBSCRIPTIONS answers it
        self.pending: list[bytes] = []
        self.overrun = False

    def write(self, frames: bytes) -> None:
        """Hand bytes to the socket; a client that leaves too much unread is disconnected."""
        if self.transport.is_closing():
            return
        if self.transport.get_write_buffer_size() + len(frames) > self.max_unsent_bytes:
            self.overrun = True
            self.transport.abort()
            return
        self.transport.write(frames)


class Broadcaster:
    """Who listens to which stream. ``send`` collects, ``flush`` writes once per client."""

    def __init__(self) -> None:
        self._listeners: dict[str, dict[Subscriber, None]] = {}
        self._owed: dict[Subscriber, None] = {}
        self.frames_sent = 0

    def subscribe(self, subscriber: Subscriber, streams: Iterable[str]) -> None:
        """Add streams to a client; a stream twice is once."""
        for stream in streams:
            subscriber.streams[stream] = None
            if is_carried(subscriber.route, stream):
                self._listeners.setdefault(stream, {})[subscriber] = None

    def unsubscribe(self, subscriber: Subscriber, streams: Iterable[str]) -> None:
        """Take streams from a client; one it never had is ignored."""
        for stream in tuple(streams):
            subscriber.streams.pop(stream, None)
            listeners = self._listeners.get(stream)
            if listeners is not None:
                listeners.pop(subscriber, None)
                if not listeners:
                    del self._listeners[stream]

    def forget(self, subscriber: Subscriber) -> None:
        """Drop a client that is gone."""
        self.unsubscribe(subscriber, tuple(subscriber.streams))
        self._owed.pop(subscriber, None)

    def wanted(self, stream: str) -> bool:
        """Whether anyone listens, so that nothing is encoded for nobody."""
        return stream in self._listeners

    def send(self, stream: str, payload: bytes) -> None:
        """Owe this JSON payload to all who listen to the stream. Nothing is written before ``flush``."""
        listeners = self._listeners.get(stream)
        if listeners is None:
            return
        plain = combined = b""
        for subscriber in listeners:
            if subscriber.combined:
                combined = combined or frame_text(b'{"stream":"%b","data":%b}' % (stream.encode(), payload))
                subscriber.pending.append(combined)
            else:
                plain = plain or frame_text(payload)
                subscriber.pending.append(plain)
            self._owed[subscriber] = None
        self.frames_sent += len(listeners)

    def flush(self) -> None:
        """Write what each client is owed, in one piece."""
        if not self._owed:
            return
        for subscriber in self._owed:
            subscriber.write(b"".join(subscriber.pending))
            subscriber.pending.clear()
        self._owed.clear()
