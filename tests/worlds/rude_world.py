"""market-data's own feed of a rude venue, all it says, and whether that is the truth."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from itertools import pairwise
from typing import Any, TypeVar

import pytest

from seawall_market_data import book_sync, trade_line, venue_effects, venue_reads
from seawall_market_data.service import initial
from seawall_market_data.state import Market
from seawall_market_data.venue_effects import VenueFeed
from seawall_proto import (
    BarClosed,
    BookChanged,
    Event,
    FeedChanged,
    QuoteTicked,
    TradePrinted,
    encode,
)
from seawall_runtime.config import Config, MarketDataConfig, VenueConfig
from seawall_runtime.context import Context
from seawall_runtime.metrics import Metrics
from seawall_venues import feed_connection
from seawall_venues.feeds import FEEDS

from .fake_venue import until
from .rude_binance import RudeBinance
from .rude_bybit import RudeBybit
from .rude_market import NS_PER_MS, TrueBar
from .rude_venue import RudeVenue

BTC, ETH = "BTC-USDT-PERP", "ETH-USDT-PERP"
VENUE_SYMBOL = {BTC: "BTCUSDT", ETH: "ETHUSDT"}
STYLES: dict[str, type[RudeVenue]] = {"binance": RudeBinance, "bybit": RudeBybit}
BAR_MS = 100
LEVELS = 20
Kind = TypeVar("Kind", bound=Event)
Story = Callable[[RudeVenue, pytest.MonkeyPatch], Coroutine[Any, Any, None]]


class StandInBus:
    """Takes what is published, as the bus does: only what can be encoded."""

    def __init__(self) -> None:
        self.said: list[Event] = []
        self.connected = True

    def publish_nowait(self, event: Event, *, headers: dict[str, str] | None = None) -> bool:
        encode(event)
        self.said.append(event)
        return True


class Log:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, line: str, **_: Any) -> None:
        self.lines.append(line)


class FeedWorld:
    """One venue's feed at work."""

    def __init__(self, venue: RudeVenue, states: dict[str, Market], bus: StandInBus, log: Log) -> None:
        self.venue = venue
        self.states = states
        self.log = log
        self._bus = bus

    @property
    def said(self) -> list[Event]:
        """Everything published so far."""
        return self._bus.said

    def all(self, kind: type[Kind], symbol: str = "") -> list[Kind]:
        """Return everything of one kind, of one symbol or of all."""
        return [event for event in self.said if isinstance(event, kind) and (not symbol or event.symbol == symbol)]  # type: ignore[attr-defined]

    def fortunes(self, symbol: str) -> list[str]:
        """Return the states of a feed, each once."""
        states = [event.state for event in self.all(FeedChanged, symbol)]
        return [state for state, before in zip(states, ["", *states], strict=False) if state != before]

    def reasons(self, symbol: str, state: str) -> list[str]:
        """Return why a feed was in a state, each time."""
        return [event.reason for event in self.all(FeedChanged, symbol) if event.state == state]

    def is_live(self, *symbols: str) -> bool:
        """True where each of these feeds, or every feed, is live."""
        return all(self.fortunes(symbol)[-1:] == ["live"] for symbol in symbols or self.symbols)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The instruments of the venue, in our words."""
        return tuple(f"{symbol.removesuffix('USDT')}-USDT-PERP" for symbol in self.venue.markets)

    async def live(self, *symbols: str, timeout_s: float = 8.0) -> None:
        """Wait until these feeds, or all, are live."""
        await until(lambda: self.is_live(*symbols), timeout_s)

    async def more(self, kind: type[Event], symbol: str, count: int = 3, timeout_s: float = 5.0) -> None:
        """Wait until a kind of event was said some times more."""
        start = len(self.all(kind, symbol))
        await until(lambda: len(self.all(kind, symbol)) >= start + count, timeout_s)

    async def barred(self, *symbols: str, timeout_s: float = 8.0) -> None:
        """Wait until the bars of these symbols, or of all, have passed what is traded now."""
        now_ns = max(market.ts_ms for market in self.venue.markets.values()) * NS_PER_MS

        def reached() -> bool:
            bars = [self.all(BarClosed, symbol) for symbol in symbols or self.symbols]
            return all(some and some[-1].ts_close_ns > now_ns for some in bars)

        await until(reached, timeout_s)

    def assert_true(self, *, has_holes: bool = False) -> None:
        """Whatever was said is the venue's own truth, once and in its order; without holes, it is all of it."""
        for symbol in self.symbols:
            self._assert_books(symbol)
            self._assert_trades(symbol, has_holes=has_holes)
            self._assert_bars(symbol, has_holes=has_holes)

    def _assert_books(self, symbol: str) -> None:
        market = self.venue.markets[f"{symbol.split('-')[0]}USDT"]
        newest: dict[tuple[type[Event], bool], int] = {}
        state, is_again = "", False  # after a change of state the book is said again, for those that dropped it
        for event in self.said:
            if isinstance(event, FeedChanged) and event.symbol == symbol:
                is_again, state = event.state != state or is_again, event.state
            if not isinstance(event, BookChanged | QuoteTicked) or event.symbol != symbol:
                continue
            is_book = isinstance(event, BookChanged)
            bids, asks = market.top(event.update_id, LEVELS if is_book else 1)
            if isinstance(event, BookChanged):
                assert (event.bids, event.asks) == (bids, asks), f"a wrong book at {event.update_id}"
            else:
                quoted = ((event.bid_price, event.bid_quantity),), ((event.ask_price, event.ask_quantity),)
                assert quoted == (bids, asks), f"a wrong quote at {event.update_id}"
            assert event.polled == (state != "live"), f"{event.id} while {state}"
            key = type(event), event.polled
            is_repeat = event.update_id == newest.get(key) and not event.polled and not is_again
            assert not is_repeat, f"{event.id} twice"
            is_again = False
            last = max(newest.get((type(event), True), 0), newest.get((type(event), False), 0))
            assert event.update_id >= last, f"{event.id} is older than what was said before"
            newest[key] = event.update_id

    def _assert_trades(self, symbol: str, *, has_holes: bool) -> None:
        market = self.venue.markets[f"{symbol.split('-')[0]}USDT"]
        told = {
            (trade.name if self.venue.venue.startswith("bybit") else str(trade.number)): trade
            for trade in market.trades
        }
        numbers = []
        for event in self.all(TradePrinted, symbol):
            truth = told[event.trade_id]
            assert (event.price, event.quantity) == (truth.price / 10, truth.lots / 1_000)
            assert event.ts_venue_ns == truth.ts_ms * NS_PER_MS
            assert event.aggressor == ("buy" if truth.is_buy else "sell")
            numbers.append(truth.number)
        twice = (
            {number for number in numbers if numbers.count(number) > 1} if len(set(numbers)) < len(numbers) else set()
        )
        assert not twice, f"trades of {symbol} said twice: {sorted(twice)}"
        lost = set(range(min(numbers), max(numbers) + 1)).difference(numbers) if numbers else set()
        assert has_holes or not lost, f"{len(lost)} trades of {symbol} never said, from {min(lost)} to {max(lost)}"

    def _assert_bars(self, symbol: str, *, has_holes: bool) -> None:
        market = self.venue.markets[f"{symbol.split('-')[0]}USDT"]
        bars = self.all(BarClosed, symbol)
        assert len({bar.id for bar in bars}) == len(bars), f"a bar of {symbol} twice"
        for before, bar in pairwise(bars):
            is_next = bar.ts_open_ns == before.ts_close_ns
            assert is_next or (has_holes and bar.ts_open_ns > before.ts_close_ns), (
                f"no bar of {symbol} between {before.id} and {bar.id}"
            )
        for bar in bars:
            truth = market.bar(bar.ts_open_ns, bar.ts_close_ns)
            figures = TrueBar(
                bar.open, bar.high, bar.low, bar.close, bar.volume, bar.quote_volume, bar.buy_volume, bar.trade_count
            )
            assert figures == truth, f"a wrong bar: {bar.id}, repaired {bar.repaired}: {figures}, in truth {truth}"


@contextlib.asynccontextmanager
async def feeding(
    venue: RudeVenue,
    *,
    rules: dict[str, Any] | None = None,
    wait: bool = True,
    has_holes: bool = False,
    **market_data: Any,
) -> AsyncIterator[FeedWorld]:
    """Run market-data's feed of the venue; at the end whatever it said must have been true."""
    spec = FEEDS[venue.venue]
    symbols = tuple(f"{symbol.removesuffix('USDT')}-USDT-PERP" for symbol in venue.markets)
    config = VenueConfig(
        name=spec.venue,  # type: ignore[arg-type]
        account="test",
        rest_url=venue.rest_url,
        websocket_url=venue.websocket_url,
        symbols=symbols,
        data_only=True,
    )
    settings = {"bar_interval_ms": BAR_MS, "book_every_ms": 1, "poll_after_ms": 300, "poll_every_ms": 200}
    whole = Config(venues=(config,), market_data=MarketDataConfig(**{**settings, **market_data}))
    bus, log = StandInBus(), Log()
    parts: Any = {"bus": bus, "log": log, "metrics": Metrics("market-data"), "inbox": None}
    context = Context(service="market-data", instance="test", config=whole, **parts)
    make = initial(whole)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(
            FEEDS, spec.venue, dataclasses.replace(spec, rules=dataclasses.replace(spec.rules, **(rules or {})))
        )
        states = {symbol: make((spec.venue, symbol)) for symbol in symbols}
        feed = VenueFeed(context, config, states)
    world = FeedWorld(venue, states, bus, log)
    starting = asyncio.create_task(feed.start())
    try:
        if wait:
            await world.live()
            await world.barred()
        yield world
        if context.failure.done():
            raise context.failure.result()
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await feed.stop()
    await until(lambda: not venue.sockets)
    world.assert_true(has_holes=has_holes)


async def at_once(stories: Mapping[str, Coroutine[Any, Any, None]]) -> None:
    """Let several stories happen side by side, for most of each is waiting; say in which one something was wrong."""
    results = await asyncio.gather(*stories.values(), return_exceptions=True)
    for name, result in zip(stories, results, strict=True):
        if isinstance(result, BaseException):
            result.add_note(f"while told of {name}")
            raise result


def in_each_style(story: Story) -> Callable[[pytest.MonkeyPatch], Coroutine[Any, Any, None]]:
    """Make a test of a story about a venue of two symbols: it is told in every style."""

    async def tell(style: type[RudeVenue], patch: pytest.MonkeyPatch) -> None:
        async with style("BTCUSDT", "ETHUSDT") as venue:
            await story(venue, patch)

    async def told(monkeypatch: pytest.MonkeyPatch) -> None:
        hurry(monkeypatch)
        await at_once({name: tell(style, monkeypatch) for name, style in STYLES.items()})

    told.__name__, told.__doc__ = story.__name__, story.__doc__
    return told


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Shorten every pause of the feed, so that a test takes a second and not a minute."""
    patch.setattr(feed_connection, "FIRST_BACKOFF_S", 0.03)
    patch.setattr(feed_connection, "LAST_BACKOFF_S", 0.2)
    patch.setattr(feed_connection, "LOOK_EVERY_S", 0.02)
    patch.setattr(feed_connection, "OVERLAP_S", 0.2)
    patch.setattr(venue_effects, "RENEWED_S", 0.1)
    patch.setattr(venue_reads, "FIRST_PAUSE_S", 0.03)
    patch.setattr(venue_reads, "LAST_PAUSE_S", 0.2)
    patch.setattr(trade_line, "MAX_UNANSWERED", 40)  # as long in pauses that are so much shorter
    patch.setattr(book_sync, "RENEW_AGAIN_NS", 300 * NS_PER_MS)
