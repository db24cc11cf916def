"""WebSocket connections: subscriptions, envelopes, refusals, limits."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from seawall_paper_venue.market_socket import SocketLimits

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def connected(venue: Any, path: str, **options: Any) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with venue.session.ws_connect(venue.url + path, **options) as connection:
        yield connection


async def ask(connection: aiohttp.ClientWebSocketResponse, request: object) -> Any:
    """Send a request and return its answer, passing over market frames."""
    await connection.send_str(request if isinstance(request, str) else json.dumps(request))
    async with asyncio.timeout(5):
        while True:
            answer = json.loads((await connection.receive()).data)
            if "result" in answer or "error" in answer:
                return answer


async def frames(connection: aiohttp.ClientWebSocketResponse, count: int) -> list[Any]:
    async with asyncio.timeout(8):
        return [json.loads((await connection.receive()).data) for _ in range(count)]


async def is_silent(connection: aiohttp.ClientWebSocketResponse, seconds: float = 0.4) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await connection.receive()
    except TimeoutError:
        return True
    return False


EVERY_KIND = {
    "btcusdt@depth@0ms": "depthUpdate",
    "btcusdt@depth@100ms": "depthUpdate",
    "btcusdt@depth": "depthUpdate",
    "btcusdt@depth@500ms": "depthUpdate",
    "btcusdt@depth5@100ms": "depthUpdate",
    "btcusdt@depth20": "depthUpdate",
    "ethusdt@depth10@0ms": "depthUpdate",
    "btcusdt@trade": "trade",
    "btcusdt@aggTrade": "aggTrade",
    "btcusdt@bookTicker": "bookTicker",
    "!bookTicker": "bookTicker",
    "btcusdt@markPrice@1s": "markPriceUpdate",
    "btcusdt@markPrice": "markPriceUpdate",
    "btcusdt@kline_1m": "kline",
    "btcusdt_perpetual@continuousKline_1h": "continuous_kline",
    "btcusdt@ticker": "24hrTicker",
    "btcusdt@miniTicker": "24hrMiniTicker",
}
ARRAYS = {
    "!markPrice@arr": "markPriceUpdate",
    "!markPrice@arr@1s": "markPriceUpdate",
    "!ticker@arr": "24hrTicker",
    "!miniTicker@arr": "24hrMiniTicker",
}


async def test_every_stream_sends_its_own_kind_of_frame(venue: Any) -> None:
    names = "/".join([*EVERY_KIND, *ARRAYS])
    seen: dict[str, Any] = {}
    async with connected(venue, f"/stream?streams={names}") as connection, asyncio.timeout(8):
        while len(seen) < len(EVERY_KIND) + len(ARRAYS):
            frame = json.loads((await connection.receive()).data)
            seen[frame["stream"]] = frame["data"]
    for name, kind in EVERY_KIND.items():
        assert seen[name]["e"] == kind, name
    for name, kind in ARRAYS.items():
        assert [each["e"] for each in seen[name]] == [kind, kind], name
        assert [each["s"] for each in seen[name]] == ["BTCUSDT", "ETHUSDT"], name


async def test_partial_depth_has_so_many_levels_best_first(venue: Any) -> None:
    async with connected(venue, "/ws/btcusdt@depth10@100ms") as connection:
        for frame in await frames(connection, 3):
            assert len(frame["b"]) == len(frame["a"]) == 10
            assert float(frame["b"][0][0]) > float(frame["b"][9][0])
            assert float(frame["a"][0][0]) < float(frame["a"][9][0])


async def test_plain_connections_send_bare_frames_and_combined_ones_name_the_stream(venue: Any) -> None:
    async with (
        connected(venue, "/ws/btcusdt@bookTicker") as plain,
        connected(venue, "/stream?streams=btcusdt@bookTicker") as combined,
    ):
        bare, named = (await frames(plain, 1))[0], (await frames(combined, 1))[0]
    assert bare["e"] == "bookTicker"
    assert set(named) == {"stream", "data"}
    assert named["stream"] == "btcusdt@bookTicker"
    assert set(named["data"]) == set(bare)


async def test_two_clients_receive_the_very_same_frames(venue: Any) -> None:
    async with connected(venue, "/ws/btcusdt@depth@0ms") as one, connected(venue, "/ws/btcusdt@depth@0ms") as other:
        first, second = await frames(one, 12), await frames(other, 12)
    shared = [frame for frame in first if frame in second]
    assert len(shared) >= 10


async def test_streams_can_be_added_listed_and_taken_away(venue: Any) -> None:
    async with connected(venue, "/ws") as connection:
        assert await is_silent(connection, 0.2)
        request = {"method": "SUBSCRIBE", "params": ["btcusdt@trade", "btcusdt@bookTicker"], "id": 1}
        assert await ask(connection, request) == {"result": None, "id": 1}
        listed = await ask(connection, {"method": "LIST_SUBSCRIPTIONS", "id": 2})
        assert listed == {"result": ["btcusdt@trade", "btcusdt@bookTicker"], "id": 2}
        assert (await frames(connection, 1))[0]["e"] in ("trade", "bookTicker")
        await ask(connection, {"method": "UNSUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 3})
        kinds = Counter(frame["e"] for frame in await frames(connection, 3))
        assert set(kinds) == {"trade"}


async def test_ids_may_be_text(venue: Any) -> None:
    async with connected(venue, "/ws") as connection:
        answer = await ask(connection, {"method": "LIST_SUBSCRIPTIONS", "id": "3e0b1c"})
        assert answer == {"result": [], "id": "3e0b1c"}


async def test_envelopes_can_be_turned_on(venue: Any) -> None:
    async with connected(venue, "/ws/btcusdt@bookTicker") as connection:
        assert (await ask(connection, {"method": "GET_PROPERTY", "params": ["combined"], "id": 1}))["result"] is False
        await ask(connection, {"method": "SET_PROPERTY", "params": ["combined", True], "id": 2})
        assert (await ask(connection, {"method": "GET_PROPERTY", "params": ["combined"], "id": 3}))["result"] is True
        assert (await frames(connection, 1))[0]["stream"] == "btcusdt@bookTicker"


@pytest.mark.parametrize(
    ("request_text", "code", "start"),
    [
        ("nonsense", 3, "Invalid JSON"),
        ("[1]", 2, "Invalid request"),
        ('{"method":"SUBSCRIBE","params":["btcusdt@trade"]}', 2, "Invalid request: request ID"),
        ('{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":-1}', 2, "Invalid request: request ID"),
        ('{"params":["btcusdt@trade"],"id":1}', 2, "Invalid request: missing field `method`"),
        ('{"method":"DANCE","id":1}', 2, "Invalid request: unknown variant DANCE, expected one of SUBSCRIBE"),
        ('{"method":"SUBSCRIBE","id":1}', 2, "Invalid request"),
        ('{"method":"SUBSCRIBE","params":["not a stream"],"id":1}', 2, "Invalid request: invalid stream"),
        ('{"method":"SUBSCRIBE","params":[7],"id":1}', 2, "Invalid request: invalid stream"),
        ('{"method":"SET_PROPERTY","params":["colour",true],"id":1}', 0, "Unknown property"),
        ('{"method":"SET_PROPERTY","params":["combined",1],"id":1}', 1, "Invalid value type: expected Boolean"),
        ('{"method":"SET_PROPERTY","params":[1],"id":1}', 2, "Invalid request: property name must be a string"),
    ],
)
async def test_wrong_requests_are_refused_in_the_venues_words(
    venue: Any, request_text: str, code: int, start: str
) -> None:
    async with connected(venue, "/ws") as connection:
        answer = await ask(connection, request_text)
        assert answer["error"]["code"] == code
        assert answer["error"]["msg"].startswith(start)
        await ask(connection, {"method": "LIST_SUBSCRIPTIONS", "id": 9})  # the connection lives on


async def test_unknown_symbol_is_acknowledged_and_silent_as_on_the_real_venue(venue: Any) -> None:
    async with connected(venue, "/ws") as connection:
        assert await ask(connection, {"method": "SUBSCRIBE", "params": ["nopeusdt@trade"], "id": 1}) == {
            "result": None,
            "id": 1,
        }
        assert await is_silent(connection)


async def test_public_endpoint_carries_books_and_market_endpoint_the_rest(venue: Any) -> None:
    names = "btcusdt@bookTicker/btcusdt@depth@100ms/btcusdt@aggTrade/btcusdt@markPrice@1s"
    seen: dict[str, set[str]] = {}
    for route in ("/public", "/market"):
        async with connected(venue, f"{route}/stream?streams={names}") as connection:
            listed = await ask(connection, {"method": "LIST_SUBSCRIPTIONS", "id": 1})
            assert len(listed["result"]) == 4
            seen[route] = set()
            async with asyncio.timeout(5):
                while len(seen[route]) < 2:
                    seen[route].add(json.loads((await connection.receive()).data)["stream"])
    assert seen["/public"] == {"btcusdt@bookTicker", "btcusdt@depth@100ms"}
    assert seen["/market"] == {"btcusdt@aggTrade", "btcusdt@markPrice@1s"}


async def test_any_path_under_ws_connects(venue: Any) -> None:
    """Client libraries number their connections: ``/ws/0``."""
    async with connected(venue, "/ws/0") as connection:
        await ask(connection, {"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 1})
        assert (await frames(connection, 1))[0]["s"] == "BTCUSDT"


async def test_private_streams_go_to_those_who_know_their_name(start_venue: Any) -> None:
    venue = await start_venue(is_private_stream=lambda name: name == "secretkey")
    async with connected(venue, "/stream?streams=secretkey") as one, connected(venue, "/ws") as other:
        await ask(other, {"method": "SUBSCRIBE", "params": ["secretkey"], "id": 1})
        venue.hub.broadcaster.send("secretkey", b'{"e":"ORDER_TRADE_UPDATE"}')
        venue.hub.broadcaster.flush()
        assert await frames(one, 1) == [{"stream": "secretkey", "data": {"e": "ORDER_TRADE_UPDATE"}}]
        assert await frames(other, 1) == [{"e": "ORDER_TRADE_UPDATE"}]
        refused = await ask(other, {"method": "SUBSCRIBE", "params": ["otherkey"], "id": 2})
        assert refused["error"]["code"] == 2


async def test_pings_are_answered_and_sent(start_venue: Any) -> None:
    venue = await start_venue(limits=SocketLimits(ping_every_s=0.1, pong_within_s=5))
    async with connected(venue, "/ws", autoping=False) as connection:
        await connection.ping(b"hello")
        kinds = [(await connection.receive(timeout=2)).type for _ in range(2)]
        assert set(kinds) == {aiohttp.WSMsgType.PONG, aiohttp.WSMsgType.PING}


async def test_client_that_never_answers_pings_is_let_go(start_venue: Any) -> None:
    venue = await start_venue(limits=SocketLimits(ping_every_s=0.1, pong_within_s=0.25))
    async with connected(venue, "/ws", autoping=False) as connection, asyncio.timeout(3):
        while (message := await connection.receive()).type is aiohttp.WSMsgType.PING:
            pass
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == 1008


async def test_client_that_answers_pings_stays(start_venue: Any) -> None:
    venue = await start_venue(limits=SocketLimits(ping_every_s=0.05, pong_within_s=0.2))
    async with connected(venue, "/ws") as connection:
        assert await is_silent(connection, 0.6)
        await ask(connection, {"method": "LIST_SUBSCRIPTIONS", "id": 1})


async def test_connection_ends_with_its_lifetime(start_venue: Any) -> None:
    venue = await start_venue(limits=SocketLimits(lifetime_s=0.3))
    async with connected(venue, "/ws") as connection:
        message = await connection.receive(timeout=2)
        assert message.type is aiohttp.WSMsgType.CLOSE
    assert not venue.hub.broadcaster.wanted("btcusdt@trade")


async def test_too_many_messages_a_second_end_the_connection(venue: Any) -> None:
    async with connected(venue, "/ws") as connection, asyncio.timeout(5):
        for number in range(15):
            await connection.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
        while (message := await connection.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1008)


async def test_oversize_message_ends_the_connection_and_nothing_else(venue: Any) -> None:
    async with connected(venue, "/ws") as connection:
        await connection.send_str("x" * 200_000)
        message = await connection.receive(timeout=3)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1009)
    assert await venue.get("/fapi/v1/ping") == {}


async def test_too_many_streams_are_refused(venue: Any) -> None:
    many = [f"btcusdt@depth5@{pace}ms" for pace in (100,)] + [f"sym{number}usdt@trade" for number in range(1_100)]
    async with connected(venue, "/ws") as connection:
        answer = await ask(connection, {"method": "SUBSCRIBE", "params": many, "id": 1})
        assert answer["error"] == {"code": 2, "msg": "Invalid request: too many parameters"}


async def test_client_that_does_not_read_is_cut_off_and_holds_nobody_up(start_venue: Any) -> None:
    venue = await start_venue(limits=SocketLimits(max_unsent_bytes=100_000))
    host, port = venue.runner.addresses[0][:2]
    lazy = socket.socket()
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    lazy.connect((host, port))
    lazy.setblocking(False)
    handshake = (
        f"GET /stream?streams=btcusdt@depth@0ms/btcusdt@bookTicker HTTP/1.1\r\nHost: {host}:{port}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n"
    )
    await asyncio.get_running_loop().sock_sendall(lazy, handshake.encode())
    filler = b'{"x":"' + b"y" * 50_000 + b'"}'
    async with connected(venue, "/ws/btcusdt@bookTicker") as reader, asyncio.timeout(8):
        while not venue.hub.broadcaster.wanted("btcusdt@depth@0ms"):
            await asyncio.sleep(0.01)
        while venue.hub.broadcaster.wanted("btcusdt@depth@0ms"):
            venue.hub.broadcaster.send("btcusdt@depth@0ms", filler)
            venue.hub.broadcaster.flush()
            await asyncio.sleep(0.005)
        assert len(await frames(reader, 20)) == 20
    lazy.close()


async def test_what_nobody_listens_to_is_not_sent(start_venue: Any) -> None:
    venue = await start_venue()
    async with connected(venue, "/ws/btcusdt@trade"):
        assert venue.hub.broadcaster.wanted("btcusdt@trade")
    async with asyncio.timeout(3):
        while venue.hub.broadcaster.wanted("btcusdt@trade"):
            await asyncio.sleep(0.02)
    sent = venue.hub.broadcaster.frames_sent
    await asyncio.sleep(0.2)
    assert venue.hub.broadcaster.frames_sent == sent
