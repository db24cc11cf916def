"""One symbol's decisions of market-data driven by facts, for stories about its feed."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from seawall_market_data.commands import FetchSnapshot, FetchTrades, NoteTrouble
from seawall_market_data.facts import (
    BarsFetched,
    ConnectionChanged,
    FeedFact,
    FrameReceived,
    MomentPassed,
    SnapshotFetched,
    TradesFetched,
)
from seawall_market_data.service import SERVICE, settings_of
from seawall_market_data.state import Market
from seawall_proto import Event, FeedChanged
from seawall_runtime.config import MarketDataConfig
from seawall_venues.feed import Channel
from seawall_venues.feeds import FEEDS
from seawall_venues.instruments import unlisted

VENUE, SYMBOL, VENUE_SYMBOL = "binance-usdm", "BTC-USDT-PERP", "BTCUSDT"
MS = 1_000_000
CHANNEL: dict[str, Channel] = {"depth": "depth", "bookTicker": "quote", "trade": "trade", "markPrice": "funding"}
Kind = TypeVar("Kind", bound=msgspec.Struct)


class FeedStory:
    """A symbol's state, the time of its last fact, and everything that was said."""

    def __init__(self, *, connect: bool = True, **config: int) -> None:
        settings = settings_of(MarketDataConfig(**{"bar_interval_ms": 1_000, "book_every_ms": 1, **config}))
        self.state = Market(FEEDS[VENUE].dialect, SYMBOL, settings)
        self.state.instrument = unlisted(VENUE, VENUE_SYMBOL, SYMBOL)
        self.said: list[msgspec.Struct] = []
        self.now_ns = 1_700_000_000_000 * MS
        if connect:
            self.connect()

    def tell(self, fact: FeedFact) -> list[msgspec.Struct]:
        """Decide on a fact; events without id, time or causes where they must have them are a failure."""
        self.now_ns = fact.ts_received_ns
        _, said = SERVICE.on[type(fact)](self.state, fact)
        for item in said:
            if isinstance(item, Event):
                assert type(item) in SERVICE.sends
                assert item.id.startswith(f"{VENUE}.{SYMBOL}.")
                assert item.ts_received_ns > 0
        self.said += said
        return list(said)

    def connect(self, connected: bool = True, channels: tuple[Channel, ...] = ("depth", "quote", "trade")) -> None:
        """Let the connection come or go."""
        reason = "connected" if connected else "gone"
        self.tell(
            ConnectionChanged(
                venue=VENUE,
                symbol=SYMBOL,
                channels=channels,
                connected=connected,
                reason=reason,
                ts_received_ns=self.now_ns,
            )
        )

    def frame(self, payload: bytes, channel: str = "", after_ms: float = 0) -> list[msgspec.Struct]:
        """Let a frame arrive."""
        name = channel or CHANNEL[payload[11 : payload.index(b'"', 11)].split(b"@")[1].decode()]
        return self.tell(
            FrameReceived(
                venue=VENUE,
                symbol=SYMBOL,
                channel=msgspec.convert(name, type=Channel),
                payload=payload,
                ts_received_ns=self.now_ns + int(after_ms * MS),
            )
        )

    def snapshot(self, payload: bytes, request: int | None = None) -> list[msgspec.Struct]:
        """Answer the last FetchSnapshot, or the one named."""
        number = self.last(FetchSnapshot).request if request is None else request
        return self.tell(
            SnapshotFetched(
                venue=VENUE, symbol=SYMBOL, request=number, payload=payload, ts_received_ns=self.now_ns + MS
            )
        )

    def trades(self, payload: bytes | None) -> list[msgspec.Struct]:
        """Answer the last FetchTrades."""
        number = self.last(FetchTrades).request
        return self.tell(
            TradesFetched(venue=VENUE, symbol=SYMBOL, request=number, payload=payload, ts_received_ns=self.now_ns + MS)
        )

    def candles(self, payload: bytes) -> list[msgspec.Struct]:
        """Answer FetchBars."""
        return self.tell(
            BarsFetched(
                venue=VENUE,
                symbol=SYMBOL,
                interval_ms=self.state.settings.bar_interval_ns // MS,
                payload=payload,
                ts_received_ns=self.now_ns + MS,
            )
        )

    def wait(self, milliseconds: float) -> list[msgspec.Struct]:
        """Let time go by, and say so once."""
        return self.tell(MomentPassed(venue=VENUE, symbol=SYMBOL, ts_received_ns=self.now_ns + int(milliseconds * MS)))

    def all(self, kind: type[Kind]) -> list[Kind]:
        """Return everything of one kind that was said."""
        return [item for item in self.said if isinstance(item, kind)]

    def last(self, kind: type[Kind]) -> Kind:
        """Return the last of one kind."""
        return self.all(kind)[-1]

    def feeds(self) -> list[str]:
        """Return the states the feed went through."""
        return [event.state for event in self.all(FeedChanged)]

    def troubles(self) -> list[str]:
        """Return what was noted as wrong."""
        return [note.kind for note in self.all(NoteTrouble)]
