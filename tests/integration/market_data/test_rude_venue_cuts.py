"""Sockets that end badly: in the middle of a frame, with any code, over bytes that nobody can read, or refused."""

from __future__ import annotations

from itertools import pairwise

import pytest

from seawall_proto import BookChanged
from seawall_venues import feed_connection
from tests.worlds.fake_venue import until
from tests.worlds.rude_binance import RudeBinance
from tests.worlds.rude_venue import Kind, RudeVenue
from tests.worlds.rude_world import BTC, ETH, FeedWorld, feeding, hurry, in_each_style

NEVER_SENT = 1006  # the code of a connection that ended without a word


async def lost_and_back(world: FeedWorld, count: int) -> None:
    """Wait until every feed was down ``count`` times and is live again, and its bars are whole to now."""
    course = ["down", "syncing", "live"] * (count + 1)
    await until(lambda: all(world.fortunes(symbol) == course for symbol in world.symbols))
    await world.barred()


def next_frame(venue: RudeVenue) -> bytes:
    """Let a market move and return the frame that says so, of which nobody was told yet."""
    market = venue.markets["BTCUSDT"]
    market.move(0)
    return venue.said("BTCUSDT", len(market.moves) - 1, len(market.moves))[0]


@in_each_style
async def test_a_connection_cut_in_the_middle_of_a_frame_comes_back_and_nothing_is_lost(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    async with feeding(venue) as world:
        for count, sent in enumerate((0.99, 0.5, 0.004), 1):
            venue.newest.send_pieces(next_frame(venue), 1, sent=sent)
            venue.newest.end()
            await lost_and_back(world, count)
            assert "no close frame" in world.reasons(BTC, "down")[count]


@in_each_style
async def test_a_message_in_fragments_is_read_and_one_cut_between_them_is_not(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    async with feeding(venue) as world:
        venue.newest.send_pieces(next_frame(venue), 5)
        whole = venue.markets["BTCUSDT"].number
        await until(lambda: whole in {book.update_id for book in world.all(BookChanged, BTC)})
        assert world.is_live()
        venue.newest.send_pieces(next_frame(venue), 5, sent=0.7)
        cut = venue.markets["BTCUSDT"].number
        venue.newest.end()
        await lost_and_back(world, 1)
        assert cut not in {book.update_id for book in world.all(BookChanged, BTC)}


@in_each_style
async def test_whatever_code_a_socket_is_closed_with_it_comes_back(venue: RudeVenue, patch: pytest.MonkeyPatch) -> None:
    async with feeding(venue) as world:
        for count, code in enumerate((1000, 1001, NEVER_SENT, 1011, 1013), 1):
            if code == NEVER_SENT:
                venue.newest.cut()
            else:
                await venue.newest.response.close(code=code)
            await lost_and_back(world, count)
            assert code == NEVER_SENT or str(code) in world.reasons(BTC, "down")[count]


@in_each_style
async def test_a_frame_over_the_limit_ends_the_socket_and_nothing_else(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    patch.setattr(feed_connection, "MAX_FRAME_BYTES", 1 << 18)
    async with feeding(venue) as world:
        venue.newest.send_now(b'{"topic":"' + b"x" * (1 << 19) + b'"}')
        await lost_and_back(world, 1)
        assert "1009" in world.reasons(BTC, "down")[1]


@in_each_style
async def test_bytes_that_are_no_message_cost_every_book_of_the_socket_and_no_trade(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    async with feeding(venue) as world:
        for count, garbage in enumerate((b"\x00\xff\xfe", b"", b"<html>502</html>", b"[" * 9_999), 1):
            venue.spoiled = "trade", lambda frame, garbage=garbage: garbage  # in the place of a trade
            course = ["down", "syncing", "live", *["stale", "live"] * count]
            await until(lambda course=course: world.fortunes(BTC) == world.fortunes(ETH) == course)
            await world.barred()
        assert len(venue.every_socket) == 1


@in_each_style
async def test_a_frame_that_breaks_off_costs_no_trade_and_at_most_its_own_book(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    kinds: tuple[Kind, ...] = ("trade", "quote", "depth")
    async with feeding(venue) as world:
        for kind in kinds:
            venue.spoiled = kind, lambda frame: frame[:-20]
            await until(lambda: not venue.spoiled)
            await world.barred()
            await world.live()
            assert ("stale" in world.fortunes(BTC)) == (kind == "depth")
        assert world.fortunes(ETH) == ["down", "syncing", "live"]


async def test_a_refused_handshake_is_tried_again_when_the_venue_says_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hurry(monkeypatch)
    monkeypatch.setattr(feed_connection, "BAN_S", 0.6)
    async with RudeBinance("BTCUSDT") as venue, feeding(venue) as world:
        venue.handshakes.extend([(429, {"Retry-After": "1"}), (418, {}), (403, {}), (503, {}), (500, {})])
        venue.newest.cut()
        await until(lambda: not venue.handshakes and world.fortunes(BTC)[-1] == "live", 10)
        asked, banned, forbidden, *others = [later - earlier for earlier, later in pairwise(venue.attempts[1:])]
        assert asked >= 1.0
        assert 0.6 <= banned < asked + 1.0
        assert forbidden >= 0.6
        assert all(wait < 0.6 for wait in others)
        await world.barred()


@in_each_style
async def test_a_venue_that_is_gone_is_tried_until_it_is_back(venue: RudeVenue, patch: pytest.MonkeyPatch) -> None:
    async with feeding(venue) as world:
        await venue.close()
        await until(lambda: world.fortunes(BTC)[-1] == "down")
        for _ in range(20):
            for market in venue.markets.values():
                market.move()
        await venue.open()
        await lost_and_back(world, 1)
