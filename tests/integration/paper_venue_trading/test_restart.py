"""kill -9 and starting again: the venue forgets nothing that it confirmed."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from seawall_paper_venue.sources.resumed import MAX_CATCH_UP_NS, beginning_of
from tests.integration.paper_venue_trading.processes import VenueProcess, refuse_to_start
from tests.integration.paper_venue_trading.venues import GUARDIAN_KEY, TRADE_KEY, Client, now_ms


async def memory_of(client: Client) -> dict[str, Any]:
    """Return all that the venue says of the account and that does not move with the market."""
    rows: dict[str, Any] = {}
    for path in (
        "/fapi/v1/openOrders",
        "/fapi/v1/allOrders?symbol=BTCUSDT",
        "/fapi/v1/openAlgoOrders",
        "/fapi/v1/allAlgoOrders?symbol=BTCUSDT",
        "/fapi/v1/userTrades?symbol=BTCUSDT",
        "/fapi/v1/income",
        "/fapi/v1/symbolConfig",
    ):
        name, _, query = path.partition("?")
        status, rows[path] = await client.call(
            "GET", name, **dict(pair.split("=") for pair in query.split("&") if query)
        )
        assert status == 200, rows[path]
    _, account = await client.call("GET", "/fapi/v2/account")
    rows["wallet"] = account["totalWalletBalance"]
    rows["positions"] = [(p["symbol"], p["positionAmt"], p["entryPrice"]) for p in account["positions"]]
    return rows


async def test_killed_venue_comes_back_with_the_same_account(tmp_path: Path):
    process = VenueProcess(tmp_path, "--source", "synthetic:7")
    process.start()
    client = Client(process.url)
    try:
        _, ticker = await client.raw("GET", "/fapi/v1/ticker/price", "symbol=BTCUSDT")
        low = f"{float(ticker['price']) * 0.96:.1f}"
        await client.call("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=10)
        await client.order("BUY", "0.2", newClientOrderId="entry")
        await client.order("BUY", "0.1", low, newClientOrderId="resting")
        await client.stop("SELL", low, "0.2", reduceOnly="true", clientAlgoId="guard")
        ended = await client.order("BUY", "0.1", low)
        await client.call("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=ended["orderId"])
        _, key = await client.raw("POST", "/fapi/v1/listenKey", "")
        before = await memory_of(client)
        for _restart in range(2):
            process.kill()
            process.start()
            assert await memory_of(client) == before
        assert (await client.raw("POST", "/fapi/v1/listenKey", ""))[1] == key
        status, answer = await client.call(
            "POST",
            "/fapi/v1/order",
            symbol="BTCUSDT",
            side="BUY",
            type="LIMIT",
            timeInForce="GTC",
            quantity="0.1",
            price=low,
            newClientOrderId="resting",
        )
        assert (status, answer["code"]) == (400, -4116)
        again = await client.order("SELL", "0.2", reduceOnly="true")
        assert again["orderId"] > max(row["orderId"] for row in before["/fapi/v1/allOrders?symbol=BTCUSDT"])
        assert process.stop() == 0
    finally:
        process.kill()
        await client.close()


async def test_market_goes_on_where_the_clock_says_after_a_kill(tmp_path: Path):
    process = VenueProcess(tmp_path, "--source", "synthetic:8")
    process.start()
    client = Client(process.url)

    async def look() -> tuple[int, float]:
        _, book = await client.raw("GET", "/fapi/v1/depth", "symbol=BTCUSDT&limit=5")
        return int(book["lastUpdateId"]), float(book["bids"][0][0])

    try:
        await asyncio.sleep(1)
        before, price = await look()
        process.kill()
        process.start()
        after, price_after = await look()
        assert before < after
        assert price_after == pytest.approx(price, rel=0.01)
        _, trades = await client.raw("GET", "/fapi/v1/trades", "symbol=BTCUSDT")
        times = [trade["time"] for trade in trades]
        assert times == sorted(times)
        assert now_ms() - 60_000 < times[0] <= times[-1] <= now_ms()
    finally:
        process.kill()
        await client.close()


def test_market_begins_anew_where_it_is_another_or_began_too_long_ago(tmp_path: Path):
    late = 3_001 + MAX_CATCH_UP_NS

    def begun(market: str, now_ns: int) -> tuple[int, int]:
        beginning = beginning_of(tmp_path, market, now_ns)
        return beginning.begun_ns, beginning.life

    assert begun("synthetic:1", 1_000) == (1_000, 0)
    assert begun("synthetic:1", 2_000) == (1_000, 0)
    assert begun("synthetic:2", 3_000) == (3_000, 1)
    assert begun("synthetic:2", late) == (late, 2)
    (tmp_path / "market.json").write_text("damaged")
    assert begun("synthetic:2", late + 1) == (late + 1, 0)


async def test_ids_of_a_market_that_begins_anew_are_higher_than_all_before(tmp_path: Path):
    process = VenueProcess(tmp_path, "--source", "synthetic:8")
    client = Client(process.url)

    async def ids() -> tuple[int, int]:
        _, book = await client.raw("GET", "/fapi/v1/depth", "symbol=BTCUSDT&limit=5")
        _, trades = await client.raw("GET", "/fapi/v1/trades", "symbol=BTCUSDT")
        return int(book["lastUpdateId"]), int(trades[-1]["id"])

    try:
        process.start()
        async with asyncio.timeout(10):
            while not (await client.raw("GET", "/fapi/v1/trades", "symbol=BTCUSDT"))[1]:
                await asyncio.sleep(0.1)
        before = await ids()
        process.kill()
        process._arguments += ["--speed", "2"]  # another market
        process.start()
        async with asyncio.timeout(10):
            while not (await client.raw("GET", "/fapi/v1/trades", "symbol=BTCUSDT"))[1]:
                await asyncio.sleep(0.1)
        after = await ids()
        assert after[0] > before[0] + 10**10
        assert after[1] > before[1] + 10**8
    finally:
        process.kill()
        await client.close()


async def test_venue_ends_at_once_though_somebody_listens(tmp_path: Path):
    process = VenueProcess(tmp_path)
    client = Client(process.url)
    try:
        process.start()
        async with client.session.ws_connect(f"{process.url}/ws/btcusdt@bookTicker") as socket:
            await socket.receive()
            async with asyncio.timeout(3):
                assert await asyncio.to_thread(process.stop) == 0
    finally:
        process.kill()
        await client.close()


async def test_funds_are_paid_in_only_once(tmp_path: Path):
    process = VenueProcess(tmp_path, "--funds", "2500")
    client = Client(process.url)
    try:
        for _start in range(2):
            process.start()
            _, balance = await client.call("GET", "/fapi/v2/balance")
            assert balance[0]["balance"] == "2500.00000000"
            assert process.stop() == 0
    finally:
        process.kill()
        await client.close()


async def test_keys_are_made_once_and_only_their_owner_may_read_them(tmp_path: Path):
    process = VenueProcess(tmp_path)
    process._arguments = ["--port", str(process.port)]
    try:
        process.start()
        made = (process.state / "keys.json").read_text()
        process.kill()
        process.start()
        assert (process.state / "keys.json").read_text() == made
        assert (process.state / "keys.json").stat().st_mode & 0o777 == 0o600
        assert TRADE_KEY.key not in made
        assert GUARDIAN_KEY.key not in made
    finally:
        process.kill()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--symbols", "NOPEUSDT"], "no trading rules for 'NOPEUSDT'"),
        (["--source", "nothing"], "expected synthetic"),
        (["--source", "recording:/does/not/exist"], "/does/not/exist"),
        (["--keys", "/does/not/exist"], "/does/not/exist: cannot be read"),
        (["--speed", "0"], "not above zero"),
        (["--funds", "-1"], "not between zero and"),
    ],
)
def test_wrong_command_line_is_refused_with_what_was_expected(tmp_path: Path, arguments: list[str], words: str):
    said = refuse_to_start("--state", str(tmp_path / "state"), "--port", "1", *arguments)
    assert words in said


def test_busy_port_is_named(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refuse_to_start("--state", str(tmp_path / "state"), "--port", str(port))
    assert f"cannot listen on 127.0.0.1:{port}" in said


def test_state_directory_serves_one_venue_at_a_time(tmp_path: Path):
    process = VenueProcess(tmp_path)
    try:
        process.start()
        said = refuse_to_start("--state", str(process.state), "--port", "1")
        assert "another process writes here" in said
    finally:
        process.kill()


@pytest.mark.parametrize("name", ["journal.jsonl", "snapshot.json", "listen-keys.json"])
def test_damaged_state_is_refused_and_left_as_it_is(tmp_path: Path, name: str):
    state = tmp_path / "state"
    state.mkdir()
    damaged = state / name
    damaged.write_bytes(b"no entry\n")
    said = refuse_to_start("--state", str(state), "--port", "1")
    assert str(damaged) in said
    assert damaged.read_bytes() == b"no entry\n"


def test_state_that_cannot_be_a_directory_is_refused(tmp_path: Path):
    (tmp_path / "state").write_text("a file")
    said = refuse_to_start("--state", str(tmp_path / "state"), "--port", "1")
    assert str(tmp_path / "state") in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_state_directory_that_cannot_be_written_is_refused(tmp_path: Path):
    state = tmp_path / "state"
    state.mkdir(mode=0o500)
    said = refuse_to_start("--state", str(state), "--port", "1")
    assert str(state) in said
