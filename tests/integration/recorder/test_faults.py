"""Killed, cut off, robbed: after each, every message is there once."""

from __future__ import annotations

import asyncio
import logging
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from seawall_proto import HaltRequested
from seawall_runtime.streams import ensure_streams

if TYPE_CHECKING:
    from .conftest import World

SUBJECT = "md.trade.binance-usdm.BTC-USDT-PERP"


async def wait_for_some(world: World, table: str = "trades") -> int:
    async with asyncio.timeout(30):
        while not (number := await world.count(table)):
            await asyncio.sleep(0.005)
    return number


async def test_killed_in_the_middle_the_next_one_leaves_no_hole_and_no_double(world: World, ticks: Any) -> None:
    await world.publish(*ticks(1, 20_000))
    async with world.recorder(clean=False):
        before = await wait_for_some(world)
    assert before < 20_000, "it was to be killed in the middle"
    async with world.recorder():
        await world.until_recorded("trades", 20_000)
    position = await world.ask("SELECT sequence FROM stream_positions WHERE stream = 'MARKET'")
    assert position[0][0] == 20_000


async def test_killed_after_the_rows_and_before_the_position_nothing_is_doubled(world: World, ticks: Any) -> None:
    await world.publish(*ticks(1, 300))
    async with world.recorder():
        await world.until_recorded("trades", 300)
    await world.ask("UPDATE stream_positions SET sequence = 100, ts_stored_ns = 0 WHERE stream = 'MARKET'")
    await world.publish(*ticks(301, 10))
    async with world.recorder():
        await world.until_recorded("trades", 310)


async def test_a_database_that_was_set_back_gets_again_what_it_lost(world: World, ticks: Any) -> None:
    await world.publish(*ticks(1, 200))
    async with world.recorder():
        await world.until_recorded("trades", 200)
    await world.ask("DELETE FROM trades")
    await world.ask("DELETE FROM stream_positions")
    async with world.recorder():
        await world.until_recorded("trades", 200)


async def test_postgres_killed_while_recording_loses_nothing(world: World, ticks: Any) -> None:
    async with world.recorder() as recorder:
        await world.publish(*ticks(1, 3_000))
        await world.until_recorded("trades", 3_000)
        world.postgres.kill()
        await world.publish(*ticks(3_001, 3_000), HaltRequested(id="h", scope="global", actor="a", reason="r"))
        async with asyncio.timeout(30):
            while not recorder._writer.problem:
                await asyncio.sleep(0.02)
        world.postgres.start()
        await world.until_recorded("trades", 6_000)
        await world.until_recorded("events", 1)


async def test_while_the_database_is_away_memory_stays_bounded(world: World, ticks: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("seawall_recorder.effects.CAPACITY", 400)
    monkeypatch.setattr("seawall_recorder.effects.BATCH", 100)
    async with world.recorder() as recorder:
        await world.publish(*ticks(1, 10))
        await world.until_recorded("trades", 10)
        world.postgres.kill()
        await world.publish(*ticks(11, 5_000))
        for _ in range(30):
            await asyncio.sleep(0.02)
            assert all(source.waiting <= 400 for source in recorder._sources)
        assert max(source.waiting for source in recorder._sources) > 0
        world.postgres.start()
        await world.until_recorded("trades", 5_010)


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_nats_may_go_away_and_come_back(world: World, ticks: Any, end: str) -> None:
    async with world.recorder():
        await world.publish(*ticks(1, 2_000))
        await wait_for_some(world)
        getattr(world.nats, end)()
        world.nats.start()
        stored = int((await world.answered("STREAM.INFO.MARKET"))["state"]["last_seq"])
        await world.publish(*ticks(2_001, 500))
        await world.until_recorded("trades", stored + 500)


async def test_a_stream_that_is_another_one_is_read_from_its_start_and_told(
    world: World, ticks: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with world.recorder():
        await world.publish(*ticks(1, 100))
        await world.until_recorded("trades", 100)
    world.nats.stop()
    shutil.rmtree(world.nats.directory / "jetstream")
    world.nats.start()
    await world.answered("INFO")
    await ensure_streams(world.bus)
    await world.publish(*ticks(101, 150))  # more than before: the old position lies inside the new stream
    with caplog.at_level(logging.ERROR, "recorder"):
        async with world.recorder():
            await world.until_recorded("trades", 250)
    assert "is not the one written down up to 100" in caplog.text


async def test_messages_that_the_stream_forgot_are_counted_and_told(world: World, ticks: Any) -> None:
    async with world.recorder():
        await world.publish(*ticks(1, 10))
        await world.until_recorded("trades", 10)
    await world.publish(*ticks(11, 50))
    await world.bus.api("STREAM.PURGE.MARKET", {"seq": 41})  # forgets 1 to 40: 30 of them unread
    async with world.recorder() as recorder:
        await world.until_recorded("trades", 30)
        assert sum(source.lost for source in recorder._sources) == 30
        async with asyncio.timeout(5):
            while b'lost_messages_total{stream="MARKET"} 30.0' not in world.metrics.render():
                await asyncio.sleep(0.05)
        await world.until_recorded("events", 1)  # the alert itself went out, and was recorded
    row = (await world.ask("SELECT payload ->> 'name' AS name FROM events"))[0]
    assert row["name"] == "recorder_messages_lost"


async def test_a_message_lost_on_its_way_is_read_again_and_not_taken_for_forgotten(world: World, ticks: Any) -> None:
    async with world.recorder() as recorder:
        await world.publish(*ticks(1, 10))
        await world.until_recorded("trades", 10)
        market = next(source for source in recorder._sources if source.stream == "MARKET")
        receive, number = market._receive, 0

        def drop_the_third(*message: bytes) -> None:
            nonlocal number
            number += 1
            if number != 3:
                receive(*message)

        assert market._subscription is not None
        market._bus.link._client.parser.raw[market._subscription._id] = drop_the_third
        await world.publish(*ticks(11, 50))
        await world.until_recorded("trades", 60)
        assert market.lost == 0
        assert number >= 3


async def test_a_second_recorder_stands_by_until_the_first_is_gone(world: World, ticks: Any) -> None:
    async with world.recorder() as first:
        await world.publish(*ticks(1, 10))
        await world.until_recorded("trades", 10)
        second = asyncio.create_task(stand_by(world))
        await asyncio.sleep(0.5)
        assert not second.done()
        await first.stop()
        await second


async def stand_by(world: World) -> None:
    async with world.recorder():
        return


async def test_stopping_writes_what_is_held(world: World, ticks: Any) -> None:
    async with world.recorder() as recorder:
        await world.until_recorded("stream_positions", 0)
        await world.publish(*ticks(1, 500))
        async with asyncio.timeout(10):
            while sum(source.waiting for source in recorder._sources) < 500:
                await asyncio.sleep(0)
                if await world.count("trades"):
                    break
    assert await world.count("trades") == 500
