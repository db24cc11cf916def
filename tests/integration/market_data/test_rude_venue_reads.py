"""REST that denies, fails, hangs, lies or lags, just when a book or trades must be found again."""

from __future__ import annotations

import asyncio

import pytest

from seawall_proto import BookChanged
from seawall_venues import feed_rest
from tests.worlds.fake_venue import until
from tests.worlds.rude_binance import RudeBinance
from tests.worlds.rude_venue import HANG, Answer, RudeVenue
from tests.worlds.rude_world import BTC, ETH, STYLES, FeedWorld, at_once, feeding, hurry, in_each_style

STARTED = ["down", "syncing", "live"]
DEPTH = "/fapi/v1/depth"
TRADES = {"binance-usdm": "/fapi/v1/trades", "bybit-linear": "/v5/market/recent-trade"}
ASKED_S = 1  # the least that Retry-After can say
BROKEN = {
    "500": Answer(500, b"internal"),
    "no JSON": Answer(200, b"<html>maintenance</html>"),
    "truncated": Answer(200, b'{"lastUpdateId":1000005,"bids":[["600'),
    "of another kind": Answer(200, b'{"retCode":0,"result":{}}'),
    "cut": Answer(sent=40),
    "hangs": HANG,
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    monkeypatch.setattr(feed_rest, "TIMEOUT_S", 0.3)


def asked(venue: RudeVenue, path: str) -> int:
    return sum(one.path == path for one in venue.asked)


async def denied_once(venue: RudeVenue, path: str, status: int) -> None:
    """Deny the next read of a path, and see that nothing at all is asked until the venue's time has passed."""
    start = len(venue.asked)
    venue.answers[path] = Answer(status, b"denied", {"Retry-After": str(ASKED_S)})
    await until(lambda: any(one.path == path for one in venue.asked[start:]))
    first = next(one for one in venue.asked[start:] if one.path == path)
    await asyncio.sleep(0.05)  # what was under way is answered
    venue.answers.clear()
    count = len(venue.asked)
    await until(lambda: len(venue.asked) > count, 4)
    assert venue.asked[count].at_s - first.at_s >= ASKED_S, f"{status}: {venue.asked[count].path} was asked too soon"


async def test_a_snapshot_denied_is_asked_for_again_when_the_venue_says_and_not_before() -> None:
    async def tell(status: int) -> None:
        async with RudeBinance("BTCUSDT", "ETHUSDT") as venue, feeding(venue) as world:
            venue.lose("BTCUSDT", "depth")
            await denied_once(venue, DEPTH, status)
            await world.live()
            await world.barred()
            assert world.fortunes(BTC) == [*STARTED, "stale", "live"]
            assert world.fortunes(ETH) == STARTED

    await at_once({str(status): tell(status) for status in (429, 418, 403, 503)})


@pytest.mark.parametrize("style", STYLES)
async def test_trades_denied_after_a_break_are_said_once_the_venue_allows(style: str) -> None:
    async def tell(status: int) -> None:
        async with STYLES[style]("BTCUSDT", "ETHUSDT") as venue, feeding(venue, poll_after_ms=60_000) as world:
            venue.newest.cut()
            await denied_once(venue, TRADES[venue.venue], status)
            await world.live()
            await world.barred()

    await at_once({str(status): tell(status) for status in (429, 418, 403, 503)})


async def test_a_snapshot_that_is_none_is_asked_for_again_until_it_is_one() -> None:
    async with RudeBinance("BTCUSDT", "ETHUSDT") as venue, feeding(venue, poll_after_ms=60_000) as world:
        for count, (name, answer) in enumerate(BROKEN.items(), 1):
            start = asked(venue, DEPTH)
            venue.answers[DEPTH] = answer
            venue.lose("BTCUSDT", "depth")
            await until(lambda start=start: asked(venue, DEPTH) >= start + 2)
            assert world.fortunes(BTC)[-1] == "stale", name
            venue.answers.clear()
            await until(lambda count=count: world.fortunes(BTC) == [*STARTED, *["stale", "live"] * count])
        await world.barred()
        assert world.fortunes(ETH) == STARTED


@in_each_style
async def test_a_list_of_trades_that_is_none_is_asked_for_again_until_it_is_one(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    path = TRADES[venue.venue]
    async with feeding(venue, poll_after_ms=60_000) as world:
        for name, answer in BROKEN.items():
            start = asked(venue, path)
            venue.answers[path] = answer
            venue.newest.cut()
            await until(lambda start=start: asked(venue, path) >= start + 3)
            venue.answers.clear()
            await world.live()
            await world.barred()
            assert world.is_live(), name


async def test_a_snapshot_older_than_the_stream_is_never_taken() -> None:
    async with RudeBinance("BTCUSDT", "ETHUSDT") as venue, feeding(venue, poll_after_ms=60_000) as world:
        await world.more(BookChanged, BTC, 10)
        venue.snapshot_behind = 8
        start = asked(venue, DEPTH)
        venue.lose("BTCUSDT", "depth")
        # each one is older than the first update since the gap, until as many moves have gone by
        await until(lambda: asked(venue, DEPTH) >= start + 3)
        await world.live()
        await world.barred()
        assert world.fortunes(BTC) == [*STARTED, "stale", "live"]


async def test_a_venue_whose_snapshots_always_lag_is_never_live_and_says_so() -> None:
    async with RudeBinance("BTCUSDT", "ETHUSDT", every_s=0.005) as venue, feeding(venue, poll_after_ms=60_000) as world:
        venue.answers[DEPTH] = Answer(200, stale_snapshot(venue))
        start = asked(venue, DEPTH)
        venue.lose("BTCUSDT", "depth")
        await until(lambda: asked(venue, DEPTH) >= start + 6)
        assert world.fortunes(BTC) == [*STARTED, "stale"]
        venue.answers.clear()
        await world.live()
        await world.barred()


def stale_snapshot(venue: RudeBinance) -> bytes:
    """Return a whole and valid book of the past."""
    return venue.snapshot_of(venue.markets["BTCUSDT"], venue.markets["BTCUSDT"].moves[-3])


@in_each_style
async def test_reads_that_fail_at_the_start_are_repeated_until_the_feed_can_begin(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    listing = {"binance-usdm": "/fapi/v1/exchangeInfo", "bybit-linear": "/v5/market/instruments-info"}[venue.venue]
    venue.answers[listing] = Answer(503, b"busy")
    async with feeding(venue, wait=False) as world:
        await until(lambda: asked(venue, listing) >= 3)
        assert not venue.every_socket
        venue.answers[listing] = Answer(sent=30)
        await until(lambda: asked(venue, listing) >= 5)
        venue.answers.clear()
        await world.live()
        await world.barred()
        assert isinstance(world, FeedWorld)
