"""The stream away for seconds: REST stands in and says so, is left at once, and no trade is missing afterwards."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from nats.aio.msg import Msg

from seawall_cli.embedded import NatsServer, free_port
from seawall_market_data import feed_pace
from seawall_proto import BarClosed, BookChanged, QuoteTicked, TradePrinted, decode
from seawall_runtime.bus import Bus
from seawall_venues.feeds import FEEDS
from tests.worlds.fake_venue import until
from tests.worlds.rude_bybit import RudeBybit
from tests.worlds.rude_market import NS_PER_MS
from tests.worlds.rude_venue import RudeVenue
from tests.worlds.rude_world import BTC, ETH, STYLES, FeedWorld, Log, StandInBus, feeding, hurry, in_each_style

LIST_LENGTH = 25  # trades that the venue lists at most, where it lists few


def polled(world: FeedWorld, symbol: str) -> tuple[int, int]:
    """Return how many quotes and books were polled."""
    return (
        sum(quote.polled for quote in world.all(QuoteTicked, symbol)),
        sum(book.polled for book in world.all(BookChanged, symbol)),
    )


async def go_away(venue: RudeVenue) -> None:
    """End the socket, and let none in."""
    venue.is_locked = True
    venue.newest.cut()
    await until(lambda: not venue.sockets)


@in_each_style
async def test_while_the_socket_is_away_rest_stands_in_and_is_left_at_once(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    async with feeding(venue) as world:
        gone_ms = venue.markets["BTCUSDT"].ts_ms
        await go_away(venue)
        await until(lambda: all(count >= 3 for symbol in (BTC, ETH) for count in polled(world, symbol)))
        assert world.fortunes(BTC)[-1] == world.fortunes(ETH)[-1] == "down"  # nobody opens a position on what is polled
        venue.answering_s = 0.15  # a poll is on its way when the socket is back
        away = [trade for trade in venue.markets["BTCUSDT"].trades if trade.ts_ms > gone_ms]
        ids = {trade.trade_id for trade in world.all(TradePrinted, BTC)}
        assert sum(trade.name in ids or str(trade.number) in ids for trade in away) > 20  # said while it is away
        venue.is_locked = False
        await world.live()
        before, asked = polled(world, BTC), len(venue.asked)
        await world.barred()
        await world.more(BookChanged, BTC, 30)  # three times as long as between two polls
        assert polled(world, BTC) == before
        assert len(venue.asked) - asked <= 2 * 3  # what each symbol asks of its trades and its book, once it is live


@in_each_style
async def test_every_trade_of_an_outage_is_said_once_and_stands_in_its_bar(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    async with feeding(venue, poll_after_ms=60_000) as world:
        for count in (1, 2):
            start = venue.markets["BTCUSDT"].trades[-1].number
            await go_away(venue)
            await until(lambda start=start: venue.markets["BTCUSDT"].trades[-1].number > start + 30)
            venue.is_locked = False
            await world.live()
            await world.barred()
            assert world.fortunes(BTC).count("down") == count + 1
        market = venue.markets["BTCUSDT"]
        bars = world.all(BarClosed, BTC)
        traded = market.traded(bars[0].ts_open_ns, bars[-1].ts_close_ns)
        assert sum(bar.trade_count for bar in bars) == len(traded)
        assert sum(round(bar.volume * 1_000) for bar in bars) == sum(trade.lots for trade in traded)
        assert any(bar.repaired for bar in bars)


async def test_trades_whose_subscription_begins_late_are_said_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    async with RudeBybit("BTCUSDT", "ETHUSDT") as venue, feeding(venue, poll_after_ms=60_000) as world:
        venue.trades_late_s = 0.4  # the book is there and the list was read long before
        venue.newest.cut()
        await until(lambda: world.fortunes(BTC)[-1] == "down")
        await world.live()
        await world.more(TradePrinted, BTC, 30)
        await world.barred()


@in_each_style
async def test_a_polled_book_older_than_what_was_said_is_not_said(venue: RudeVenue, patch: pytest.MonkeyPatch) -> None:
    async with feeding(venue, poll_every_ms=50) as world:
        await world.more(BookChanged, BTC, 20)
        venue.snapshot_behind = 30
        await go_away(venue)
        asked = len(venue.asked)
        await until(lambda: len(venue.asked) > asked + 4)
        await until(lambda: polled(world, BTC)[1] >= 2)
        venue.snapshot_behind = 0
        venue.is_locked = False
        await world.live()
        await world.barred()


@in_each_style
async def test_an_outage_longer_than_the_venues_list_costs_bars_and_leaves_none_in_part(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    spec = FEEDS[venue.venue]
    short = dataclasses.replace(spec, dialect=dataclasses.replace(spec.dialect, listed_trades=LIST_LENGTH))
    patch.setitem(FEEDS, venue.venue, short)
    venue.most_trades = LIST_LENGTH
    async with feeding(venue, poll_after_ms=60_000, has_holes=True) as world:
        start = venue.markets["BTCUSDT"].trades[-1].number
        await go_away(venue)
        await until(lambda: venue.markets["BTCUSDT"].trades[-1].number > start + 2 * LIST_LENGTH)
        venue.is_locked = False
        await world.live()
        await world.barred()
        bars = world.all(BarClosed, BTC)
        assert any(bar.ts_open_ns > before.ts_close_ns for before, bar in pairwise(bars))
        assert any("bar_skipped" in line for line in world.log.lines)


@in_each_style
async def test_trades_of_a_symbol_that_froze_are_polled_until_it_is_heard(
    venue: RudeVenue, patch: pytest.MonkeyPatch
) -> None:
    patch.setattr(feed_pace, "SHORTEST_NS", 400 * NS_PER_MS)
    async with feeding(venue) as world:
        await until(lambda: all(state.pace.usual_ms for state in world.states.values()))
        venue.is_stuck = True
        venue.freeze("BTCUSDT")
        await until(lambda: world.fortunes(BTC)[-1] == "stale")
        await world.more(TradePrinted, BTC, 20)
        await until(lambda: polled(world, BTC)[0])
        assert world.fortunes(BTC)[-1] == "stale"
        venue.is_stuck = False
        await world.live()
        await world.barred()


class Process:
    """market-data itself, hearing a rude venue, heard over a real NATS."""

    def __init__(self, folder: Path, nats_url: str, venue: RudeVenue) -> None:
        self._folder = folder
        config = folder / "seawall.toml"
        config.write_text(
            f"""
            data_dir = "{folder / "data"}"
            [nats]
            url = "{nats_url}"
            [[venues]]
            name = "{venue.venue}"
            account = "test"
            rest_url = "{venue.rest_url}"
            websocket_url = "{venue.websocket_url}"
            symbols = ["{BTC}", "{ETH}"]
            data_only = true
            [market_data]
            bar_interval_ms = 200
            book_every_ms = 1
            poll_after_ms = 300
            poll_every_ms = 500
            """
        )
        command = [sys.executable, "-m", "seawall_market_data.main", "--config", str(config)]
        with (folder / "log").open("wb") as log:
            command += ["--http", f"127.0.0.1:{free_port()}"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def stop(self) -> None:
        self._process.terminate()
        assert self._process.wait(8) == 0, (self._folder / "log").read_text()


@pytest.mark.parametrize("style", STYLES)
async def test_the_process_itself_survives_all_of_it(nats_server: NatsServer, tmp_path: Path, style: str) -> None:
    bus = StandInBus()

    async def hear(message: Msg) -> None:
        bus.publish_nowait(decode(message.data))

    async with STYLES[style]("BTCUSDT", "ETHUSDT") as venue, Bus(nats_server.url, service="test") as real:
        world = FeedWorld(venue, {}, bus, Log())
        await real.subscribe(f"md.*.{venue.venue}.>", hear)
        process = Process(tmp_path, nats_server.url, venue)
        try:
            await world.live(timeout_s=15)
            await world.barred()
            venue.lose("BTCUSDT", "depth")
            await until(lambda: "stale" in world.fortunes(BTC))
            await world.live()
            venue.newest.send_pieces(venue.said("ETHUSDT", -1, len(venue.markets["ETHUSDT"].moves))[0], 1, sent=0.5)
            venue.newest.end()
            await until(lambda: world.fortunes(ETH)[-1] == "down")
            venue.is_locked = True
            await until(lambda: polled(world, BTC)[0] >= 2)
            venue.is_locked = False
            await world.live()
            venue.twice = True
            await world.barred()
        finally:
            process.stop()
        world.assert_true()
