"""Who is let in: keys, signatures, and how old or early a request may be."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.paper_venue_trading.venues import GUARDIAN_KEY, Client, RunningVenue, now_ms

BALANCE = "/fapi/v2/balance"


async def test_both_keys_of_the_account_see_the_same_money(venue: RunningVenue):
    first, second = venue.client(), venue.client(GUARDIAN_KEY)
    assert await first.call("GET", BALANCE) == await second.call("GET", BALANCE)


@pytest.mark.parametrize(("api_key", "code"), [("", -2014), ("with space", -2014), ("f" * 64, -2015)])
async def test_wrong_key_is_turned_away(client: Client, api_key: str, code: int):
    query = f"timestamp={now_ms()}"
    status, answer = await client.raw("GET", BALANCE, f"{query}&signature={client.sign(query)}", api_key=api_key)
    assert (status, answer["code"]) == (401, code)


@pytest.mark.parametrize("signature", ["0" * 64, "zz", "%C3%A9"])
async def test_wrong_signature_is_turned_away(client: Client, signature: str):
    status, answer = await client.raw("GET", BALANCE, f"timestamp={now_ms()}&signature={signature}")
    assert (status, answer["code"]) == (400, -1022)


async def test_signature_covers_every_parameter(client: Client):
    query = f"symbol=BTCUSDT&leverage=5&timestamp={now_ms()}"
    signature = client.sign(query)
    changed = query.replace("leverage=5", "leverage=50")
    status, answer = await client.raw("POST", "/fapi/v1/leverage", f"{changed}&signature={signature}")
    assert (status, answer["code"]) == (400, -1022)


async def test_signature_of_another_key_is_turned_away(venue: RunningVenue):
    client, query = venue.client(), f"timestamp={now_ms()}"
    foreign = venue.client(GUARDIAN_KEY).sign(query)
    status, answer = await client.raw("GET", BALANCE, f"{query}&signature={foreign}")
    assert (status, answer["code"]) == (400, -1022)


@pytest.mark.parametrize(
    ("age_ms", "window", "code"),
    [
        (0, None, None),
        (4_000, None, None),
        (5_500, None, -1021),
        (5_500, 6_000, None),
        (1_500, 1_000, -1021),
        (-800, None, None),
        (-1_500, None, -1021),
        (-1_500, 60_000, -1021),
        (0, 60_001, -1131),
        (0, 0, -1131),
    ],
)
async def test_request_must_be_recent_and_not_from_the_future(
    client: Client, age_ms: int, window: int | None, code: int | None
):
    status, answer = await client.call("GET", BALANCE, timestamp=now_ms() - age_ms, recvWindow=window)
    assert (status, answer["code"] if code else None) == (400 if code else 200, code)


async def test_late_and_early_are_told_apart_in_words(client: Client):
    _, late = await client.call("GET", BALANCE, timestamp=now_ms() - 9_000)
    _, early = await client.call("GET", BALANCE, timestamp=now_ms() + 9_000)
    assert "outside of the recvWindow" in late["msg"]
    assert "1000ms ahead of the server's time" in early["msg"]


@pytest.mark.parametrize(
    ("query", "missing"),
    [("", "timestamp"), ("timestamp=yesterday", "timestamp"), ("timestamp={now}", "signature")],
)
async def test_missing_parts_are_named(client: Client, query: str, missing: str):
    status, answer = await client.raw("GET", BALANCE, query.format(now=now_ms()))
    assert (status, answer["code"]) == (400, -1102)
    assert f"'{missing}'" in answer["msg"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/fapi/v1/nothing"), ("PATCH", "/fapi/v1/order"), ("GET", "/fapi/v9/balance")]
)
async def test_unknown_path_is_answered_in_json(client: Client, method: str, path: str):
    status, answer = await client.call(method, path)
    assert (status, answer["code"]) == (404, -5000)


async def test_oversize_request_is_turned_away(client: Client):
    body: Any = "symbol=" + "x" * 400_000
    status, answer = await client.raw("POST", "/fapi/v1/order", "", body)
    assert (status, answer["code"]) == (413, -1101)


async def test_undecodable_body_is_an_error_of_the_client(client: Client):
    status, answer = await client.raw("POST", "/fapi/v1/order", "", b"\xff\xfe=1&&&===%%%")
    assert status == 400
    assert answer["code"] == -1102
