"""The venue's answers carry the field names, types and spellings of the recorded documentation examples."""

from __future__ import annotations

import json
import tarfile
from decimal import Decimal, InvalidOperation
from typing import Any

import pytest

from tests.integration.paper_venue_trading.test_user_stream import listen, read
from tests.integration.paper_venue_trading.venues import Client, HandMarket, RunningVenue
from tests.paths import RECORDINGS, needs_recording

FIXTURES = RECORDINGS / "binance" / "fixtures" / "Binance.Net.UnitTests.tar.gz"
pytestmark = needs_recording(FIXTURES)

# fields of the examples that USD-M no longer sends, or sends only for kinds of orders that the example is of
OUTDATED = {
    "PlaceOrder": {"activatePrice", "priceRate"},
    "CancelOrder": {"activatePrice", "priceRate"},
    "GetOrder": {"activatePrice", "priceRate"},
    "GetOpenOrders": {"activatePrice", "priceRate"},
    "EditOrder": {"cumBase"},
    "GetPositions": {"leverage", "maxNotionalValue", "marginType", "isAutoAddMargin"},
}


def example(folder: str, name: str) -> Any:
    """Return the JSON of one example."""
    with tarfile.open(FIXTURES) as archive:
        file = archive.extractfile(f"Binance.Net.UnitTests/{folder}/UsdFutures/{name}.txt")
        assert file is not None
        text = file.read().decode()
    if folder == "Subscriptions":
        return json.loads(text.partition("\n= ")[2])["data"]
    return json.loads(text.split("\n", 3)[3])


def first(value: Any) -> Any:
    """Return the first row of a list, or the value itself."""
    return value[0] if isinstance(value, list) else value


def kind(value: Any) -> str:
    """Name a JSON value's type, telling numbers written as text from words."""
    if isinstance(value, str):
        try:
            Decimal(value)
        except InvalidOperation:
            return "word"
        return "number as text"
    if isinstance(value, bool):
        return "flag"
    return "number" if isinstance(value, int | float) else type(value).__name__


def check(ours: Any, theirs: Any, outdated: set[str], where: str = "") -> None:
    """Every field of the example is in our answer, with the same type."""
    for name, value in theirs.items():
        if name in outdated:
            continue
        assert name in ours, f"{where}{name} is missing"
        mine = ours[name]
        if isinstance(value, dict):
            check(mine, value, outdated, f"{where}{name}.")
        elif isinstance(value, list):
            assert mine, f"{where}{name} is empty"
            check(first(mine), first(value), outdated, f"{where}{name}.")
        elif value not in ("", None) and mine not in ("", None):
            assert kind(mine) == kind(value), f"{where}{name}: {mine!r} where the example has {value!r}"


@pytest.fixture
async def busy(client: Client, market: HandMarket) -> Client:
    """A client with a position, an open order, a resting stop, and one that has triggered."""
    await client.order("BUY", "0.4")
    await client.order("BUY", "0.1", "59000")
    await client.stop("SELL", "58000", "0.1", reduceOnly="true")
    await client.stop("SELL", "59500", "0.1", reduceOnly="true")
    market.trade("59500.00")
    return client


@pytest.mark.parametrize(
    ("name", "path", "parameters"),
    [
        ("Account/GetAccountInfo", "/fapi/v2/account", {}),
        ("Account/GetAccountInfoV3", "/fapi/v3/account", {}),
        ("Account/GetBalances", "/fapi/v3/balance", {}),
        ("Account/GetPositionInformation", "/fapi/v2/positionRisk", {}),
        ("Trading/GetPositions", "/fapi/v3/positionRisk", {}),
        ("Account/GetBrackets", "/fapi/v1/leverageBracket", {}),
        ("Account/GetMultiAssetsMode", "/fapi/v1/multiAssetsMargin", {}),
        ("Account/GetUserCommissionRate", "/fapi/v1/commissionRate", {"symbol": "BTCUSDT"}),
        ("Account/GetAccountConfiguration", "/fapi/v1/accountConfig", {}),
        ("Account/GetOrderRateLimit", "/fapi/v1/rateLimit/order", {}),
        ("Trading/GetOpenOrders", "/fapi/v1/openOrders", {}),
        ("Trading/GetOrders", "/fapi/v1/allOrders", {"symbol": "BTCUSDT"}),
        ("Trading/GetUserTrades", "/fapi/v1/userTrades", {"symbol": "BTCUSDT"}),
        ("Trading/GetOpenConditionalOrders", "/fapi/v1/openAlgoOrders", {}),
        ("Trading/GetConditionalOrders", "/fapi/v1/allAlgoOrders", {"symbol": "BTCUSDT"}),
    ],
)
async def test_query_has_the_fields_of_the_example(busy: Client, name: str, path: str, parameters: dict[str, Any]):
    status, answer = await busy.call("GET", path, **parameters)
    assert status == 200
    outdated = OUTDATED.get(name.split("/")[1], set()) | ({"activatePrice", "priceRate"} if "rders" in name else set())
    ours = answer[-1] if name.endswith("GetConditionalOrders") else first(answer)
    check(ours, first(example("Endpoints", name)), outdated)


@pytest.mark.parametrize("name", ["PlaceOrder", "CancelOrder", "EditOrder"])
async def test_order_answer_has_the_fields_of_the_example(client: Client, name: str):
    answer = await client.order("BUY", "0.1", "59000")
    order = {"symbol": "BTCUSDT", "orderId": answer["orderId"]}
    if name == "CancelOrder":
        _, answer = await client.call("DELETE", "/fapi/v1/order", **order)
    if name == "EditOrder":
        _, answer = await client.call("PUT", "/fapi/v1/order", **order, side="BUY", quantity="0.2", price="59000")
    check(answer, example("Endpoints", f"Trading/{name}"), OUTDATED[name])


@pytest.mark.parametrize("name", ["PlaceConditionalOrder", "CancelConditionalOrder"])
async def test_conditional_answer_has_the_fields_of_the_example(client: Client, name: str):
    answer = await client.stop("SELL", "59000", "0.1")
    if name == "CancelConditionalOrder":
        _, answer = await client.call("DELETE", "/fapi/v1/algoOrder", algoId=answer["algoId"])
    check(answer, example("Endpoints", f"Trading/{name}"), set())


@pytest.mark.parametrize(
    ("name", "position"),
    [("OrderUpdate", 0), ("AccountUpdate", 1), ("AlgoOrderUpdate", 3), ("Leverage", 4)],
)
async def test_user_event_has_the_fields_of_the_example(venue: RunningVenue, client: Client, name: str, position: int):
    key = await listen(client)
    async with client.session.ws_connect(f"{venue.url}/ws/{key}") as socket:
        await client.order("BUY", "0.1")
        await client.stop("SELL", "59000", "0.1")
        await client.call("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=5)
        frames = await read(socket, 5)
    # fees come only with trades, activation price and callback rate only with trailing stops
    outdated = {"N", "n", "AP", "cr"} if name == "OrderUpdate" else set()
    check(frames[position], example("Subscriptions", name), outdated)


async def test_trade_event_carries_the_fee(venue: RunningVenue, client: Client):
    key = await listen(client)
    async with client.session.ws_connect(f"{venue.url}/ws/{key}") as socket:
        await client.order("BUY", "0.1")
        frames = await read(socket, 3)
    check(frames[2], example("Subscriptions", "OrderUpdate"), {"AP", "cr"})
