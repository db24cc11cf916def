"""One socket takes over from another, well or badly: never a lost trade, one said twice, or a wrong book."""

from __future__ import annotations

import asyncio

import pytest

from seawall_proto import BookChanged, TradePrinted
from seawall_venues import feed_connection
from tests.worlds.fake_venue import until
from tests.worlds.rude_binance import RudeBinance
from tests.worlds.rude_bybit import RudeBybit
from tests.worlds.rude_venue import RudeVenue
from tests.worlds.rude_world import BTC, ETH, FeedWorld, at_once, feeding, hurry, in_each_style

STARTED = ["down", "syncing", "live"]
LIFE = {"lifetime_s": 0.6}
LATE_S = 0.6  # three times as long as both sockets are read


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


async def taken_over(world: FeedWorld, count: int) -> None:
    """Wait until so many sockets were opened and all but the last are closed, and bars are whole to now."""
    await until(lambda: len(world.venue.every_socket) > count, 8)
    await until(lambda: len(world.venue.sockets) == 1)
    for symbol in world.symbols:
        await world.more(BookChanged, symbol)
        await world.more(TradePrinted, symbol)
    await world.barred()


@in_each_style
async def test_sockets_that_replace_each_other_are_not_noticed(venue: RudeVenue, patch: pytest.MonkeyPatch) -> None:
    async with feeding(venue, rules=LIFE) as world:
        await taken_over(world, 3)
        assert world.fortunes(BTC) == world.fortunes(ETH) == STARTED


async def test_a_server_that_says_it_leaves_is_left_before_it_does() -> None:
    async with RudeBinance("BTCUSDT", "ETHUSDT") as venue, feeding(venue) as world:
        venue.newest.send_now(b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1700000000000}}')
        await taken_over(world, 1)
        assert world.fortunes(BTC) == world.fortunes(ETH) == STARTED


async def test_a_new_socket_whose_snapshot_is_of_the_past_leads_to_no_wrong_book() -> None:
    async def tell(counts_apart: bool) -> None:
        async with RudeBybit("BTCUSDT", "ETHUSDT") as venue:
            venue.counts_apart = counts_apart
            async with feeding(venue, rules=LIFE) as world:
                await world.more(BookChanged, BTC, 10)
                venue.snapshot_behind = 8
                await taken_over(world, 1)
                assert counts_apart or world.fortunes(BTC) == world.fortunes(ETH) == STARTED

    await at_once({"one count": tell(False), "a count of each server's own": tell(True)})


async def test_a_new_socket_whose_snapshot_comes_late_takes_over_only_then() -> None:
    async with RudeBybit("BTCUSDT", "ETHUSDT") as venue, feeding(venue, rules={"lifetime_s": 1.2}) as world:
        venue.subscribing_s = LATE_S
        await taken_over(world, 1)
        assert world.fortunes(BTC) == world.fortunes(ETH) == STARTED


async def test_an_old_socket_that_ends_before_the_new_one_is_subscribed_costs_no_trade() -> None:
    async with RudeBybit("BTCUSDT", "ETHUSDT") as venue, feeding(venue, rules={"lifetime_s": 1.2}) as world:
        venue.subscribing_s = LATE_S
        await until(lambda: len(venue.sockets) == 2 and venue.newest.heard)
        await asyncio.sleep(0.02)  # what was heard waits to be acted on
        venue.sockets[0].cut()
        venue.subscribing_s = 0.0
        await until(lambda: world.fortunes(BTC)[-1] == "down", LATE_S / 2)  # and not live on a book that stands still
        await world.live()
        await world.more(TradePrinted, BTC, 20)
        await world.barred()


@in_each_style
async def test_a_venue_that_lets_no_new_socket_in_is_read_on_the_old_one(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    async with feeding(venue, rules=LIFE) as world:
        venue.handshakes.extend([(503, {}), (429, {"Retry-After": "1"}), (500, {})])
        await until(lambda: len(venue.attempts) >= 4)
        assert not venue.handshakes
        await taken_over(world, 1)
        assert world.fortunes(BTC) == world.fortunes(ETH) == STARTED


@in_each_style
async def test_an_old_socket_that_lags_behind_the_new_one_leads_to_no_wrong_book(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    async with feeding(venue, rules=LIFE) as world:
        venue.newest.lag = 12  # frames; that is two moves of both markets
        await taken_over(world, 1)
        await world.live()


@in_each_style
async def test_a_feed_that_stops_while_two_sockets_are_open_leaves_none(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    patch.setattr(feed_connection, "OVERLAP_S", 30.0)
    async with feeding(venue, rules=LIFE):
        await until(lambda: len(venue.sockets) == 2)
