"""A client that follows the venue's published rule must always hold the venue's own book."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")


class StrictClient:
    """Synchronises a book by the documented rule and refuses anything that does not follow it.

    Drop frames with ``u < lastUpdateId``; the first kept must have ``U <= lastUpdateId <= u``, or follow
    it directly; after that every ``pu`` must be the ``u`` before.
    """

    def __init__(self, snapshot: dict[str, Any]) -> None:
        self.sides = [dict(snapshot["bids"]), dict(snapshot["asks"])]
        self.last_update_id: int = snapshot["lastUpdateId"]
        self.applied = 0

    def apply(self, frame: dict[str, Any]) -> None:
        if frame["u"] < self.last_update_id:
            return
        if self.applied == 0:
            assert frame["U"] <= self.last_update_id <= frame["u"] or frame["pu"] == self.last_update_id
        else:
            assert frame["pu"] == self.last_update_id
        assert frame["U"] <= frame["u"]
        for side, changes in zip(self.sides, (frame["b"], frame["a"]), strict=True):
            for price, quantity in changes:
                if float(quantity) == 0:
                    side.pop(price, None)
                else:
                    side[price] = quantity
        self.last_update_id = frame["u"]
        self.applied += 1

    def top(self, count: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        bids, asks = (sorted(side.items(), key=lambda level: float(level[0])) for side in self.sides)
        return bids[: -count - 1 : -1], asks[:count]


async def read(connection: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    message = await connection.receive(timeout=5)
    decoded: dict[str, Any] = json.loads(message.data)
    return decoded


async def follow(venue: Any, stream: str, frames: int) -> StrictClient:
    """Subscribe, take a snapshot once frames come, then follow for so many frames."""
    async with venue.session.ws_connect(f"{venue.url}/ws/{stream}") as connection:
        buffer = [await read(connection)]
        client = StrictClient(await venue.get("/fapi/v1/depth?symbol=BTCUSDT&limit=1000"))
        while client.applied < frames:
            client.apply(buffer.pop(0) if buffer else await read(connection))
        return client


@pytest.mark.parametrize("stream", ["btcusdt@depth@0ms", "btcusdt@depth@100ms", "btcusdt@depth"])
async def test_client_following_the_rule_never_meets_a_gap(venue: Any, stream: str) -> None:
    client = await follow(venue, stream, 4)
    assert client.applied == 4
    (bid, _), (ask, _) = client.top(1)[0][0], client.top(1)[1][0]
    assert float(bid) < float(ask)


@pytest.mark.parametrize("pace", ["0ms", "100ms"])
async def test_followed_book_is_the_venues_book(start_venue: Any, pace: str) -> None:
    venue = await start_venue()
    async with venue.session.ws_connect(f"{venue.url}/ws/btcusdt@depth@{pace}") as connection:
        first = await read(connection)
        client = StrictClient(await venue.get("/fapi/v1/depth?symbol=BTCUSDT&limit=1000"))
        client.apply(first)
        for _ in range(5):
            client.apply(await read(connection))
        venue.task.cancel()
        await asyncio.gather(venue.task, return_exceptions=True)
        venue.hub._pulse.beat((venue.hub.clock() // 10**9 + 1) * 10**9)  # the frame still owed for what came last
        venue.hub.flush()
        last = venue.hub.markets["BTCUSDT"].book.last_update_id
        while client.last_update_id < last:
            client.apply(await read(connection))
    bids, asks = venue.hub.markets["BTCUSDT"].book.top(1_000)
    assert client.top(1_000) == (bids, asks)


async def test_slower_paces_sum_up_the_fast_one(start_venue: Any) -> None:
    """What 100 ms and 500 ms frames add up to is what the single changes add up to."""
    venue = await start_venue()
    streams = ("btcusdt@depth@0ms", "btcusdt@depth@100ms", "btcusdt@depth@500ms")
    seen: dict[str, list[dict[str, Any]]] = {stream: [] for stream in streams}
    async with venue.session.ws_connect(f"{venue.url}/stream?streams={'/'.join(streams)}") as connection:
        while len(seen["btcusdt@depth@500ms"]) < 2:
            frame = await read(connection)
            seen[frame["stream"]].append(frame["data"])
    slow = seen["btcusdt@depth@500ms"]
    for stream, frames in seen.items():
        assert all(later["pu"] == earlier["u"] for earlier, later in pairwise(frames)), stream
    start, end = slow[0]["u"], slow[-1]["u"]
    for stream in streams[:2]:
        covered = [frame for frame in seen[stream] if start < frame["u"] <= end]
        assert covered[0]["pu"] == start
        assert covered[-1]["u"] == end
        assert summed(covered) == summed(slow[1:])
    assert slow[1]["U"] == next(frame["U"] for frame in seen[streams[0]] if frame["u"] > start)


def summed(frames: list[dict[str, Any]]) -> dict[str, str]:
    return {side + price: quantity for frame in frames for side in "ba" for price, quantity in frame[side]}


async def test_a_pace_left_alone_starts_afresh(venue: Any) -> None:
    """A stream that nobody followed for a while names the book's own last change before its first."""
    await follow(venue, "btcusdt@depth@100ms", 1)
    await asyncio.sleep(0.25)
    async with venue.session.ws_connect(f"{venue.url}/ws/btcusdt@depth@100ms") as connection:
        first, second = await read(connection), await read(connection)
    assert first["pu"] < first["U"] <= first["u"] == second["pu"]
    assert first["U"] - first["pu"] == 1


async def test_quote_equals_the_top_of_the_book_at_the_same_version(venue: Any) -> None:
    streams = "btcusdt@bookTicker/btcusdt@depth5@0ms"
    quotes: dict[int, tuple[str, str, str, str]] = {}
    compared = 0
    async with venue.session.ws_connect(f"{venue.url}/stream?streams={streams}") as connection:
        while compared < 20:
            data = (await read(connection))["data"]
            if data["e"] == "bookTicker":
                quotes[data["u"]] = (data["b"], data["B"], data["a"], data["A"])
            elif data["u"] in quotes:
                compared += 1
                assert quotes[data["u"]] == (*data["b"][0], *data["a"][0])
