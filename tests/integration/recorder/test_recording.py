"""Everything that travels is recorded, once, and what cannot be is kept aside."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from seawall_proto import ROUTES, AlertRaised, FeedChanged, QuoteTicked, encode
from tests.tools.samples import sample

if TYPE_CHECKING:
    from .conftest import World


def kept_aside(world: World) -> list[dict[str, Any]]:
    lines = (world.folder / "recorder" / "failures-0.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines if line]


def bad_row(symbol: str = "BTC-USDT-PERP") -> bytes:
    """An event that decodes well, and that no PostgreSQL takes: text there cannot hold a NUL."""
    return encode(FeedChanged(id="nul", venue="v", symbol=symbol, ts_venue_ns=1, state="live", reason="a\0b"))


async def test_one_of_every_event_ends_in_its_table(world: World) -> None:
    events = [msgspec.structs.replace(sample(route.kind, full=True), id=f"id-{n}") for n, route in enumerate(ROUTES)]
    await world.publish(*events)
    own_table = {"TradePrinted": "trades", "QuoteTicked": "quotes", "BookChanged": "books", "BarClosed": "bars"}
    own_table |= {"FundingPosted": "funding", "ActivityBarClosed": "activity_bars"}
    own_table |= {"AssetQuoted": "asset_quotes", "CurrencyRated": "currency_rates"}
    async with world.recorder():
        await world.until_recorded("events", len(ROUTES) - len(own_table))
        await world.until_recorded("equity", 2)
        for table in own_table.values():
            await world.until_recorded(table, 1)


async def test_the_time_of_the_stream_stands_beside_the_event(world: World) -> None:
    await world.publish(FeedChanged(id="feed", venue="v", symbol="S", ts_venue_ns=1, ts_received_ns=2, state="live"))
    async with world.recorder():
        await world.until_recorded("events", 1)
    row = (
        await world.ask("SELECT ts_stored_ns > 1000000000000000000 AS real, payload ->> 'state' AS state FROM events")
    )[0]
    assert (row["real"], row["state"]) == (True, "live")


async def test_rows_are_counted_by_table(world: World, ticks: Any) -> None:
    await world.publish(*ticks(1, 50))
    async with world.recorder():
        await world.until_recorded("trades", 50)
        await asyncio.sleep(0)
    assert 'seawall_rows_recorded_total{table="trades"} 50.0' in world.metrics.render().decode()


async def test_what_is_no_event_is_kept_aside_and_the_rest_goes_in(world: World, ticks: Any) -> None:
    first, second = ticks(1, 2)
    await world.publish(first)
    await world.send("md.trade.binance-usdm.BTC-USDT-PERP", b'{"type":"market.trade_printed.v1","id":"cut sho')
    await world.send("md.trade.binance-usdm.BTC-USDT-PERP", b'{"type":"market.of_the_future.v1","id":"new"}')
    await world.publish(second)
    async with world.recorder():
        await world.until_recorded("trades", 2)
    kept = kept_aside(world)
    assert [line["key"] for line in kept] == ["MARKET:2", "MARKET:3"]
    assert "cut sho" in kept[0]["data"]


def number_too_large() -> bytes:
    """A quote with an update id that no 64-bit column holds: refused before it leaves for the database."""
    quote = sample(QuoteTicked, full=True)
    return encode(msgspec.structs.replace(quote, update_id=2**63))


@pytest.mark.parametrize("bad", [bad_row(), number_too_large()], ids=["a NUL in a text", "a number too large"])
async def test_a_row_that_the_database_refuses_is_kept_aside_and_the_rest_goes_in(
    world: World, ticks: Any, bad: bytes
) -> None:
    await world.publish(*ticks(1, 40))
    await world.send("md.feed.v.BTC-USDT-PERP", bad)
    await world.publish(*ticks(41, 40), AlertRaised(id="a", service="s", name="n", severity="info", detail="d"))
    async with world.recorder():
        await world.until_recorded("trades", 80)
        await world.until_recorded("events", 1)
    kept = kept_aside(world)
    assert [line["key"] for line in kept] == ["MARKET:41"]
    assert "PostgreSQL refuses it" in kept[0]["error"]


async def test_the_same_fact_said_twice_is_recorded_once(world: World, ticks: Any) -> None:
    twice = [*ticks(1, 30), *ticks(1, 30)]
    await world.publish(*twice, *ticks(31, 1))
    async with world.recorder():
        await world.until_recorded("trades", 31)
