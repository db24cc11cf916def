"""The market sockets against a venue that misbehaves: they come back, and say what may be missing."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from seawall_cli.embedded import free_port
from seawall_runtime.clock import now_ns
from seawall_venues import feed_connection
from seawall_venues.feed import Channel
from seawall_venues.feed_rest import FeedRest
from seawall_venues.feed_session import FeedSession
from seawall_venues.feeds import FEEDS
from seawall_venues.instruments import find_instrument, unlisted
from seawall_venues.outcomes import RateLimited, TransportFailed, VenueDenied
from seawall_venues.wire import SocketRules
from tests.worlds.fake_venue import FakeVenue, until

BTC, ETH = "BTC-USDT-PERP", "ETH-USDT-PERP"
SPEC = FEEDS["binance-usdm"]
BTC_LISTED = unlisted(SPEC.venue, "BTCUSDT", BTC)
DEPTH, TRADES = SPEC.snapshot_request(BTC_LISTED), SPEC.trades_request(BTC_LISTED)


class Ear:
    """Notes what a session tells its listener."""

    def __init__(self) -> None:
        self.frames: list[tuple[str, Channel, bytes, int]] = []
        self.lost: list[tuple[str, tuple[Channel, ...]]] = []
        self.connections: list[tuple[str, bool, str]] = []

    def on_frame(self, symbol: str, channel: Channel, payload: bytes, ts_received_ns: int) -> None:
        self.frames.append((symbol, channel, payload, ts_received_ns))

    def on_lost(self, symbol: str, channels: tuple[Channel, ...], reason: str, ts_received_ns: int) -> None:
        self.lost.append((symbol, channels))

    def on_connection(
        self, symbol: str, channels: tuple[Channel, ...], connected: bool, reason: str, ts_received_ns: int
    ) -> None:
        if "depth" in channels:
            self.connections.append((symbol, connected, reason))

    def on_refused(self, symbol: str, channel: Channel, reason: str, is_final: bool, ts_received_ns: int) -> None:
        raise AssertionError(f"{channel} of {symbol}: {reason}")

    def fortunes(self, symbol: str = BTC) -> list[bool]:
        return [connected for name, connected, _ in self.connections if name == symbol]


@contextlib.asynccontextmanager
async def running(
    venue: FakeVenue, ear: Ear, rules: SocketRules | None = None, symbols: tuple[str, ...] = (BTC, ETH)
) -> AsyncIterator[FeedSession]:
    session = FeedSession(
        SPEC,
        rest_url=venue.rest_url,
        websocket_url=venue.websocket_url,
        listener=ear,
        now_ns=now_ns,
        jitter=random.Random(1),
        rules=rules,
    )
    listed = await session.instruments()
    task = asyncio.create_task(session.run([find_instrument(listed, symbol) for symbol in symbols]))
    try:
        await until(lambda: ear.fortunes())
        yield session
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await session.close()


@pytest.fixture
async def venue() -> AsyncIterator[FakeVenue]:
    async with FakeVenue("BTCUSDT", "ETHUSDT") as one:
        yield one


async def test_every_stream_is_asked_for_where_the_venue_serves_it(venue: FakeVenue) -> None:
    ear = Ear()
    async with running(venue, ear):
        await until(lambda: venue.market_sockets)
        assert sorted(venue.streams) == sorted(
            f"{symbol}@{stream}"
            for symbol in ("btcusdt", "ethusdt")
            for stream in ("depth@100ms", "bookTicker", "trade", "kline_1m", "markPrice@1s")
        )
        before_ns = now_ns()
        for frame in (venue.markets["ETHUSDT"].depth(), venue.markets["BTCUSDT"].quote()):
            await venue.send(frame)
        await until(lambda: len(ear.frames) == 2)
        assert [(symbol, channel) for symbol, channel, _, _ in ear.frames] == [(ETH, "depth"), (BTC, "quote")]
        assert all(before_ns <= ts_ns <= now_ns() for _, _, _, ts_ns in ear.frames)


async def test_a_dropped_connection_comes_back(venue: FakeVenue) -> None:
    ear = Ear()
    async with running(venue, ear):
        for drops in (1, 2):
            await venue.drop()
            await until(lambda drops=drops: ear.fortunes() == [True, *[False, True] * drops])
        await venue.send(venue.markets["BTCUSDT"].depth())
        await until(lambda: ear.frames)
        assert "1001" in ear.connections[2][2]


async def test_a_venue_that_is_gone_is_tried_until_it_is_back(
    venue: FakeVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_connection, "LAST_BACKOFF_S", 0.4)
    ear = Ear()
    async with running(venue, ear, symbols=(BTC,)):
        await venue.__aexit__()
        await until(lambda: len(ear.fortunes()) >= 6)
        again = FakeVenue("BTCUSDT")
        again.port = venue.port
        async with again:
            await until(lambda: ear.fortunes()[-1], timeout_s=2.0)
    assert "cannot connect" in ear.connections[3][2]


def test_pauses_double_are_spread_and_bounded() -> None:
    nobody: Any = None
    connection = feed_connection.FeedConnection(
        "ws://x", nobody, SocketRules(messages_per_s=1), now_ns=now_ns, jitter=random.Random(4)
    )
    pauses = []
    for attempt in range(1, 41):
        connection._attempt = min(attempt, 16)
        pauses.append(connection._pause_s())
    assert 0.05 <= pauses[0] <= 0.15
    assert all(pause <= 1.5 * feed_connection.LAST_BACKOFF_S for pause in pauses)
    assert pauses[6] > 4 * pauses[0]
    assert len({round(pause, 3) for pause in pauses[10:]}) > 20


async def test_a_connection_that_falls_silent_is_replaced(venue: FakeVenue) -> None:
    ear = Ear()
    async with running(venue, ear, SocketRules(messages_per_s=5, idle_s=0.4), symbols=(BTC,)):
        for _ in range(8):
            await venue.send(venue.markets["BTCUSDT"].depth())
            await asyncio.sleep(0.1)
        assert ear.fortunes() == [True]
        await until(lambda: ear.fortunes()[:3] == [True, False, True])
        assert "no frame for 0.4 s" in ear.connections[1][2]


async def test_a_frame_over_the_limit_ends_the_connection_not_the_process(
    venue: FakeVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_connection, "MAX_FRAME_BYTES", 1 << 20)
    ear = Ear()
    async with running(venue, ear, symbols=(BTC,)):
        await venue.send(b'{"stream":"btcusdt@depth@100ms","data":"' + b"x" * (2 << 20) + b'"}')
        await until(lambda: ear.fortunes() == [True, False, True])
        assert "1009" in ear.connections[1][2]
        assert not ear.frames


async def test_an_old_connection_is_replaced_without_a_hole(venue: FakeVenue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_connection, "OVERLAP_S", 0.3)
    ear = Ear()
    rules = SocketRules(messages_per_s=5, lifetime_s=0.6)
    sent: list[bytes] = []
    async with running(venue, ear, rules, symbols=(BTC,)):
        for _ in range(30):
            sent.append(venue.markets["BTCUSDT"].depth())
            await venue.send(sent[-1])
            await asyncio.sleep(0.05)
        await until(lambda: ear.frames[-1][2] == sent[-1])
        assert venue.connections >= 4  # public and market, each replaced
        assert ear.fortunes() == [True]
        received = list(dict.fromkeys(payload for _, channel, payload, _ in ear.frames if channel == "depth"))
        assert received == sent


async def test_garbage_casts_doubt_on_every_symbol_of_its_connection_and_a_notice_on_none(venue: FakeVenue) -> None:
    ear = Ear()
    async with running(venue, ear):
        await venue.send(b'{"result":null,"id":7}')
        await venue.send(b'{"stream":"dogeusdt@trade","data":{}}')
        await venue.send(b'{"strea')
        await until(lambda: ear.lost)
        assert ear.lost == [(BTC, ("depth", "quote", "trade")), (ETH, ("depth", "quote", "trade"))]
        assert not ear.frames


async def test_reads_that_fail_say_why_and_the_venues_wish_is_heeded(venue: FakeVenue) -> None:
    rest = FeedRest(SPEC, venue.rest_url, now_ns)
    try:
        venue.answers["/fapi/v1/depth"] = (400, {}, b'{"code":-1121,"msg":"Invalid symbol."}')
        with pytest.raises(VenueDenied, match="Invalid symbol"):
            await rest.fetch(DEPTH)
        venue.answers["/fapi/v1/depth"] = (429, {"Retry-After": "7"}, b'{"code":-1003}')
        with pytest.raises(VenueDenied, match="429"):
            await rest.fetch(DEPTH)
        asked = len(venue.requests)
        with pytest.raises(RateLimited, match="asked us to wait"):
            await rest.fetch(TRADES)
        assert len(venue.requests) == asked
    finally:
        await rest.close()
    nobody = FeedRest(SPEC, f"http://127.0.0.1:{free_port()}", now_ns)
    try:
        with pytest.raises(TransportFailed, match="exchangeInfo"):
            await nobody.listing()
    finally:
        await nobody.close()


async def test_the_budget_stops_reads_before_the_venue_does(venue: FakeVenue) -> None:
    rest = FeedRest(SPEC, venue.rest_url, lambda: 1_700_000_030_000_000_000)
    try:
        for _ in range(96):  # 80 % of 2 400, at 20 each; the rest is kept for protection
            await rest.fetch(DEPTH)
        with pytest.raises(RateLimited, match="REQUEST_WEIGHT"):
            await rest.fetch(DEPTH)
        assert len(venue.requests) == 96
    finally:
        await rest.close()
