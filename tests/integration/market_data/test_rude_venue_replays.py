"""Old frames again, every frame twice, and services that count anew: nothing is said twice, and nothing of the past."""

from __future__ import annotations

import pytest

from seawall_proto import BookChanged, QuoteTicked, TradePrinted
from tests.worlds.fake_venue import until
from tests.worlds.rude_bybit import RudeBybit
from tests.worlds.rude_venue import RudeVenue
from tests.worlds.rude_world import BTC, ETH, feeding, hurry, in_each_style

STARTED = ["down", "syncing", "live"]
MOVES = 12  # of the market, that are told again


def told_before(venue: RudeVenue, ago: int) -> list[bytes]:
    """Return what the newest socket was told of some moves that lie so many moves back, as a new one would be."""
    market = venue.markets["BTCUSDT"]
    end = len(market.moves) - ago
    frames = venue.said("BTCUSDT", end - MOVES, end)
    if isinstance(venue, RudeBybit):
        depth = next(topic for topic in venue.newest.topics.values() if topic.kind == "depth")
        return [venue.snapshot(depth, market.moves[end - MOVES - 1]), *frames]
    return frames


@in_each_style
async def test_old_frames_on_a_new_socket_are_not_said_again(venue: RudeVenue, patch: pytest.MonkeyPatch) -> None:
    async with feeding(venue) as world:
        for count, ago in enumerate((1, 10), 1):
            await world.more(BookChanged, BTC, MOVES + ago + 1)
            venue.first = told_before(venue, ago)
            venue.newest.cut()
            await until(lambda count=count: world.fortunes(BTC).count("down") == count + 1 and world.is_live())
            for kind in (BookChanged, QuoteTicked, TradePrinted):
                await world.more(kind, BTC)
            await world.barred()


@in_each_style
async def test_old_frames_behind_the_newest_are_not_said_again(venue: RudeVenue, patch: pytest.MonkeyPatch) -> None:
    async with feeding(venue) as world:
        await world.more(BookChanged, BTC, MOVES + 6)
        for frame in told_before(venue, 5):
            venue.newest.send_now(frame)
        for kind in (BookChanged, QuoteTicked, TradePrinted):
            await world.more(kind, BTC)
        await world.barred()
        assert world.fortunes(BTC) == world.fortunes(ETH) == STARTED


@in_each_style
async def test_old_quotes_and_trades_after_a_reconnection_are_not_said_again(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    async with feeding(venue) as world:
        await world.more(BookChanged, BTC, MOVES + 4)
        old = [
            frame for frame in told_before(venue, 3) if b"ookTicker" in frame or b"rade" in frame or b"ook.1." in frame
        ]
        venue.lose("BTCUSDT", "quote", 10)
        venue.lose("BTCUSDT", "trade", 10)
        venue.newest.cut()
        await until(lambda: len(world.fortunes(BTC)) == 2 * len(STARTED))
        for frame in old:  # the first that come once the book is there
            venue.newest.send_now(frame)
        await world.more(QuoteTicked, BTC)
        await world.barred()


@in_each_style
async def test_whatever_comes_twice_is_said_once(venue: RudeVenue, patch: pytest.MonkeyPatch) -> None:
    venue.twice = True
    async with feeding(venue) as world:
        for kind in (BookChanged, QuoteTicked, TradePrinted):
            await world.more(kind, BTC, 10)
        await world.barred()
        assert world.fortunes(BTC) == world.fortunes(ETH) == STARTED


async def test_a_service_that_begins_anew_is_followed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    async with RudeBybit("BTCUSDT", "ETHUSDT") as venue, feeding(venue) as world:
        venue.restart("BTCUSDT")
        await world.more(BookChanged, BTC, 10)
        assert world.fortunes(BTC) == STARTED
        depth = next(topic for topic in venue.newest.topics.values() if topic.kind == "depth")
        assert venue.markets["BTCUSDT"].moves[-1].index - depth.base < 100  # it did count anew
        await world.barred()


async def test_a_service_that_begins_anew_without_a_snapshot_is_asked_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    async with RudeBybit("BTCUSDT", "ETHUSDT") as venue, feeding(venue) as world:
        venue.restart("BTCUSDT", has_snapshot=False)
        await until(lambda: world.fortunes(BTC) == [*STARTED, "stale", "live"])
        assert world.fortunes(ETH) == STARTED
        await world.barred()
