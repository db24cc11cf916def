"""The user-data stream: listen keys, every form of its address, and what it says in which order."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from seawall_paper_venue.listen_keys import ListenKeys
from tests.integration.paper_venue_trading.venues import GUARDIAN_KEY, Client, HandMarket, RunningVenue

LISTEN_KEY = "/fapi/v1/listenKey"


async def listen(client: Client) -> str:
    """Return a listen key; asking for one takes a key and no signature."""
    status, answer = await client.raw("POST", LISTEN_KEY, "")
    assert status == 200
    return str(answer["listenKey"])


async def read(socket: aiohttp.ClientWebSocketResponse, count: int) -> list[Any]:
    """Return the next frames."""
    return [msgspec.json.decode((await asyncio.wait_for(socket.receive_str(), 3)).encode()) for _frame in range(count)]


def kinds(frames: list[Any]) -> list[tuple[str, str]]:
    """Return each frame's kind and what it says."""
    words = {"ORDER_TRADE_UPDATE": ("o", "x"), "ALGO_UPDATE": ("o", "X"), "ACCOUNT_UPDATE": ("a", "m")}
    return [(f["e"], f[words[f["e"]][0]][words[f["e"]][1]]) for f in frames]


@pytest.mark.parametrize(
    ("address", "combined"),
    [
        ("/ws/{key}", False),
        ("/ws?listenKey={key}", False),
        ("/private/ws?listenKey={key}", False),
        ("/private/ws/{key}", False),
        ("/private/stream?listenKey={key}", True),
        ("/private/stream?streams={key}", True),
        ("/stream?streams={key}", True),
    ],
)
async def test_every_form_of_the_address_brings_the_same_events(
    venue: RunningVenue, client: Client, address: str, combined: bool
):
    key = await listen(client)
    async with client.session.ws_connect(venue.url + address.format(key=key)) as socket:
        await client.order("BUY", "0.1", "59000")
        (frame,) = await read(socket, 1)
    if combined:
        assert frame["stream"] == key
        frame = frame["data"]
    assert (frame["e"], frame["o"]["x"], frame["o"]["p"]) == ("ORDER_TRADE_UPDATE", "NEW", "59000.00")


async def test_market_order_says_new_then_account_then_each_trade(venue: RunningVenue, client: Client):
    key = await listen(client)
    async with client.session.ws_connect(f"{venue.url}/ws/{key}") as socket:
        order = await client.order("BUY", "0.7", newClientOrderId="walk")
        new, account, first, second = await read(socket, 4)
    assert kinds([new, account, first, second]) == [
        ("ORDER_TRADE_UPDATE", "NEW"),
        ("ACCOUNT_UPDATE", "ORDER"),
        ("ORDER_TRADE_UPDATE", "TRADE"),
        ("ORDER_TRADE_UPDATE", "TRADE"),
    ]
    assert (first["o"]["l"], first["o"]["L"], first["o"]["X"]) == ("0.500", "60000.10", "PARTIALLY_FILLED")
    assert (second["o"]["z"], second["o"]["X"], second["o"]["i"]) == ("0.700", "FILLED", order["orderId"])
    assert (second["o"]["n"], second["o"]["N"], second["o"]["c"]) == ("6.00002000", "USDT", "walk")
    (position,) = account["a"]["P"]
    assert (position["s"], position["pa"], position["mt"]) == ("BTCUSDT", "0.700", "cross")
    _, fills = await client.call("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")
    assert [f["id"] for f in fills] == [first["o"]["t"], second["o"]["t"]]


async def test_stop_tells_its_whole_story(venue: RunningVenue, client: Client, market: HandMarket):
    await client.order("BUY", "0.1")
    key = await listen(client)
    async with client.session.ws_connect(f"{venue.url}/private/ws?listenKey={key}") as socket:
        await client.stop("SELL", "59000", "0.1", reduceOnly="true")
        market.trade("58999.00")
        frames = await read(socket, 7)
    assert kinds(frames) == [
        ("ALGO_UPDATE", "NEW"),
        ("ALGO_UPDATE", "TRIGGERING"),
        ("ALGO_UPDATE", "TRIGGERED"),
        ("ORDER_TRADE_UPDATE", "NEW"),
        ("ACCOUNT_UPDATE", "ORDER"),
        ("ORDER_TRADE_UPDATE", "TRADE"),
        ("ALGO_UPDATE", "FINISHED"),
    ]
    assert frames[2]["o"]["ai"] == str(frames[3]["o"]["i"])
    assert (frames[6]["o"]["aq"], frames[6]["o"]["act"]) == ("0.100", "MARKET")


async def test_failed_trigger_says_why(venue: RunningVenue, client: Client, market: HandMarket):
    key = await listen(client)
    async with client.session.ws_connect(f"{venue.url}/ws/{key}") as socket:
        await client.stop("SELL", "59000", "0.1", reduceOnly="true")
        market.trade("58999.00")
        frames = await read(socket, 3)
    assert kinds(frames)[-1] == ("ALGO_UPDATE", "REJECTED")
    assert "reduce-only" in frames[-1]["o"]["rm"]


async def test_events_can_be_narrowed_to_kinds(venue: RunningVenue, client: Client):
    key = await listen(client)
    async with client.session.ws_connect(f"{venue.url}/private/ws?listenKey={key}&events=ACCOUNT_UPDATE") as socket:
        await client.order("BUY", "0.1")
        (frame,) = await read(socket, 1)
    assert frame["e"] == "ACCOUNT_UPDATE"


async def test_both_keys_hear_everything(venue: RunningVenue, client: Client):
    guardian = venue.client(GUARDIAN_KEY)
    first, second = await listen(client), await listen(guardian)
    assert first != second
    async with client.session.ws_connect(f"{venue.url}/ws/{second}") as socket:
        await client.order("BUY", "0.1", "59000")
        (frame,) = await read(socket, 1)
    assert frame["o"]["x"] == "NEW"


async def test_asking_again_gives_the_same_listen_key(client: Client):
    key = await listen(client)
    assert await listen(client) == key
    assert await client.raw("PUT", LISTEN_KEY, "") == (200, {"listenKey": key})


async def test_ended_listen_key_says_so_and_then_nothing(venue: RunningVenue, client: Client):
    key = await listen(client)
    async with client.session.ws_connect(f"{venue.url}/ws/{key}") as socket:
        assert await client.raw("DELETE", LISTEN_KEY, "") == (200, {})
        (frame,) = await read(socket, 1)
        assert (frame["e"], frame["listenKey"]) == ("listenKeyExpired", key)
        await client.order("BUY", "0.1", "59000")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.receive_str(), 0.2)
    status, answer = await client.raw("PUT", LISTEN_KEY, "")
    assert (status, answer["code"]) == (400, -1125)


async def test_listening_with_a_wrong_key_is_told_and_closed(venue: RunningVenue, client: Client):
    async with client.session.ws_connect(f"{venue.url}/private/ws?listenKey={'f' * 64}") as socket:
        (frame,) = await read(socket, 1)
        assert frame["e"] == "listenKeyExpired"
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_listen_key_needs_an_api_key(client: Client):
    status, answer = await client.raw("POST", LISTEN_KEY, "", api_key="")
    assert (status, answer["code"]) == (401, -2014)


async def test_settings_are_told(venue: RunningVenue, client: Client):
    key = await listen(client)
    async with client.session.ws_connect(f"{venue.url}/ws/{key}") as socket:
        await client.call("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=7)
        (frame,) = await read(socket, 1)
    assert (frame["e"], frame["ac"]) == ("ACCOUNT_CONFIG_UPDATE", {"s": "BTCUSDT", "l": 7})


async def test_latency_delays_answers_and_events_and_keeps_their_order(tmp_path: Path):
    venue = RunningVenue(tmp_path / "state", "--latency-ms", "60", "--jitter-ms", "40", "--seed", "3")
    await venue.start()
    client = venue.client()
    try:
        key = await listen(client)
        loop = asyncio.get_running_loop()
        async with client.session.ws_connect(f"{venue.url}/ws/{key}") as socket:
            started = loop.time()
            await client.order("BUY", "0.7")
            answered = loop.time() - started
            frames = await read(socket, 4)
            heard = loop.time() - started
    finally:
        await venue.stop()
    assert 0.04 <= answered <= 0.5
    assert heard >= 0.04
    assert [kind for _event, kind in kinds(frames)] == ["NEW", "ORDER", "TRADE", "TRADE"]


def test_listen_key_lasts_sixty_minutes_unless_it_is_prolonged(tmp_path: Path):
    keys = ListenKeys(tmp_path / "listen-keys.json")
    first, second = keys.start("a", now_ms=0), keys.start("b", now_ms=0)
    keys.start("b", now_ms=1_800_000)
    assert keys.expire(3_599_999) == []
    assert keys.expire(3_600_000) == [first]
    again = ListenKeys(tmp_path / "listen-keys.json")
    again.open()
    assert again.active() == [second]
    assert again.expire(5_400_000) == [second]
