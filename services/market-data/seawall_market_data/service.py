"""What market-data listens to and what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seawall_proto import (
    ActivityBarClosed,
    BarClosed,
    BookChanged,
    FeedChanged,
    FundingPosted,
    InstrumentListed,
    QuoteTicked,
    TradePrinted,
)
from seawall_runtime.config import Config, MarketDataConfig
from seawall_runtime.service import Key, Service
from seawall_venues.feeds import FEEDS

from . import (
    on_bars_fetched,
    on_book_polled,
    on_connection_changed,
    on_frame_lost,
    on_frame_received,
    on_instrument_fetched,
    on_moment_passed,
    on_snapshot_fetched,
    on_subscription_refused,
    on_trades_fetched,
)
from .activity_bars import parse_spec
from .facts import (
    BarsFetched,
    BookPolled,
    ConnectionChanged,
    FrameLost,
    FrameReceived,
    InstrumentFetched,
    MomentPassed,
    SnapshotFetched,
    SubscriptionRefused,
    TradesFetched,
)
from .state import Market, Settings

NS_PER_MS = 1_000_000


def key_of(event: Any) -> Key:
    """Return the symbol's key: feeds know nothing of each other."""
    return event.venue, event.symbol


SERVICE = Service(
    name="market-data",
    on={
        FrameReceived: on_frame_received.decide,
        FrameLost: on_frame_lost.decide,
        MomentPassed: on_moment_passed.decide,
        ConnectionChanged: on_connection_changed.decide,
        SnapshotFetched: on_snapshot_fetched.decide,
        TradesFetched: on_trades_fetched.decide,
        BarsFetched: on_bars_fetched.decide,
        InstrumentFetched: on_instrument_fetched.decide,
        SubscriptionRefused: on_subscription_refused.decide,
        BookPolled: on_book_polled.decide,
    },
    sends=(
        TradePrinted,
        QuoteTicked,
        BookChanged,
        BarClosed,
        ActivityBarClosed,
        FundingPosted,
        FeedChanged,
        InstrumentListed,
    ),
    key=key_of,
)


def settings_of(config: MarketDataConfig) -> Settings:
    """Return the part of the configuration that decisions know."""
    return Settings(
        bar_interval_ns=config.bar_interval_ms * NS_PER_MS,
        book_levels=config.book_levels,
        book_every_ns=config.book_every_ms * NS_PER_MS,
        quote_every_ns=config.quote_every_ms * NS_PER_MS,
        stale_after_ns=config.stale_after_ms * NS_PER_MS,
        poll_after_ns=config.poll_after_ms * NS_PER_MS,
        poll_every_ns=config.poll_every_ms * NS_PER_MS,
        activity_bars=tuple(parse_spec(text) for text in config.activity_bars),
    )


def initial(config: Config) -> Callable[[Key], Market]:
    """Return the function that makes a symbol's first state."""
    settings = settings_of(config.market_data)

    def make(key: Key) -> Market:
        assert isinstance(key, tuple)
        venue, symbol = key
        return Market(FEEDS[venue].dialect, symbol, settings)

    return make
