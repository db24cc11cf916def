"""python-binance drives the venue with nothing changed but the base URLs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from binance import AsyncClient, BinanceSocketManager
from binance.client import Client
from binance.exceptions import BinanceAPIException

from tests.integration.paper_venue_trading.processes import VenueProcess
from tests.integration.paper_venue_trading.venues import GUARDIAN_KEY

BTC = "BTCUSDT"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VenueProcess]:
    """One venue for this file."""
    venue = VenueProcess(tmp_path_factory.mktemp("python-binance"), "--source", "synthetic:6")
    venue.start()
    yield venue
    assert venue.stop() == 0


@pytest.fixture
async def client(process: VenueProcess) -> AsyncIterator[Any]:
    """A client with another base URL, and nothing open after the test."""

    class Rebased(AsyncClient):
        API_URL = f"{process.url}/api"
        MARGIN_API_URL = f"{process.url}/sapi"
        FUTURES_URL = f"{process.url}/fapi"

    made = await Rebased.create(GUARDIAN_KEY.key, GUARDIAN_KEY.secret)
    yield made
    await made.futures_cancel_all_open_orders(symbol=BTC)
    await made.futures_cancel_all_algo_open_orders(symbol=BTC)
    await made.close_connection()


async def price_near(client: Any, factor: float) -> str:
    """Return a price that many times the mark price, on the tick."""
    return f"{float((await client.futures_mark_price(symbol=BTC))['markPrice']) * factor:.1f}"


async def test_plain_order_lives_from_placing_to_cancelling(client: Any):
    order = await client.futures_create_order(
        symbol=BTC, side="BUY", type="LIMIT", timeInForce="GTC", quantity=0.01, price=await price_near(client, 0.97)
    )
    assert [o["orderId"] for o in await client.futures_get_open_orders(symbol=BTC)] == [order["orderId"]]
    changed = await client.futures_modify_order(
        symbol=BTC, side="BUY", orderId=order["orderId"], quantity=0.02, price=await price_near(client, 0.96)
    )
    assert (changed["orderId"], changed["origQty"]) == (order["orderId"], "0.020")
    ended = await client.futures_cancel_order(symbol=BTC, orderId=order["orderId"])
    assert ended["status"] == "CANCELED"
    with pytest.raises(BinanceAPIException) as raised:
        await client.futures_cancel_order(symbol=BTC, orderId=order["orderId"])
    assert raised.value.code == -2011


async def test_stop_goes_to_the_algo_endpoint_of_its_own_accord(client: Any):
    stop = await client.futures_create_order(
        symbol=BTC,
        side="SELL",
        type="STOP_MARKET",
        quantity=0.01,
        stopPrice=await price_near(client, 0.97),
        reduceOnly="true",
    )
    assert stop["algoStatus"] == "NEW"
    assert [a["algoId"] for a in await client.futures_get_open_algo_orders()] == [stop["algoId"]]
    assert (await client.futures_get_algo_order(algoId=stop["algoId"]))["orderType"] == "STOP_MARKET"
    ended = await client.futures_cancel_algo_order(algoId=stop["algoId"])
    assert ended["algoStatus"] == "CANCELED"


async def test_batches_are_placed_and_cancelled(client: Any):
    price = await price_near(client, 0.97)
    order = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": price}
    placed = await client.futures_place_batch_order(batchOrders=[order, {**order, "quantity": "0.0001"}])
    assert [row.get("status") or row["code"] for row in placed] == ["NEW", -1111]
    ended = await client.futures_cancel_orders(symbol=BTC, orderidlist=[placed[0]["orderId"], 5])
    assert [row.get("status") or row["code"] for row in ended] == ["CANCELED", -2011]


async def test_everything_about_the_account_can_be_read(client: Any):
    assert float((await client.futures_account_balance())[0]["balance"]) > 9_000
    assert (await client.futures_account())["canTrade"] is True
    assert (await client.futures_change_leverage(symbol=BTC, leverage=5))["leverage"] == 5
    assert (await client.futures_get_position_mode()) == {"dualSidePosition": False}
    assert (await client.futures_get_multi_assets_mode()) == {"multiAssetsMargin": False}
    assert (await client.futures_leverage_bracket())[0]["symbol"] == BTC
    assert (await client.futures_income_history())[0]["incomeType"] == "TRANSFER"
    assert await client.futures_liquidation_orders() == []
    assert (await client.futures_commission_rate(symbol=BTC))["takerCommissionRate"] == "0.0005"
    assert (await client.futures_countdown_cancel_all(symbol=BTC, countdownTime=0))["countdownTime"] == "0"
    assert await client.futures_create_test_order(symbol=BTC, side="BUY", type="MARKET", quantity=0.01) == {}
    with pytest.raises(BinanceAPIException) as raised:
        await client.futures_change_position_mode(dualSidePosition="true")
    assert raised.value.code == -4084


async def test_user_socket_hears_a_round_trip(client: Any, process: VenueProcess):
    class Rebased(BinanceSocketManager):
        FSTREAM_URL = process.url.replace("http", "ws", 1) + "/"

    heard: list[tuple[str, str]] = []
    async with Rebased(client).futures_user_socket() as socket:
        await client.futures_create_order(symbol=BTC, side="BUY", type="MARKET", quantity=0.01)
        await client.futures_create_order(symbol=BTC, side="SELL", type="MARKET", quantity=0.01, reduceOnly="true")
        while heard.count(("ORDER_TRADE_UPDATE", "FILLED")) < 2:
            frame = await asyncio.wait_for(socket.recv(), 5)
            heard.append((frame["e"], frame.get("o", {}).get("X", "")))
        # the library closes only after one more frame or ten seconds
        farewell = asyncio.create_task(client.futures_change_leverage(symbol=BTC, leverage=5))
    await farewell
    assert ("ACCOUNT_UPDATE", "") in heard
    (row,) = [r for r in await client.futures_position_information() if r["symbol"] == BTC] or [{"positionAmt": "0"}]
    assert float(row["positionAmt"]) == 0
    trades = await client.futures_account_trades(symbol=BTC)
    assert len({trade["orderId"] for trade in trades}) == 2


def test_the_synchronous_client_trades_too(process: VenueProcess):
    class Rebased(Client):
        API_URL = f"{process.url}/api"
        FUTURES_URL = f"{process.url}/fapi"

    client = Rebased(GUARDIAN_KEY.key, GUARDIAN_KEY.secret)
    order = client.futures_create_order(symbol=BTC, side="BUY", type="MARKET", quantity=0.01, newOrderRespType="RESULT")
    assert order["status"] == "FILLED"
    client.futures_create_order(symbol=BTC, side="SELL", type="MARKET", quantity=0.01, reduceOnly="true")
    client.close_connection()
