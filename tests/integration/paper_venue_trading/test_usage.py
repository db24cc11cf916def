"""Limits: counted as used, told in headers, answered with 429 and then 418."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seawall_paper_venue.faults import VenueFault
from seawall_paper_venue.gate import market_weight
from seawall_paper_venue.usage import Usage, UsageLimits
from tests.integration.paper_venue_trading.venues import Client, RunningVenue

MINUTE_MS = 60_000


@pytest.fixture
async def narrow(tmp_path: Path) -> AsyncIterator[Client]:
    """A client of a venue that allows a weight of 50 and 3 orders in ten seconds."""
    running = RunningVenue(tmp_path / "state", "--weight-limit", "50", "--orders-limit-10s", "3")
    await running.start()
    yield running.client()
    await running.stop()


async def test_weight_is_told_with_every_answer(client: Client):
    await client.call("GET", "/fapi/v2/balance")
    before = int(client.headers["X-MBX-USED-WEIGHT-1M"])
    await client.call("GET", "/fapi/v2/account")
    after = int(client.headers["X-MBX-USED-WEIGHT-1M"])
    assert after - before == 5 or after == 5  # the minute may have turned


async def test_order_counts_are_told_with_orders(client: Client):
    await client.order("BUY", "0.1")
    assert client.headers["X-MBX-ORDER-COUNT-10S"] == "1"
    assert client.headers["X-MBX-ORDER-COUNT-1M"] == "1"
    await client.call("GET", "/fapi/v2/balance")
    assert "X-MBX-ORDER-COUNT-10S" not in client.headers


async def test_too_much_weight_is_answered_429_and_going_on_418(narrow: Client):
    statuses = [(await narrow.call("GET", "/fapi/v2/balance"))[0] for _each in range(14)]
    assert statuses[:3] == [200, 200, 200]
    assert 429 in statuses
    assert statuses[-1] == 418
    assert statuses == sorted(statuses, key=(200, 429, 418).index)
    assert int(narrow.headers["Retry-After"]) > 60


async def test_too_many_orders_are_answered_429_and_do_nothing(narrow: Client):
    answers = [
        await narrow.call("POST", "/fapi/v1/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
        for _each in range(7)
    ]
    refused = [answer for status, answer in answers if status == 429]
    assert refused
    assert {answer["code"] for answer in refused} == {-1015}
    accepted = len(answers) - len(refused)
    assert await narrow.held() == f"{accepted * 0.01:.3f}"


@pytest.mark.parametrize(
    ("path", "query", "weight"),
    [
        ("/fapi/v1/ping", {}, 1),
        ("/fapi/v1/depth", {}, 10),
        ("/fapi/v1/depth", {"limit": "5"}, 2),
        ("/fapi/v1/depth", {"limit": "1000"}, 20),
        ("/fapi/v1/depth", {"limit": "many"}, 2),
        ("/fapi/v1/klines", {"limit": "1500"}, 10),
        ("/fapi/v1/ticker/24hr", {"symbol": "BTCUSDT"}, 1),
        ("/fapi/v1/ticker/24hr", {}, 40),
    ],
)
def test_public_requests_weigh_what_they_ask_for(path: str, query: dict[str, str], weight: int):
    assert market_weight(path, query) == weight


async def test_lists_over_all_symbols_weigh_more(client: Client):
    await client.call("GET", "/fapi/v1/openOrders", symbol="BTCUSDT")
    light = int(client.headers["X-MBX-USED-WEIGHT-1M"])
    await client.call("GET", "/fapi/v1/openOrders")
    assert int(client.headers["X-MBX-USED-WEIGHT-1M"]) in (light + 40, 40)


def test_counts_start_again_with_every_window():
    usage = Usage(UsageLimits(weight_1m=10, orders_10s=2, orders_1m=3))
    assert usage.add_weight("here", 0, 10) == 10
    with pytest.raises(VenueFault) as fault:
        usage.add_weight("here", MINUTE_MS - 1, 1)
    assert (fault.value.status, fault.value.retry_after_s) == (429, 1)
    assert usage.add_weight("there", MINUTE_MS - 1, 1) == 1
    assert usage.add_weight("here", MINUTE_MS, 1) == 1


def test_order_windows_are_counted_apart():
    usage = Usage(UsageLimits(weight_1m=10, orders_10s=2, orders_1m=3))
    assert usage.add_orders(0, 1, 1) == (1, 1)
    assert usage.add_orders(1, 1, 1) == (2, 2)
    assert usage.add_orders(10_000, 1, 1) == (1, 3)
    with pytest.raises(VenueFault, match="3 orders per MINUTE"):
        usage.add_orders(20_000, 1, 1)


def test_ban_lasts_longer_each_time():
    usage = Usage(UsageLimits(weight_1m=10))
    now_ms = 0
    lengths = []
    for _ban in range(3):
        with pytest.raises(VenueFault) as fault:
            usage.add_weight("here", now_ms, 13)
        assert fault.value.status == 418
        lengths.append(fault.value.retry_after_s)
        now_ms += (fault.value.retry_after_s + 60) * 1000
    assert lengths == [121, 241, 481]
