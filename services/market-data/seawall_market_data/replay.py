"""A recording through the very decisions that market-data takes live, on the recording's own time.

The same recording gives the same events, byte by byte: nothing here looks at a clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import get_args
from urllib.parse import parse_qsl, urlsplit

import msgspec

from seawall_proto import Event
from seawall_venues.capture.line import Line
from seawall_venues.feed import Channel
from seawall_venues.feed_carrier import FeedCarrier, FeedLane
from seawall_venues.instruments import unlisted
from seawall_venues.port import Instrument, VenueError
from seawall_venues.wire import FeedOptions, FeedSpec, Plan

from .commands import FetchSnapshot, FetchTrades, NoteTrouble
from .facts import (
    ConnectionChanged,
    FeedFact,
    FrameLost,
    FrameReceived,
    InstrumentFetched,
    MomentPassed,
    SnapshotFetched,
    SubscriptionRefused,
    TradesFetched,
)
from .quote_check import conclude
from .service import SERVICE
from .state import Market, Settings

CHANNELS: tuple[Channel, ...] = get_args(Channel)
MOMENT_NS = 50_000_000
MAX_MOMENTS = 1_200  # a minute's worth in one go; a longer pause in a recording is no market's
UNTIMED_STEP_NS = 1_000_000  # between the frames of a recording without times


class FeedReplay:
    """Plays the lines of one venue's recordings; ``take`` returns what each line made market-data say."""

    def __init__(self, spec: FeedSpec, settings: Settings, options: FeedOptions | None = None) -> None:
        self.spec = spec
        self.states: dict[str, Market] = {}
        self.troubles: Counter[str] = Counter()
        self.details: list[str] = []
        self.frames = 0
        self.now_ns = 0
        self._settings = settings
        self._options = options or FeedOptions()
        self._instruments: dict[str, Instrument] = {}
        self._bodies: list[bytes] = []
        self._carriers: dict[str, FeedCarrier] = {}
        self._lanes: dict[str, FeedLane] = {}
        self._snapshots: dict[str, bytes] = {}
        self._wanted: dict[str, int] = {}
        self._said: list[Event] = []
        self._moment_ns = 0

    def learn(self, listings: Sequence[bytes]) -> None:
        """Take the venue's lists of instruments; a body that cannot be read tells nothing."""
        try:
            listed = self.spec.parse_instruments(listings)
        except VenueError as error:
            self.troubles["listing"] += 1
            self.details.append(str(error)[:200])
            return
        self._instruments = {instrument.venue_symbol: instrument for instrument in listed}

    def take(self, line: Line) -> list[Event]:
        """Play one line and return the events it set off."""
        self._said = []
        self._pass_time(line.ts_ns or self.now_ns + UNTIMED_STEP_NS)
        match line.kind:
            case "connect":
                self._lane(line)
            case "recv":
                self.frames += 1
                self._lane(line).frame(line.data, self.now_ns)
            case "end":
                self._end(line)
            case "http":
                self._body(line)
            case "send" | "header":
                pass  # what was asked for shows in what came
        return self._said

    def finish(self) -> None:
        """The recording ends: hold against the quotes what still waited for a later one."""
        for state in self.states.values():
            conclude(state)

    def on_frame(self, symbol: str, channel: Channel, payload: bytes, ts_received_ns: int) -> None:
        """Decide on a frame."""
        self._react(
            FrameReceived(
                venue=self.spec.venue, symbol=symbol, channel=channel, payload=payload, ts_received_ns=ts_received_ns
            )
        )

    def on_lost(self, symbol: str, channels: tuple[Channel, ...], reason: str, ts_received_ns: int) -> None:
        """Decide on a frame that nobody can read."""
        self._react(
            FrameLost(
                venue=self.spec.venue, symbol=symbol, channels=channels, reason=reason, ts_received_ns=ts_received_ns
            )
        )

    def on_connection(
        self, symbol: str, channels: tuple[Channel, ...], connected: bool, reason: str, ts_received_ns: int
    ) -> None:
        """Decide on a connection that came or went."""
        self._react(
            ConnectionChanged(
                venue=self.spec.venue,
                symbol=symbol,
                channels=channels,
                connected=connected,
                reason=reason,
                ts_received_ns=ts_received_ns,
            )
        )

    def on_refused(self, symbol: str, channel: Channel, reason: str, is_final: bool, ts_received_ns: int) -> None:
        """Decide on a subscription that the venue did not accept."""
        self._react(
            SubscriptionRefused(
                venue=self.spec.venue,
                symbol=symbol,
                channel=channel,
                reason=reason,
                is_final=is_final,
                ts_received_ns=ts_received_ns,
            )
        )

    def _react(self, fact: FeedFact) -> None:
        state = self._state(fact.symbol)
        _, said = SERVICE.on[type(fact)](state, fact)
        for item in said:
            if isinstance(item, Event):
                self._said.append(item)
            else:
                self._perform(state, item)

    def _perform(self, state: Market, command: msgspec.Struct) -> None:
        match command:
            case NoteTrouble():
                self.troubles[command.kind] += 1
                self.details.append(f"{command.symbol}: {command.kind}: {command.detail}"[:200])
            case FetchSnapshot():
                self._wanted[command.symbol] = command.request
                self._answer(state)
            case FetchTrades():
                self._react(
                    TradesFetched(
                        venue=command.venue,
                        symbol=command.symbol,
                        request=command.request,
                        payload=None,
                        ts_received_ns=self.now_ns,
                    )
                )
            case _:
                pass  # a recording cannot be asked: it goes on as it was

    def _answer(self, state: Market) -> None:
        """Give a book the recorded snapshot that it waits for, once there is one."""
        payload = self._snapshots.pop(state.symbol, None) if state.symbol in self._wanted else None
        if payload is not None:
            self._react(
                SnapshotFetched(
                    venue=state.venue,
                    symbol=state.symbol,
                    request=self._wanted.pop(state.symbol),
                    payload=payload,
                    ts_received_ns=self.now_ns,
                )
            )

    def _pass_time(self, ts_ns: int) -> None:
        """Let the moments between two lines pass; a recorder's clock that stands still or goes back is followed."""
        self.now_ns = ts_ns
        if not self._moment_ns or abs(ts_ns - self._moment_ns) > MAX_MOMENTS * MOMENT_NS:
            self._moment_ns = ts_ns
        while ts_ns - self._moment_ns >= MOMENT_NS:
            self._moment_ns += MOMENT_NS
            for symbol in self.states:
                self._react(MomentPassed(venue=self.spec.venue, symbol=symbol, ts_received_ns=self._moment_ns))

    def _lane(self, line: Line) -> FeedLane:
        lane = self._lanes.get(line.connection)
        if lane is None:
            carrier = self._carrier(line)
            is_first = carrier.newest is None
            lane = self._lanes[line.connection] = carrier.new_lane(self.now_ns)
            if is_first:
                carrier.connected(self.now_ns)
        return lane

    def _carrier(self, line: Line) -> FeedCarrier:
        name = line.address or line.connection
        if name not in self._carriers:
            whatever = Plan(line.address, (), ())
            self._carriers[name] = FeedCarrier(
                name,
                Plan(line.address, (), CHANNELS),
                lambda: self.spec.wire(whatever, self._options),
                self,
                follows_one_lane=self.spec.dialect.resync == "resubscription",
                on_stray=self._instrument,
            )
        return self._carriers[name]

    def _end(self, line: Line) -> None:
        carrier, lane = self._carrier(line), self._lanes.pop(line.connection, None)
        if lane is carrier.newest:
            carrier.disconnected(line.data.decode(errors="replace"), self.now_ns)
        else:
            carrier.taken_over(self.now_ns)

    def _instrument(self, venue_symbol: str) -> Instrument:
        return self._instruments.get(venue_symbol) or unlisted(self.spec.venue, venue_symbol)

    def _state(self, symbol: str) -> Market:
        state = self.states.get(symbol)
        if state is None:
            state = self.states[symbol] = Market(self.spec.dialect, symbol, self._settings)
            instrument = next((one for one in self._instruments.values() if one.symbol == symbol), None)
            self._react(
                InstrumentFetched(
                    venue=self.spec.venue,
                    symbol=symbol,
                    instrument=instrument or unlisted(self.spec.venue, symbol),
                    ts_received_ns=self.now_ns,
                )
            )
        return state

    def _body(self, line: Line) -> None:
        symbol = self._symbol_of(line)
        if symbol:
            self._snapshots[symbol] = line.data
            self._answer(self._state(symbol))

    def _symbol_of(self, line: Line) -> str:
        """Return whose book a recorded answer is, or an empty text."""
        if not line.address:  # stands among the frames of its only symbol
            return self._carrier(line).only_symbol
        return next((one.symbol for one in self._instruments.values() if _asks(self.spec, one, line.address)), "")


def _asks(spec: FeedSpec, instrument: Instrument, url: str) -> bool:
    """True where a URL is the request for this instrument's book."""
    request, parts = spec.snapshot_request(instrument), urlsplit(url)
    asked = dict(parse_qsl(parts.query))
    names = {key: value for key, value in request.params.items() if value.upper() == instrument.venue_symbol.upper()}
    return parts.path == request.path and all(
        asked.get(key, "").upper() == value.upper() for key, value in names.items()
    )
