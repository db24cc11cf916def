"""Plain and conditional orders over REST: answers, errors in the venue's codes, and what they do to the account."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.integration.paper_venue_trading.venues import Client, HandMarket, now_ms

ORDER, ALGO = "/fapi/v1/order", "/fapi/v1/algoOrder"
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1", "price": "59000"}
STOP = {
    "algoType": "CONDITIONAL",
    "symbol": "BTCUSDT",
    "side": "SELL",
    "type": "STOP_MARKET",
    "triggerPrice": "59000",
    "quantity": "0.1",
}


async def test_market_order_walks_the_book_and_its_fills_add_up(client: Client):
    answer = await client.order("BUY", "0.7")
    assert (answer["status"], answer["executedQty"], answer["avgPrice"]) == ("FILLED", "0.700", "60000.12857")
    _, fills = await client.call("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")
    assert [(f["price"], f["qty"], f["maker"]) for f in fills] == [
        ("60000.10", "0.500", False),
        ("60000.20", "0.200", False),
    ]
    _, account = await client.call("GET", "/fapi/v2/account")
    fees = sum(float(f["commission"]) for f in fills)
    assert float(account["totalWalletBalance"]) == pytest.approx(10_000 - fees, abs=1e-8)


async def test_acknowledgement_tells_only_that_the_order_was_taken(client: Client):
    answer = await client.order("BUY", "0.1", newOrderRespType="ACK")
    assert (answer["status"], answer["executedQty"]) == ("NEW", "0.000")
    _, row = await client.call("GET", ORDER, symbol="BTCUSDT", orderId=answer["orderId"])
    assert row["status"] == "FILLED"


async def test_order_is_found_by_either_id_and_listed_until_it_ends(client: Client):
    placed = await client.order("BUY", "0.1", "59000", newClientOrderId="mine-1")
    _, by_own = await client.call("GET", ORDER, symbol="BTCUSDT", origClientOrderId="mine-1")
    _, by_venue = await client.call("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", orderId=placed["orderId"])
    assert by_own == by_venue
    assert by_own["time"] <= by_own["updateTime"]
    _, rows = await client.call("GET", "/fapi/v1/openOrders")
    assert [row["clientOrderId"] for row in rows] == ["mine-1"]
    status, ended = await client.call("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="mine-1")
    assert (status, ended["status"]) == (200, "CANCELED")
    assert await client.call("GET", "/fapi/v1/openOrders", symbol="BTCUSDT") == (200, [])
    _, history = await client.call("GET", "/fapi/v1/allOrders", symbol="BTCUSDT")
    assert [row["status"] for row in history] == ["CANCELED"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"symbol": "NOPEUSDT"}, -1121),
        ({"symbol": None}, -1102),
        ({"side": "HOLD"}, -1117),
        ({"side": None}, -1102),
        ({"type": "ICEBERG"}, -1116),
        ({"type": "STOP_MARKET", "stopPrice": "59000"}, -4120),
        ({"type": "TRAILING_STOP_MARKET", "callbackRate": "1"}, -4120),
        ({"timeInForce": "NEVER"}, -1115),
        ({"timeInForce": None}, -1102),
        ({"quantity": None}, -1102),
        ({"quantity": "much"}, -1102),
        ({"quantity": "NaN"}, -1102),
        ({"quantity": "1e999999"}, -1102),
        ({"quantity": "0"}, -4003),
        ({"quantity": "-1"}, -4003),
        ({"quantity": "0.0001"}, -1111),
        ({"quantity": "1000.001"}, -4005),
        ({"price": None}, -1102),
        ({"price": "59000.001"}, -1111),
        ({"price": "59000.05"}, -4014),
        ({"price": "0"}, -4001),
        ({"price": "1"}, -4013),
        ({"price": "9999999"}, -4002),
        ({"price": "63000.1"}, -4016),
        ({"side": "SELL", "price": "56000"}, -4024),
        ({"quantity": "0.001"}, -4164),
        ({"quantity": "9"}, -2019),
        ({"reduceOnly": "true"}, -2022),
        ({"reduceOnly": "maybe"}, -1102),
        ({"price": "60000.1", "timeInForce": "GTX"}, -5022),
        ({"price": "60000.1", "timeInForce": "FOK", "quantity": "0.6"}, -5021),
        ({"timeInForce": "GTD"}, -1102),
        ({"timeInForce": "GTD", "goodTillDate": "1"}, -5040),
        ({"positionSide": "LONG"}, -4061),
        ({"positionSide": "UP"}, -4060),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"newClientOrderId": "ä b"}, -1100),
        ({"type": "MARKET", "timeInForce": None}, -1106),
        ({"type": "MARKET", "price": None}, -1106),
        ({"newOrderRespType": "LOUD"}, -1130),
        ({"closePosition": "true"}, -4136),
        ({"priceMatch": "OPPONENT"}, -5038),
    ],
)
async def test_wrong_order_is_refused_with_the_venues_code(client: Client, change: dict[str, Any], code: int):
    status, answer = await client.call("POST", ORDER, **{**LIMIT, **change})
    assert (status, answer["code"]) == (400, code), answer
    assert await client.call("GET", "/fapi/v1/allOrders", symbol="BTCUSDT") == (200, [])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"algoType": None}, -1102),
        ({"algoType": "VP"}, -1130),
        ({"type": "LIMIT"}, -1116),
        ({"triggerPrice": None}, -1102),
        ({"triggerPrice": "59000.05"}, -4014),
        ({"triggerPrice": "60000"}, -2021),
        ({"triggerPrice": "61000"}, -2021),
        ({"quantity": None}, -1102),
        ({"type": "STOP"}, -1102),
        ({"type": "TRAILING_STOP_MARKET"}, -1102),
        ({"type": "TRAILING_STOP_MARKET", "callbackRate": "0.05"}, -2007),
        ({"closePosition": "true"}, -1106),
        ({"closePosition": "true", "quantity": None, "reduceOnly": "true"}, -1106),
        ({"type": "STOP", "price": "58000", "closePosition": "true", "quantity": None}, -4136),
        ({"timeInForce": "GTE_GTC"}, -4509),
        ({"workingType": "INDEX"}, -1130),
        ({"positionSide": "SHORT"}, -4061),
    ],
)
async def test_wrong_conditional_is_refused_with_the_venues_code(client: Client, change: dict[str, Any], code: int):
    status, answer = await client.call("POST", ALGO, **{**STOP, **change})
    assert (status, answer["code"]) == (400, code), answer
    assert await client.call("GET", "/fapi/v1/openAlgoOrders") == (200, [])


async def test_client_id_is_refused_while_its_order_is_open(client: Client):
    await client.order("BUY", "0.1", "59000", newClientOrderId="mine")
    status, answer = await client.call("POST", ORDER, **LIMIT, newClientOrderId="mine")
    assert (status, answer["code"]) == (400, -4116)
    await client.stop("SELL", "59000", "0.1", clientAlgoId="guard")
    status, answer = await client.call("POST", ALGO, **STOP, clientAlgoId="guard")
    assert (status, answer["code"]) == (400, -4116)


async def test_unknown_orders_have_one_code_for_cancelling_and_one_for_asking(client: Client):
    assert (await client.call("DELETE", ORDER, symbol="BTCUSDT", orderId=5))[1]["code"] == -2011
    assert (await client.call("GET", ORDER, symbol="BTCUSDT", orderId=5))[1]["code"] == -2013
    assert (await client.call("DELETE", ALGO, algoId=5))[1]["code"] == -2011
    assert (await client.call("GET", ALGO, clientAlgoId="nothing"))[1]["code"] == -2013
    assert (await client.call("GET", ORDER, symbol="BTCUSDT"))[1]["code"] == -1102


async def test_limit_order_fills_when_the_market_trades_through_it(client: Client, market: HandMarket):
    placed = await client.order("BUY", "0.5", "59999.5")
    market.trade("59999.00", "0.2")
    _, row = await client.call("GET", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])
    assert (row["status"], row["executedQty"], row["avgPrice"]) == ("PARTIALLY_FILLED", "0.200", "59999.50000")
    market.trade("59999.00", "3")
    assert await client.held() == "0.500"


async def test_stop_is_a_conditional_until_it_triggers_and_an_order_then(client: Client, market: HandMarket):
    await client.order("BUY", "0.5")
    placed = await client.stop("SELL", "59000", "0.5", reduceOnly="true", workingType="MARK_PRICE", clientAlgoId="g")
    assert (placed["algoStatus"], placed["orderType"], placed["triggerPrice"]) == ("NEW", "STOP_MARKET", "59000.00")
    assert await client.call("GET", "/fapi/v1/openOrders") == (200, [])
    _, (resting,) = await client.call("GET", "/fapi/v1/openAlgoOrders", symbol="BTCUSDT")
    assert (resting["clientAlgoId"], resting["reduceOnly"], resting["actualOrderId"]) == ("g", True, "")
    market.mark("58999.00")
    assert await client.call("GET", "/fapi/v1/openAlgoOrders") == (200, [])
    _, ended = await client.call("GET", ALGO, algoId=placed["algoId"])
    assert (ended["algoStatus"], ended["actualQty"]) == ("FINISHED", "0.500")
    _, order = await client.call("GET", ORDER, symbol="BTCUSDT", orderId=ended["actualOrderId"])
    assert (order["type"], order["origType"], order["clientOrderId"]) == ("MARKET", "STOP_MARKET", "g")
    assert await client.held() == "0.000"
    _, history = await client.call("GET", "/fapi/v1/allAlgoOrders", symbol="BTCUSDT")
    assert [row["algoStatus"] for row in history] == ["FINISHED"]


async def test_cancelling_all_orders_leaves_conditionals_and_the_other_way_round(client: Client):
    await client.order("BUY", "0.1", "59000")
    await client.stop("SELL", "59000", "0.1")
    await client.call("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
    assert len((await client.call("GET", "/fapi/v1/openAlgoOrders"))[1]) == 1
    await client.order("BUY", "0.1", "59000")
    status, answer = await client.call("DELETE", "/fapi/v1/algoOpenOrders", symbol="BTCUSDT")
    assert (status, answer["code"]) == (200, 200)
    assert await client.call("GET", "/fapi/v1/openAlgoOrders") == (200, [])
    assert len((await client.call("GET", "/fapi/v1/openOrders"))[1]) == 1


async def test_amended_order_keeps_its_id(client: Client):
    placed = await client.order("BUY", "0.1", "59000")
    amend = {"symbol": "BTCUSDT", "side": "BUY", "orderId": placed["orderId"], "quantity": "0.2", "price": "58000"}
    status, amended = await client.call("PUT", ORDER, **amend)
    assert (status, amended["orderId"], amended["origQty"], amended["price"]) == (
        200,
        placed["orderId"],
        "0.200",
        "58000.00",
    )
    assert (await client.call("PUT", ORDER, **amend))[1]["code"] == -5027
    assert (await client.call("PUT", ORDER, **{**amend, "orderId": 7}))[1]["code"] == -2013


async def test_each_order_of_a_batch_stands_for_itself(client: Client):
    orders = [LIMIT, {**LIMIT, "quantity": "0.0001"}, {**LIMIT, "newClientOrderId": "third", "reduceOnly": False}]
    status, rows = await client.call("POST", "/fapi/v1/batchOrders", batchOrders=json.dumps(orders))
    assert status == 200
    assert [row.get("status") or row["code"] for row in rows] == ["NEW", -1111, "NEW"]
    ids = json.dumps([rows[0]["orderId"], 7])
    _, ended = await client.call("DELETE", "/fapi/v1/batchOrders", symbol="BTCUSDT", orderIdList=ids)
    assert [row.get("status") or row["code"] for row in ended] == ["CANCELED", -2011]
    names = json.dumps(["third"])
    _, ended = await client.call("DELETE", "/fapi/v1/batchOrders", symbol="BTCUSDT", origClientOrderIdList=names)
    assert [row["status"] for row in ended] == ["CANCELED"]
    for wrong in ("[]", "5", "[{}", json.dumps([LIMIT] * 6)):
        status, answer = await client.call("POST", "/fapi/v1/batchOrders", batchOrders=wrong)
        assert (status, answer["code"]) in ((400, -4082), (400, -1130))


async def test_price_match_takes_its_price_from_the_book(client: Client):
    for match, price in (("QUEUE", "60000.00"), ("QUEUE_5", None), ("OPPONENT", "60000.10")):
        order = {**LIMIT, "price": None, "priceMatch": match, "timeInForce": "IOC"}
        status, answer = await client.call("POST", ORDER, **order)
        assert (answer["price"] if status == 200 else None) == price


async def test_countdown_cancels_what_is_not_renewed(client: Client):
    await client.order("BUY", "0.1", "59000")
    status, answer = await client.call("POST", "/fapi/v1/countdownCancelAll", symbol="BTCUSDT", countdownTime=100)
    assert (status, answer) == (200, {"symbol": "BTCUSDT", "countdownTime": "100"})
    async with asyncio.timeout(3):
        while (await client.call("GET", "/fapi/v1/openOrders"))[1]:
            await asyncio.sleep(0.05)


async def test_parameters_may_come_in_the_body_or_in_both_places(client: Client):
    query = f"symbol=BTCUSDT&timestamp={now_ms()}"
    body = "side=BUY&type=MARKET&quantity=0.1"
    signed = client.sign(query + body)
    status, answer = await client.raw("POST", ORDER, query, f"{body}&signature={signed}")
    assert (status, answer["side"]) == (200, "BUY")
