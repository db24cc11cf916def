"""One connection of a plan, over all its sockets: tells frames apart and passes them on. No I/O.

While a socket takes over from another, both are read. A book whose snapshot comes on the stream then
follows one of them only: the new one from its first message, which is the snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from .feed import Channel
from .port import Instrument
from .wire import Broken, Leaving, Notice, Plan, Refused, Stray, Wire


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

    def on_refused(self, symbol: str, channel: Channel, reason: str, is_final: bool, ts_received_ns: int) -> None:
        """The venue refused the subscription; where that is not final, asking again may help."""


class Tap(Protocol):
    """Who writes down what passes the sockets, byte by byte."""

    def opened(self, connection: str, url: str, ts_ns: int) -> None:
        """A socket was opened."""

    def sent(self, connection: str, url: str, message: str, ts_ns: int) -> None:
        """A message left."""

    def received(self, connection: str, url: str, payload: bytes, ts_ns: int) -> None:
        """A frame came."""

    def ended(self, connection: str, url: str, reason: str, ts_ns: int) -> None:
        """A connection was lost."""

    def fetched(self, url: str, body: bytes, ts_ns: int) -> None:
        """A read was answered."""


class FeedCarrier:
    """What is known of one connection, and who is told of it.

    ``follows_one_lane`` is for books whose snapshot comes on the stream. ``on_stray`` may name the
    instrument of a frame that the plan does not: a replay learns its instruments so.
    """

    def __init__(
        self,
        name: str,
        plan: Plan,
        new_wire: Callable[[], Wire],
        listener: FeedListener,
        *,
        follows_one_lane: bool,
        on_stray: Callable[[str], Instrument | None] | None = None,
        tap: Tap | None = None,
    ) -> None:
        self.name = name
        self.url = plan.url
        self.listener = listener
        self.tap = tap
        self.newest: FeedLane | None = None
        self.moved: set[str] | None = None  # symbols whose book follows the newest lane; None while there is one lane
        self.fault = ""  # why the connection must be replaced, once that is so
        self._channels = plan.channels
        self._symbols = [instrument.symbol for instrument in plan.instruments]
        self._new_wire = new_wire
        self._follows_one_lane = follows_one_lane
        self._on_stray = on_stray
        self._sockets = 0

    @property
    def only_symbol(self) -> str:
        """The symbol of a connection that carries one; an empty text where it carries none or several."""
        return self._symbols[0] if len(self._symbols) == 1 else ""

    @property
    def has_moved(self) -> bool:
        """True once the book of every symbol follows the newest lane, or where books follow none alone."""
        return self.moved is None or "depth" not in self._channels or len(self.moved) >= len(self._symbols)

    def carries(self, symbol: str, channel: Channel) -> bool:
        """True where this connection is the one for the symbol's channel."""
        return symbol in self._symbols and channel in self._channels

    def new_lane(self, ts_ns: int) -> FeedLane:
        """Return the lane of a new socket; an older one goes on until ``taken_over``."""
        self._sockets += 1
        lane = FeedLane(self, self._new_wire(), f"{self.name}.{self._sockets}")
        self.moved = set() if self.newest is not None and self._follows_one_lane else None
        self.newest, self.fault = lane, ""
        if self.tap is not None:
            self.tap.opened(lane.name, self.url, ts_ns)
        return lane

    def connected(self, ts_received_ns: int) -> None:
        """Tell every symbol that frames come from now on."""
        self._tell(self._symbols, True, "connected", ts_received_ns)

    def disconnected(self, reason: str, ts_received_ns: int) -> None:
        """Tell every symbol that frames may be missing."""
        if self.tap is not None and self.newest is not None:
            self.tap.ended(self.newest.name, self.url, reason, ts_received_ns)
        self.newest, self.moved = None, None
        self._tell(self._symbols, False, reason, ts_received_ns)

    def taken_over(self, ts_received_ns: int) -> None:
        """Read the newest lane only; what the other one still had to bring is not heard of any more."""
        self.moved = None
        for symbol in self._symbols:
            self.tell_trades(symbol, "taken over", ts_received_ns)

    def tell_trades(self, symbol: str, reason: str, ts_received_ns: int) -> None:
        """Tell that a symbol's trades come from another lane now: where two are read one may lag behind the other."""
        if "trade" in self._channels:
            self.listener.on_connection(symbol, ("trade",), True, reason, ts_received_ns)

    def heed(self, lane: FeedLane, notice: Notice, payload: bytes, ts_received_ns: int) -> str:
        """Pass on what the venue says beside its data; return why to replace the socket, or an empty text."""
        match notice:
            case Broken(reason):
                for symbol in self._symbols:
                    self.listener.on_lost(symbol, self._channels, reason, ts_received_ns)
            case Refused(routes, code, reason, is_final):
                words = f"refused: {code} {reason}"[:200]
                self.fault = self.fault or ("" if routes else words)
                for route in routes:
                    self.listener.on_refused(route.symbol, route.channel, words, is_final, ts_received_ns)
            case Leaving(reason):
                return reason
            case Stray(venue_symbol):
                return self._adopt(lane, venue_symbol, payload, ts_received_ns)
        return ""

    def _adopt(self, lane: FeedLane, venue_symbol: str, payload: bytes, ts_received_ns: int) -> str:
        instrument = self._on_stray(venue_symbol) if self._on_stray is not None else None
        if instrument is None:
            return ""
        lane.wire.add(instrument)
        if instrument.symbol not in self._symbols:
            self._symbols.append(instrument.symbol)
            self._tell((instrument.symbol,), True, "connected", ts_received_ns)
        return lane.pass_on(payload, ts_received_ns)

    def _tell(self, symbols: Iterable[str], connected: bool, reason: str, ts_received_ns: int) -> None:
        for symbol in symbols:
            self.listener.on_connection(symbol, self._channels, connected, reason, ts_received_ns)


class FeedLane:
    """One socket's conversation."""

    def __init__(self, carrier: FeedCarrier, wire: Wire, name: str) -> None:
        self.wire = wire
        self.name = name
        self._carrier = carrier
        self._listener = carrier.listener
        self._tap = carrier.tap

    def opening(self) -> Sequence[str]:
        """Return what to send first."""
        return self.wire.opening()

    def sent(self, message: str, ts_sent_ns: int) -> None:
        """A message left."""
        if self._tap is not None:
            self._tap.sent(self.name, self._carrier.url, message, ts_sent_ns)

    def frame(self, payload: bytes, ts_received_ns: int) -> str:
        """Take a frame; return why this socket must be replaced, or an empty text."""
        if self._tap is not None:
            self._tap.received(self.name, self._carrier.url, payload, ts_received_ns)
        taken = self.wire.take(payload)
        if not isinstance(taken, tuple):
            return self._carrier.heed(self, taken, payload, ts_received_ns)
        moved = self._carrier.moved
        for symbol, channel in taken:
            if moved is None or channel != "depth" or self._may_pass(symbol, moved, ts_received_ns):
                self._listener.on_frame(symbol, channel, payload, ts_received_ns)
        return ""

    def pass_on(self, payload: bytes, ts_received_ns: int) -> str:
        """Take a frame once more, after its instrument became known."""
        taken = self.wire.take(payload)
        if isinstance(taken, tuple):
            for symbol, channel in taken:
                self._listener.on_frame(symbol, channel, payload, ts_received_ns)
        return ""

    def _may_pass(self, symbol: str, moved: set[str], ts_received_ns: int) -> bool:
        """While two sockets are read: whether the book of this symbol follows this one."""
        if self is not self._carrier.newest:
            return symbol not in moved
        if symbol not in moved:
            moved.add(symbol)
            self._carrier.tell_trades(symbol, "taking over", ts_received_ns)
        return True
