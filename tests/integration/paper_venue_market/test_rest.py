"""Public requests: shapes, numbers and refusals of the real venue."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from seawall_paper_venue.sources import SyntheticSource
from seawall_sim.instruments import rules_for

pytestmark = pytest.mark.asyncio(loop_scope="module")
SYMBOLS = ("BTCUSDT", "ETHUSDT")
# one object of each answer: names, and s for decimal text, i for whole number, b for truth value
# (shapes: the exchange's documentation and recorded answers)
SHAPES: dict[str, dict[str, str]] = {
    "/fapi/v1/time": {"serverTime": "i"},
    "/fapi/v1/trades?symbol=BTCUSDT": {
        "id": "i",
        "price": "s",
        "qty": "s",
        "quoteQty": "s",
        "time": "i",
        "isBuyerMaker": "b",
    },
    "/fapi/v1/historicalTrades?symbol=BTCUSDT": {
        "id": "i",
        "price": "s",
        "qty": "s",
        "quoteQty": "s",
        "time": "i",
        "isBuyerMaker": "b",
    },
    "/fapi/v1/aggTrades?symbol=BTCUSDT": {"a": "i", "p": "s", "q": "s", "f": "i", "l": "i", "T": "i", "m": "b"},
    "/fapi/v1/ticker/24hr?symbol=BTCUSDT": {
        "symbol": "s",
        "priceChange": "s",
        "priceChangePercent": "s",
        "weightedAvgPrice": "s",
        "lastPrice": "s",
        "lastQty": "s",
        "openPrice": "s",
        "highPrice": "s",
        "lowPrice": "s",
        "volume": "s",
        "quoteVolume": "s",
        "openTime": "i",
        "closeTime": "i",
        "firstId": "i",
        "lastId": "i",
        "count": "i",
    },
    "/fapi/v1/ticker/price?symbol=BTCUSDT": {"symbol": "s", "price": "s", "time": "i"},
    "/fapi/v2/ticker/price?symbol=BTCUSDT": {"symbol": "s", "price": "s", "time": "i"},
    "/fapi/v1/ticker/bookTicker?symbol=BTCUSDT": {
        "symbol": "s",
        "bidPrice": "s",
        "bidQty": "s",
        "askPrice": "s",
        "askQty": "s",
        "time": "i",
        "lastUpdateId": "i",
    },
    "/fapi/v1/premiumIndex?symbol=BTCUSDT": {
        "symbol": "s",
        "markPrice": "s",
        "indexPrice": "s",
        "estimatedSettlePrice": "s",
        "lastFundingRate": "s",
        "interestRate": "s",
        "nextFundingTime": "i",
        "time": "i",
    },
    "/fapi/v1/openInterest?symbol=BTCUSDT": {"openInterest": "s", "symbol": "s", "time": "i"},
    "/fapi/v1/fundingInfo": {
        "symbol": "s",
        "adjustedFundingRateCap": "s",
        "adjustedFundingRateFloor": "s",
        "fundingIntervalHours": "i",
        "disclaimer": "b",
    },
}
KINDS = {"s": str, "i": int, "b": bool}

REFUSALS = [
    ("/fapi/v1/depth", -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
    ("/fapi/v1/depth?symbol=", -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
    ("/fapi/v1/depth?symbol=NOPEUSDT", -1121, "Invalid symbol."),
    ("/fapi/v1/depth?symbol=BTCUSDT&limit=7", -4021, "7 is not valid depth limit."),
    ("/fapi/v1/depth?symbol=BTCUSDT&limit=x", -1130, "Data sent for parameter 'limit' is not valid."),
    ("/fapi/v1/klines?symbol=BTCUSDT", -1102,
     "Mandatory parameter 'interval' was not sent, was empty/null, or malformed."),
    ("/fapi/v1/klines?symbol=BTCUSDT&interval=7m", -1120, "Invalid interval."),
    ("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=1501", -1130, "Data sent for parameter 'limit' is not valid."),
    ("/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=-5", -1130,
     "Data sent for parameter 'startTime' is not valid."),
    ("/fapi/v1/trades?symbol=BTCUSDT&limit=0", -1130, "Data sent for parameter 'limit' is not valid."),
    ("/fapi/v1/ticker/24hr?symbol=NOPE", -1121, "Invalid symbol."),
    ("/fapi/v1/premiumIndex?symbol=NOPE", -1121, "Invalid symbol."),
    ("/fapi/v1/continuousKlines?pair=BTCUSDT&contractType=NEXT_QUARTER&interval=1m", -1130,
     "Data sent for parameter 'contractType' is not valid."),
]  # fmt: skip


@pytest.mark.parametrize("path", SHAPES)
async def test_answers_have_the_names_and_types_of_the_venue(venue: Any, path: str) -> None:
    answer = await venue.get(path)
    row = answer[0] if isinstance(answer, list) else answer
    assert set(row) == set(SHAPES[path])
    for name, kind in SHAPES[path].items():
        assert type(row[name]) is KINDS[kind], name


@pytest.mark.parametrize(("path", "code", "message"), REFUSALS)
async def test_refusals_are_the_venues_own(venue: Any, path: str, code: int, message: str) -> None:
    assert await venue.get(path, status=400) == {"code": code, "msg": message}


async def test_historical_trades_want_a_key(venue: Any) -> None:
    async with venue.session.get(venue.url + "/fapi/v1/historicalTrades?symbol=BTCUSDT") as response:
        assert response.status == 401
        assert (await response.json())["code"] == -2014


async def test_ping_is_empty(venue: Any) -> None:
    assert await venue.get("/fapi/v1/ping") == {}


@pytest.mark.parametrize("limit", [5, 10, 20, 50, 100, 500, 1000])
async def test_depth_gives_as_many_levels_as_asked_for_best_first(venue: Any, limit: int) -> None:
    depth = await venue.get(f"/fapi/v1/depth?symbol=BTCUSDT&limit={limit}")
    assert set(depth) == {"lastUpdateId", "E", "T", "bids", "asks"}
    bids = [Decimal(price) for price, _ in depth["bids"]]
    asks = [Decimal(price) for price, _ in depth["asks"]]
    assert len(bids) == min(limit, len(venue.hub.markets["BTCUSDT"].book.top(5_000)[0])) or limit > 50
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]


async def test_symbols_are_found_in_either_case(venue: Any) -> None:
    assert (await venue.get("/fapi/v1/ticker/price?symbol=btcusdt"))["symbol"] == "BTCUSDT"


@pytest.mark.parametrize("path", ["ticker/24hr", "ticker/price", "ticker/bookTicker", "premiumIndex"])
async def test_without_a_symbol_all_are_listed(venue: Any, path: str) -> None:
    assert [row["symbol"] for row in await venue.get(f"/fapi/v1/{path}")] == ["BTCUSDT", "ETHUSDT"]


@pytest.mark.parametrize(
    "path",
    [
        "klines?symbol=BTCUSDT&",
        "continuousKlines?pair=BTCUSDT&contractType=PERPETUAL&",
        "markPriceKlines?symbol=BTCUSDT&",
        "indexPriceKlines?pair=BTCUSDT&",
    ],
)
async def test_candles_have_twelve_columns(venue: Any, path: str) -> None:
    rows = await venue.get(f"/fapi/v1/{path}interval=5m")
    kinds = [int, str, str, str, str, str, int, str, int, str, str, str]
    assert [type(column) for column in rows[-1]] == kinds
    start, high, low, end = rows[-1][0], Decimal(rows[-1][2]), Decimal(rows[-1][3]), rows[-1][6]
    assert end - start == 5 * 60_000 - 1
    assert low <= Decimal(rows[-1][1]) <= high


async def test_without_a_start_the_latest_candles_are_given_and_with_one_the_first_from_there(venue: Any) -> None:
    klines, minute = venue.hub.markets["ETHUSDT"].mark_klines, 60_000
    now = klines.minute.open_ms
    klines.minute.open_ms -= 5 * minute  # as if the venue had been up for six minutes
    klines.minute.close_ms -= 5 * minute
    klines.roll(now + 1)
    path = "/fapi/v1/markPriceKlines?symbol=ETHUSDT&interval=1m"
    assert [row[0] for row in await venue.get(f"{path}&limit=2")] == [now - minute, now]
    since = now - 4 * minute
    assert [row[0] for row in await venue.get(f"{path}&limit=2&startTime={since}")] == [since, since + minute]
    between = await venue.get(f"{path}&startTime={since}&endTime={since + 2 * minute}")
    assert [row[0] for row in between] == [since, since + minute, since + 2 * minute]


async def test_candles_tickers_and_trades_agree(start_venue: Any) -> None:
    """All are made of the same trades."""
    venue = await start_venue(SyntheticSource(rules_for(SYMBOLS).values(), 3), speed=20.0)
    async with asyncio.timeout(10):
        while len(venue.listener.trades) < 100:
            await asyncio.sleep(0.02)
    venue.task.cancel()
    await asyncio.gather(venue.task, return_exceptions=True)
    trades = await venue.get("/fapi/v1/trades?symbol=BTCUSDT&limit=1000")
    candles = await venue.get("/fapi/v1/klines?symbol=BTCUSDT&interval=1m")
    day = await venue.get("/fapi/v1/ticker/24hr?symbol=BTCUSDT")
    price = await venue.get("/fapi/v1/ticker/price?symbol=BTCUSDT")
    volume = sum(Decimal(trade["qty"]) for trade in trades)
    assert sum(Decimal(candle[5]) for candle in candles) == Decimal(day["volume"]) == volume
    assert sum(Decimal(candle[7]) for candle in candles) == sum(Decimal(trade["quoteQty"]) for trade in trades)
    taker_buys = sum(Decimal(trade["qty"]) for trade in trades if not trade["isBuyerMaker"])
    assert sum(Decimal(candle[9]) for candle in candles) == taker_buys
    assert sum(candle[8] for candle in candles) == day["count"] == len(trades)
    assert candles[-1][4] == day["lastPrice"] == price["price"] == trades[-1]["price"]
    assert Decimal(day["highPrice"]) == max(Decimal(trade["price"]) for trade in trades)
    assert (day["firstId"], day["lastId"]) == (trades[0]["id"], trades[-1]["id"])


async def test_aggregates_add_up_to_the_trades_they_span(venue: Any) -> None:
    trades = {trade["id"]: trade for trade in await venue.get("/fapi/v1/trades?symbol=BTCUSDT&limit=1000")}
    aggregates = await venue.get("/fapi/v1/aggTrades?symbol=BTCUSDT&limit=1000")
    assert aggregates
    for aggregate in aggregates:
        members = [trades[trade_id] for trade_id in range(aggregate["f"], aggregate["l"] + 1)]
        assert {(member["price"], member["isBuyerMaker"]) for member in members} == {(aggregate["p"], aggregate["m"])}
        assert sum(Decimal(member["qty"]) for member in members) == Decimal(aggregate["q"])
        assert members[-1]["time"] - members[0]["time"] <= 100
    ids = [aggregate["a"] for aggregate in aggregates]
    assert ids == list(range(ids[0], ids[0] + len(ids)))


async def test_aggregates_can_be_asked_from_an_id_or_a_time(venue: Any) -> None:
    first, second, *_ = await venue.get("/fapi/v1/aggTrades?symbol=BTCUSDT")
    assert (await venue.get(f"/fapi/v1/aggTrades?symbol=BTCUSDT&fromId={second['a']}&limit=1")) == [second]
    since = await venue.get(f"/fapi/v1/aggTrades?symbol=BTCUSDT&startTime={first['T'] + 1}")
    assert all(row["T"] > first["T"] for row in since)


async def test_contract_list_carries_the_filters_that_bots_read(venue: Any) -> None:
    info = await venue.get("/fapi/v1/exchangeInfo")
    bitcoin = info["symbols"][0]
    filters = {each["filterType"]: each for each in bitcoin["filters"]}
    assert {"PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "MIN_NOTIONAL", "MAX_NUM_ORDERS", "PERCENT_PRICE"} <= set(
        filters
    )
    assert (filters["PRICE_FILTER"]["tickSize"], filters["LOT_SIZE"]["stepSize"]) == ("0.10", "0.001")
    assert filters["MIN_NOTIONAL"]["notional"] == "100"
    assert (bitcoin["status"], bitcoin["contractType"], bitcoin["marginAsset"]) == ("TRADING", "PERPETUAL", "USDT")
    assert "TRAILING_STOP_MARKET" in bitcoin["orderTypes"]
    assert {limit["rateLimitType"] for limit in info["rateLimits"]} == {"REQUEST_WEIGHT", "ORDERS"}


async def test_clock_is_now_and_frames_are_not_from_the_future(venue: Any) -> None:
    now = (await venue.get("/fapi/v1/time"))["serverTime"]
    assert abs(now - venue.hub.now_ms()) < 1_000
    depth = await venue.get("/fapi/v1/depth?symbol=BTCUSDT")
    assert depth["T"] <= depth["E"] <= venue.hub.now_ms()
    assert venue.hub.now_ms() - depth["E"] < 2_000


async def test_mark_is_told_to_the_matching_engine(venue: Any) -> None:
    symbol, _, mark, index, rate = venue.listener.marks[-1]
    assert symbol in venue.hub.markets
    assert abs(mark / index - 1) < Decimal("0.01")
    assert abs(rate) < Decimal("0.01")


async def test_the_matching_engine_hears_of_everything_in_order_of_time(venue: Any) -> None:
    assert venue.listener.books
    assert venue.listener.trades
    times = [each[1] for each in venue.listener.books]
    assert times == sorted(times)
    _, _, price, quantity, _ = venue.listener.trades[0]
    assert price > 0
    assert quantity > 0
