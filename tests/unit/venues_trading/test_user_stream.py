"""The user stream over a real WebSocket that comes, goes, lies and freezes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from seawall_runtime.clock import now_ns
from seawall_venues.binance import user_stream
from seawall_venues.binance.user_stream import UserStream
from seawall_venues.port import PositionUpdate, StreamChanged, UserUpdate, VenueError

POSITION = '{"e":"ACCOUNT_UPDATE","E":1,"T":1,"a":{"P":[{"s":"BTCUSDT","pa":"0.010","ep":"60000","ps":"BOTH"}]}}'


class Venue:
    """Plays one script per connection, then closes; counts listen keys."""

    def __init__(self) -> None:
        self.scripts: list[list[str]] = []
        self.keys = 0
        self.paths: list[str] = []
        self.refuse_keys = 0
        self.renewed = 0
        self.thawed = asyncio.Event()
        self.server: Server

    async def create(self) -> str:
        if self.refuse_keys:
            self.refuse_keys -= 1
            raise VenueError("no key now")
        self.keys += 1
        return f"key{self.keys}"

    async def keep(self) -> None:
        self.renewed += 1

    async def handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.paths.append(connection.request.path)
        script = self.scripts.pop(0) if self.scripts else ["stay"]
        for line in script:
            if line == "stay":
                await connection.wait_closed()
            elif line == "freeze":
                connection.transport.pause_reading()
                await self.thawed.wait()
            else:
                await connection.send(line)


@pytest.fixture
async def venue() -> AsyncIterator[Venue]:
    venue = Venue()
    async with serve(venue.handle, "127.0.0.1", 0, close_timeout=0.1) as server:
        venue.server = server
        yield venue
        venue.thawed.set()


def stream_of(venue: Venue, **changes: Any) -> UserStream:
    port = next(iter(venue.server.sockets)).getsockname()[1]
    fields: dict[str, Any] = {
        "create_listen_key": venue.create,
        "keep_listen_key": venue.keep,
        "symbol": lambda name: name,
        "clock_ns": now_ns,
        "jitter": random.Random(1),
    }
    return UserStream(f"ws://127.0.0.1:{port}/", **(fields | changes))


async def take(stream: UserStream, count: int) -> list[UserUpdate]:
    taken: list[UserUpdate] = []
    async with asyncio.timeout(10), aclosing(stream.updates()) as updates:  # type: ignore[type-var]
        async for update in updates:
            taken.append(update)
            if len(taken) == count:
                return taken
    raise AssertionError("the stream ended")


def shape(updates: list[UserUpdate]) -> list[str]:
    return [
        ("connected" if one.connected else "lost") if isinstance(one, StreamChanged) else type(one).__name__
        for one in updates
    ]


async def test_it_begins_with_a_connection_and_tells_what_comes(venue: Venue) -> None:
    venue.scripts = [[POSITION, "stay"]]
    first, second = await take(stream_of(venue), 2)
    assert isinstance(first, StreamChanged)
    assert first.connected
    assert isinstance(second, PositionUpdate)
    assert venue.paths == ["/ws/key1"]


async def test_a_closed_connection_is_told_and_made_again_with_a_new_key(venue: Venue) -> None:
    venue.scripts = [[POSITION], ["stay"]]
    updates = await take(stream_of(venue), 4)
    assert shape(updates) == ["connected", "PositionUpdate", "lost", "connected"]
    assert venue.paths == ["/ws/key1", "/ws/key2"]


async def test_an_ended_listen_key_leads_to_another(venue: Venue) -> None:
    venue.scripts = [['{"e":"listenKeyExpired","E":1}', "stay"], ["stay"]]
    updates = await take(stream_of(venue), 3)
    assert shape(updates) == ["connected", "lost", "connected"]
    assert "listen key expired" in updates[1].reason  # type: ignore[union-attr]


async def test_a_venue_that_gives_no_key_is_asked_again_ever_more_slowly(venue: Venue) -> None:
    venue.refuse_keys = 3
    started_s = asyncio.get_running_loop().time()
    updates = await take(stream_of(venue), 4)
    assert shape(updates) == ["lost", "lost", "lost", "connected"]
    assert asyncio.get_running_loop().time() - started_s > (0.1 + 0.25 + 0.5) / 2


async def test_an_unreadable_frame_casts_doubt_and_does_not_end_the_stream(venue: Venue) -> None:
    broken = ["}{", '{"e":"ORDER_TRADE_UPDATE","o":{"s":"BTCUSDT"}}', '{"e":"SOMETHING_NEW"}', '{"e":"TRADE_LITE"}']
    venue.scripts = [[*broken, POSITION, "stay"]]
    stream = stream_of(venue)
    updates = await take(stream, 4)
    assert shape(updates) == ["connected", "connected", "connected", "PositionUpdate"]
    assert stream.unreadable == {"malformed": 2, "unknown": 1}


async def test_a_frame_larger_than_any_real_one_ends_the_connection_only(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_stream, "MAX_FRAME_BYTES", 1_000)
    venue.scripts = [["x" * 2_000, "stay"], ["stay"]]
    assert shape(await take(stream_of(venue), 3)) == ["connected", "lost", "connected"]


async def test_a_frozen_connection_is_noticed_by_its_silence_to_pings(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_stream, "PING_EVERY_S", 0.1)
    monkeypatch.setattr(user_stream, "PING_TIMEOUT_S", 0.1)
    venue.scripts = [["freeze"], ["stay"]]
    updates = await take(stream_of(venue), 3)
    assert shape(updates) == ["connected", "lost", "connected"]
    assert "ping timeout" in updates[1].reason  # type: ignore[union-attr]


async def test_the_listen_key_is_renewed_and_a_refusal_brings_a_new_one(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_stream, "KEEP_ALIVE_S", 0.05)

    async def refuse() -> None:
        venue.renewed += 1
        if venue.renewed == 2:
            raise VenueError("unknown key")

    updates = await take(stream_of(venue, keep_listen_key=refuse), 3)
    assert shape(updates) == ["connected", "lost", "connected"]
    assert (venue.renewed, venue.keys) == (2, 2)
