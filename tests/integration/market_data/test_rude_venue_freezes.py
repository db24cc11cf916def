"""Streams that say nothing any more while the connection answers every ping, and gaps in one symbol's numbers."""

from __future__ import annotations

import asyncio
import time

import pytest

from seawall_market_data import feed_pace
from seawall_proto import BarClosed, BookChanged, QuoteTicked, TradePrinted
from tests.worlds.fake_venue import until
from tests.worlds.rude_bybit import RudeBybit
from tests.worlds.rude_market import NS_PER_MS
from tests.worlds.rude_venue import RudeVenue
from tests.worlds.rude_world import BTC, ETH, STYLES, FeedWorld, feeding, hurry, in_each_style

STARTED = ["down", "syncing", "live"]
SHORTEST_MS = 400  # how long a silence must last at least; the usual gap is 20 ms
PACE = 20.0


@pytest.fixture(autouse=True)
def _alert(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_pace, "SHORTEST_NS", SHORTEST_MS * NS_PER_MS)
    monkeypatch.setattr(feed_pace, "TIMES_USUAL", 15)


async def at_its_pace(world: FeedWorld) -> None:
    """Wait until the usual pace of every feed is known."""
    await until(lambda: all(state.pace.usual_ms for state in world.states.values()))


@in_each_style
async def test_a_symbol_that_froze_is_stale_by_its_own_pace_and_comes_back_alone(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    async with feeding(venue) as world:
        await at_its_pace(world)
        venue.freeze("BTCUSDT")
        frozen_s = time.monotonic()
        await until(lambda: world.fortunes(BTC)[-1] == "stale")
        silence_s = time.monotonic() - frozen_s  # but for what had gone by since the last frame
        assert SHORTEST_MS / 1_000 - 0.1 < silence_s < 2.0  # and not the 5 s of an unknown pace
        assert "no frame for" in world.reasons(BTC, "stale")[0]
        await world.live()
        await world.more(QuoteTicked, BTC)
        await world.more(TradePrinted, BTC)
        await world.barred()
        assert world.fortunes(BTC) == [*STARTED, "stale", "live"], world.reasons(BTC, "stale")
        assert world.fortunes(ETH) == STARTED
        assert len(venue.every_socket) == 1


@in_each_style
async def test_bars_wait_for_a_symbol_that_froze_and_then_hold_all_that_was_traded(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    patch.setattr(feed_pace, "SHORTEST_NS", 1_600 * NS_PER_MS)
    async with feeding(venue) as world:
        await at_its_pace(world)
        venue.freeze("BTCUSDT")
        frozen_ns = venue.markets["BTCUSDT"].ts_ms * NS_PER_MS
        await until(lambda: world.fortunes(BTC)[-1] == "stale")
        assert all(bar.ts_open_ns <= frozen_ns for bar in world.all(BarClosed, BTC))  # nobody knows of later ones
        await world.live()
        await world.barred()


@in_each_style
async def test_symbols_that_only_paused_lose_nothing_by_being_subscribed_anew(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    async with feeding(venue) as world:
        await at_its_pace(world)
        for symbol in venue.markets:
            venue.freeze(symbol)
        await until(lambda: world.fortunes(BTC)[-1] == world.fortunes(ETH)[-1] == "stale")
        venue.thaw()
        # trades flow, and then end for as long as it takes to subscribe anew: that still waits for its turn
        await until(lambda: sum("subscribe" in text.lower() for _, text in venue.newest.heard) >= 12)
        await world.live()
        await world.more(TradePrinted, ETH, 20)
        await world.barred()


@in_each_style
async def test_when_every_symbol_froze_every_one_is_stale_and_comes_back(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    async with feeding(venue) as world:
        await at_its_pace(world)
        for symbol in venue.markets:
            venue.freeze(symbol)
        await until(lambda: world.fortunes(BTC)[-1] == world.fortunes(ETH)[-1] == "stale")
        await world.live()
        await world.barred()


@in_each_style
async def test_a_socket_on_which_subscribing_anew_does_not_help_is_replaced(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    async with feeding(venue) as world:
        await at_its_pace(world)
        venue.is_stuck = True  # what is frozen stays so until another socket comes
        venue.freeze("BTCUSDT")
        await until(lambda: len(venue.every_socket) == 2)
        await world.live()
        await world.barred()
        assert "did not come back" in world.reasons(ETH, "down")[-1]


@in_each_style
async def test_a_socket_on_which_nothing_comes_at_all_is_replaced(venue: RudeVenue, patch: pytest.MonkeyPatch) -> None:
    async with feeding(venue, rules={"idle_s": 0.5}, stale_after_ms=250) as world:
        await at_its_pace(world)
        venue.is_deaf = True
        for symbol in venue.markets:
            venue.freeze(symbol)
        await until(lambda: len(venue.every_socket) == 2)
        venue.is_deaf = False
        await world.live()
        await world.barred()
        assert "no frame for 0.5 s" in world.reasons(BTC, "down")[-1]


@in_each_style
async def test_a_book_that_froze_under_moving_quotes_is_stale_and_comes_back(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    async with feeding(venue) as world:
        await at_its_pace(world)
        venue.freeze("BTCUSDT", "depth")
        await until(lambda: world.fortunes(BTC)[-1] == "stale")
        assert "no depth for" in world.reasons(BTC, "stale")[0]
        await world.live()
        await world.more(BookChanged, BTC)
        await world.barred()
        assert world.fortunes(ETH) == STARTED


@in_each_style
async def test_a_gap_in_one_symbol_is_nobody_elses(venue: RudeVenue, patch: pytest.MonkeyPatch) -> None:
    async with feeding(venue) as world:
        for count in (1, 2, 3):
            venue.lose("BTCUSDT", "depth")
            await until(lambda count=count: world.fortunes(BTC) == [*STARTED, *["stale", "live"] * count])
        assert set(world.reasons(BTC, "stale")) == {"sequence gap"}
        await world.barred()
        assert world.fortunes(ETH) == STARTED
        assert len(venue.every_socket) == 1


async def test_a_trade_lost_on_its_way_is_said_all_the_same() -> None:
    """Where trades are numbered the next one tells; where not, a stream that loses a frame unseen is broken by TCP."""
    async with STYLES["binance"]("BTCUSDT") as venue, feeding(venue) as world:
        venue.lose("BTCUSDT", "trade")
        await world.more(TradePrinted, BTC, 5)
        await world.barred()


async def test_many_gaps_at_once_are_mended_within_the_pace_that_the_venue_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hurry(monkeypatch)
    monkeypatch.setattr("seawall_market_data.book_sync.RENEW_AGAIN_NS", 2_000 * NS_PER_MS)
    names = [f"C{number:02}USDT" for number in range(12)]
    async with RudeBybit(*names, every_s=0.05) as venue, feeding(venue, rules={"messages_per_s": PACE}) as world:
        for name in names[1:]:
            venue.lose(name, "depth")
        await until(lambda: all(world.fortunes(symbol) == [*STARTED, "stale", "live"] for symbol in world.symbols[1:]))
        assert world.fortunes(world.symbols[0]) == STARTED
        times = [at_s for at_s, text in venue.newest.heard if "ping" not in text]
        assert len(times) == 1 + 2 * len(names[1:]) + len(names) * 5 // 50
        busiest = max(sum(1 for other in times if at <= other < at + 0.5) for at in times)
        assert busiest <= PACE * 0.5 + 2  # a message may be late and the next one not
        await world.barred()
        await asyncio.sleep(0)
