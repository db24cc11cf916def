"""The guardian with nothing but the venue: NATS and PostgreSQL are not there at all."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import pytest

from seawall_runtime.process import EXIT_START
from seawall_venues.port import StopRequest
from tests.worlds.guardian_world import BTC, GuardianWorld, Trader, until

PROTECTED = "stops.protection_changed.v1"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardianWorld]:
    world = GuardianWorld(tmp_path_factory.mktemp("alone"), latency_ms=20)
    try:
        world.start_venue()
        world.start_guardian()
        yield world
    finally:
        world.stop()


@pytest.fixture
async def trader(world: GuardianWorld) -> AsyncIterator[Trader]:
    async with world.trader() as trader:
        yield trader


async def test_it_protects_and_measures_and_says_what_it_lacks(world: GuardianWorld, trader: Trader) -> None:
    await trader.trade("0.010")
    stop = await trader.one_stop("0.010")
    entry = (await trader.session.positions())[0].entry_price
    assert stop.side == "sell"
    assert stop.reduce_only
    assert abs(stop.trigger_price / entry - Decimal("0.97")) < Decimal("0.0001")

    async def protected() -> list[dict[str, object]]:
        return [event for event in world.events(PROTECTED) if event["state"] == "protected"]

    measured = (await until(protected, "protected", 2))[-1]["unprotected_ms"]
    assert 40 <= int(str(measured)) <= 500
    assert world.metric("seawall_stops_verified_total") >= 1
    assert world.metric("seawall_unprotected_positions") == 0
    assert world.ready("bus") is False
    assert world.ready("database") is False
    assert world.ready("journal") is True
    assert world.ready("venue") is True


async def test_the_stop_grows_and_shrinks_with_the_position_and_goes_with_it(trader: Trader) -> None:
    await trader.trade("0.010")
    await trader.one_stop("0.010")
    await trader.trade("0.020")
    await trader.one_stop("0.030")
    await trader.trade("-0.015")
    shrunk = await trader.one_stop("0.015")
    await trader.trade("-0.030")
    flipped = await trader.one_stop("0.015", other_than=shrunk.client_stop_id)
    assert flipped.side == "buy"
    await trader.trade("0.015")
    await trader.no_stop(within_s=3)


async def test_a_stop_that_somebody_cancelled_is_back_within_seconds(trader: Trader) -> None:
    await trader.trade("0.010")
    first = await trader.one_stop("0.010")
    await trader.session.cancel_stop(BTC, first.client_stop_id)
    again = await trader.one_stop("0.010", within_s=3, other_than=first.client_stop_id)
    assert again.trigger_price == first.trigger_price


async def test_a_stop_of_the_traders_own_is_left_alone(trader: Trader) -> None:
    await trader.trade("0.010")
    ours = await trader.one_stop("0.010")
    trigger = (ours.trigger_price * Decimal("0.9")).quantize(Decimal("0.1"))
    own = StopRequest(
        client_stop_id="my-own", symbol=BTC, side="sell", quantity=Decimal("0.004"), trigger_price=trigger
    )
    await trader.session.place_stop(own)
    await trader.trade("-0.010")

    async def only_own() -> bool:
        return [stop.client_stop_id for stop in await trader.stops()] == ["my-own"]

    await until(only_own, "only the trader's own stop", 5)
    await asyncio.sleep(0.5)
    assert await only_own()
    await trader.session.cancel_stop(BTC, "my-own")


@pytest.mark.parametrize("after_s", [0.0, 0.03])
async def test_killed_between_placing_and_verifying_exactly_one_stop_remains(
    world: GuardianWorld, trader: Trader, after_s: float
) -> None:
    world.journal.touch()
    before = world.journal.read_bytes().count(b'"client_stop_id"')
    await trader.trade("0.010")
    async with asyncio.timeout(3):
        while world.journal.read_bytes().count(b'"client_stop_id"') == before:
            await asyncio.sleep(0)
    await asyncio.sleep(after_s)
    world.guardian.kill()
    world.start_guardian()
    stop = await trader.one_stop("0.010")
    await asyncio.sleep(1.2)
    assert [one.client_stop_id for one in await trader.stops()] == [stop.client_stop_id]


async def test_a_position_opened_while_it_was_away_is_protected_and_its_bare_time_told(
    world: GuardianWorld, trader: Trader
) -> None:
    world.guardian.kill()
    await trader.trade("0.010")
    await asyncio.sleep(0.5)
    world.start_guardian()
    await trader.one_stop("0.010")
    await asyncio.sleep(0.5)
    assert int(world.events(PROTECTED)[-1]["unprotected_ms"]) >= 500
    assert await trader.position() == Decimal("0.010")


async def test_the_venue_going_away_and_coming_back_changes_nothing(world: GuardianWorld, trader: Trader) -> None:
    await trader.trade("0.010")
    stop = await trader.one_stop("0.010")
    world.venue.kill()
    await asyncio.sleep(1.5)
    assert world.ready("venue") is False
    world.start_venue()

    async def ready() -> bool:
        return bool(world.ready("venue"))

    await until(ready, "the venue again", 10)
    await trader.session.open()
    assert [one.client_stop_id for one in await trader.stops()] == [stop.client_stop_id]


async def test_asked_to_stop_it_ends_at_once_and_leaves_the_stop(world: GuardianWorld, trader: Trader) -> None:
    await trader.trade("0.010")
    stop = await trader.one_stop("0.010")
    await asyncio.sleep(0.3)
    world.guardian.stop(patience_s=5)
    assert world.guardian.exit_code == 0
    assert [one.client_stop_id for one in await trader.stops()] == [stop.client_stop_id]
    remembered = [json.loads(line) for line in world.journal.read_bytes().splitlines()]
    assert any(line.get("memory", {}).get("symbol") == BTC for line in remembered)
    world.start_guardian()
    await asyncio.sleep(1.5)
    assert [one.client_stop_id for one in await trader.stops()] == [stop.client_stop_id], "nor does a start move it"


async def test_a_disk_that_refuses_is_told_and_does_not_stop_protection(world: GuardianWorld, trader: Trader) -> None:
    world.guardian.kill()
    folder = world.journal.parent
    folder.rename(folder.with_suffix(".kept"))
    folder.write_text("a file where the folder should be")
    world.start_guardian()
    await trader.trade("0.010")
    await trader.one_stop("0.010")
    assert world.ready("journal") is False
    assert world.ready("venue") is True
    folder.unlink()

    async def healed() -> bool:
        return bool(world.ready("journal"))

    await until(healed, "the journal again", 5)
    assert b'"client_stop_id"' in world.journal.read_bytes(), "what was noted meanwhile is in it"


def test_without_a_key_of_its_own_it_does_not_start_and_says_why(world: GuardianWorld) -> None:
    world.guardian.kill()
    key = world.folder / "guardian.key"
    text = key.read_text()
    key.unlink()
    world.guardian.start()
    try:
        deadline = time.monotonic() + 10
        while world.guardian.exit_code is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert world.guardian.exit_code == EXIT_START
        assert "guardian.key cannot be read" in world.guardian.last_words()
        assert "guardian-secret" not in world.guardian.log.read_text()
    finally:
        key.write_text(text)
