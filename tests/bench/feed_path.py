"""Our own path from a frame to events: the carrier tells frames apart, market-data decides. Nothing waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import get_args

import msgspec

from seawall_market_data.commands import FetchSnapshot, FetchTrades, NoteTrouble
from seawall_market_data.facts import (
    ConnectionChanged,
    FeedFact,
    FrameLost,
    FrameReceived,
    InstrumentFetched,
    MomentPassed,
    SnapshotFetched,
    TradesFetched,
)
from seawall_market_data.service import SERVICE, settings_of
from seawall_market_data.state import Market
from seawall_market_data.venue_effects import TICKS
from seawall_proto import Event
from seawall_runtime.config import MarketDataConfig
from seawall_venues.feed import Channel
from seawall_venues.feed_carrier import FeedCarrier
from seawall_venues.port import Instrument
from seawall_venues.wire import FeedOptions, FeedSpec, Plan

CHANNELS: tuple[Channel, ...] = get_args(Channel)
SETTINGS = settings_of(MarketDataConfig(book_every_ms=1))  # so that every depth frame says a book


class FeedPath:
    """One venue's frames into decisions, as a live feed does it; counts what is said."""

    def __init__(self, spec: FeedSpec, instruments: Mapping[str, Instrument], snapshots: Mapping[str, bytes]) -> None:
        self.spec = spec
        self.states: dict[str, Market] = {}
        self.events = 0
        self.best = (0.0, 0.0)
        self.troubles: Counter[str] = Counter()
        self._snapshots = snapshots
        self._instruments = {instrument.symbol: instrument for instrument in instruments.values()}
        carrier = FeedCarrier(
            "bench",
            Plan("", (), CHANNELS),
            lambda: spec.wire(Plan("", (), ()), FeedOptions()),
            self,
            follows_one_lane=spec.dialect.resync == "resubscription",
            on_stray=instruments.get,
        )
        self.lane = carrier.new_lane(0)

    def on_frame(self, symbol: str, channel: Channel, payload: bytes, ts_received_ns: int) -> None:
        """Decide on a frame; after a depth frame look at the top of the book."""
        state = self.states[symbol]
        self._react(
            state,
            FrameReceived(
                venue=state.venue, symbol=symbol, channel=channel, payload=payload, ts_received_ns=ts_received_ns
            ),
        )
        if channel == "depth":
            levels = state.book.levels
            self.best = levels.bids.best(), levels.asks.best()

    def on_lost(self, symbol: str, channels: tuple[Channel, ...], reason: str, ts_received_ns: int) -> None:
        """Decide on a frame that nobody can read."""
        fact = FrameLost(
            venue=self.spec.venue, symbol=symbol, channels=channels, reason=reason, ts_received_ns=ts_received_ns
        )
        self._react(self.states[symbol], fact)

    def on_connection(
        self, symbol: str, channels: tuple[Channel, ...], connected: bool, reason: str, ts_received_ns: int
    ) -> None:
        """Begin with a symbol."""
        venue = self.spec.venue
        state = self.states[symbol] = Market(self.spec.dialect, symbol, SETTINGS)
        instrument = self._instruments[symbol]
        self._react(
            state, InstrumentFetched(venue=venue, symbol=symbol, instrument=instrument, ts_received_ns=ts_received_ns)
        )
        self._react(
            state,
            ConnectionChanged(
                venue=venue,
                symbol=symbol,
                channels=channels,
                connected=connected,
                reason=reason,
                ts_received_ns=ts_received_ns,
            ),
        )

    def on_refused(self, symbol: str, channel: Channel, reason: str, is_final: bool, ts_received_ns: int) -> None:
        """Nothing is subscribed here."""
        raise AssertionError(f"{channel} of {symbol}: {reason}")

    def pass_time(self, ts_received_ns: int) -> None:
        """Tell every symbol that time went by."""
        for symbol, state in self.states.items():
            self._react(state, MomentPassed(venue=self.spec.venue, symbol=symbol, ts_received_ns=ts_received_ns))

    def know_everything(self) -> None:
        """Take what is known of the books for all there is.

        There is one snapshot, and what lies beyond it would be asked for again and again.
        """
        for state in self.states.values():
            levels = state.book.levels
            levels.bids.edge, levels.asks.edge = levels.bids.UNBOUNDED, levels.asks.UNBOUNDED

    def trust(self) -> None:
        """Let quotes and trades be said where no depth frames make the feed live."""
        for state in self.states.values():
            state.feed = "live"

    def _react(self, state: Market, fact: FeedFact) -> None:
        _, said = SERVICE.on[type(fact)](state, fact)
        for item in said:
            if type(item) in TICKS or isinstance(item, Event):
                self.events += 1
            else:
                self._perform(state, item, fact.ts_received_ns)

    def _perform(self, state: Market, command: msgspec.Struct, ts_received_ns: int) -> None:
        venue, symbol = state.venue, state.symbol
        match command:
            case NoteTrouble():
                self.troubles[f"{command.kind}: {command.detail}"[:120]] += 1
            case FetchSnapshot() if symbol in self._snapshots:
                answer = SnapshotFetched(
                    venue=venue,
                    symbol=symbol,
                    request=command.request,
                    payload=self._snapshots[symbol],
                    ts_received_ns=ts_received_ns,
                )
                self._react(state, answer)
            case FetchTrades():
                nothing = TradesFetched(
                    venue=venue, symbol=symbol, request=command.request, payload=None, ts_received_ns=ts_received_ns
                )
                self._react(state, nothing)
            case _:
                pass
