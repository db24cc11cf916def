"""The other venues' manners of paging, on a server that speaks their shapes as their documentation shows them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from seawall_history.download.client import Client
from seawall_history.download.pages import Asked
from seawall_history.download.prints import trade_frame
from seawall_history.download.run import Downloaded, download
from seawall_history.download.sources import SOURCES
from seawall_history.errors import NotOfferedError
from seawall_history.intervals import HOUR_NS, MINUTE_NS, NS_PER_MS
from seawall_history.names import Dataset
from seawall_history.store import Store

LISTED_MS = 1_746_144_000_000  # 2025-05-02
NOW_MS = LISTED_MS + 30 * 3_600_000 + 30_000
LISTED_NS, NOW_NS = LISTED_MS * NS_PER_MS, NOW_MS * NS_PER_MS
LAST_NS = NOW_NS // MINUTE_NS * MINUTE_NS  # the minute that is open
HOUR_MS = 3_600_000

Answer = Callable[[str, Mapping[str, str]], Any]
Candle = Callable[[int], list[Any] | dict[str, Any]]


def opens(begin_ms: int, end_ms: int, step_ms: int) -> list[int]:
    """The opening times of candles in [begin, end] that the venue has, the open one included."""
    first = -(-max(begin_ms, LISTED_MS) // step_ms) * step_ms
    return list(range(first, min(end_ms, NOW_MS) + 1, step_ms))


def price(open_ms: int) -> int:
    return 90_000 + open_ms // 60_000 % 1_000


def texts(open_ms: int) -> list[str]:
    base = price(open_ms)
    return [str(open_ms), str(base), str(base + 5), str(base - 5), str(base + 1), "2.5"]


STEPS = {
    "1": 60_000,
    "60": HOUR_MS,
    "D": 24 * HOUR_MS,
    "1m": 60_000,
    "1H": HOUR_MS,
    "1Dutc": 24 * HOUR_MS,
    "1d": 24 * HOUR_MS,
}


def bybit(path: str, params: Mapping[str, str]) -> Any:
    if path == "/v5/market/time":
        return {"retCode": 0, "result": {"timeSecond": str(NOW_MS // 1_000)}, "time": NOW_MS}
    if path == "/v5/market/funding/history":
        times = opens(int(params["startTime"]), int(params["endTime"]), 8 * HOUR_MS)[::-1][: int(params["limit"])]
        rows: list[Any] = [
            {"symbol": "BTCUSDT", "fundingRate": "0.0001", "fundingRateTimestamp": str(each)} for each in times
        ]
    else:
        # newest first, and of a window with more than the limit the newest
        times = opens(int(params["start"]), int(params["end"]), STEPS[params["interval"]])[::-1]
        rows = [[*texts(each), "225000.5"] for each in times[: int(params["limit"])]]
    return {"retCode": 0, "retMsg": "OK", "result": {"category": params["category"], "list": rows}, "time": NOW_MS}


def okx(path: str, params: Mapping[str, str]) -> Any:
    if path == "/api/v5/public/time":
        return {"code": "0", "msg": "", "data": [{"ts": str(NOW_MS)}]}
    after, before = int(params["after"]), int(params["before"])
    if path == "/api/v5/public/funding-rate-history":
        times = opens(before + 1, after - 1, 8 * HOUR_MS)[::-1][: int(params["limit"])]
        rows: list[Any] = [
            {"instId": "BTC-USDT-SWAP", "fundingRate": "0.0002", "realizedRate": "0.0001", "fundingTime": str(each)}
            for each in times
        ]
    else:
        times = opens(before + 1, after - 1, STEPS[params["bar"]])[::-1][: int(params["limit"])]
        # contracts of 0.01 BTC, then base, then quote
        rows = [[*texts(each)[:5], "250", "2.5", "225000.5", "1"] for each in times]
        if "mark-price" in path:
            rows = [[*texts(each)[:5], "1"] for each in times]
    return {"code": "0", "msg": "", "data": rows}


def kraken(path: str, params: Mapping[str, str]) -> Any:
    if path == "/0/public/Time":
        return {"error": [], "result": {"unixtime": NOW_MS // 1_000}}
    if path == "/0/public/Trades":
        since = int(params["since"])
        later = [each for each in KRAKEN_TRADES if round(float(each[2]) * 1e9) > since][: int(params["count"])]
        last = str(round(float(later[-1][2]) * 1e9)) if later else params["since"]
        return {"error": [], "result": {"XXBTZUSD": [list(each) for each in later], "last": last}}
    # the last 720 whatever is asked, the last of them open
    step_ms = int(params["interval"]) * 60_000
    times = opens(0, NOW_MS, step_ms)[-720:]
    rows = [[each // 1_000, *texts(each)[1:5], str(price(each)), "2.5", 17] for each in times]
    return {"error": [], "result": {"XXBTZUSD": rows, "last": times[-2] // 1_000}}


KRAKEN_TRADES = [
    [f"{90_000 + number % 9}.1", "0.5", (LISTED_MS + number * 1_000) / 1_000 + 0.123456, "b", "l", "", 5_000 + number]
    for number in range(2_500)
]


def kraken_futures(path: str, params: Mapping[str, str]) -> Any:
    if path.startswith(("/api/charts/v1/trade/PF_XBTUSD/", "/api/charts/v1/mark/PF_XBTUSD/")):
        step_ms = {"1m": 60_000, "1h": HOUR_MS, "1d": 24 * HOUR_MS}[path.rpartition("/")[2]]
        times = opens(int(params["from"]) * 1_000, int(params["to"]) * 1_000, step_ms)
        names = ("time", "open", "high", "low", "close", "volume")
        rows = [dict(zip(names, [each, *texts(each)[1:]], strict=True)) for each in times[:1_000]]
        return {"candles": rows, "more_candles": len(times) > 1_000}
    if path.endswith("/market/PF_XBTUSD/executions"):
        begin_ms, end_ms = int(params["since"]), int(params["before"])
        found = [each for each in EXECUTIONS if begin_ms <= int(each["timestamp"]) < end_ms][: int(params["count"])]
        return {"elements": [{"event": {"Execution": {"execution": each}}} for each in found], "len": str(len(found))}
    assert path.endswith("/historicalfundingrates"), path
    stamps = [datetime.fromtimestamp(each / 1_000, UTC) for each in opens(0, NOW_MS, HOUR_MS)]
    rates = [
        {"timestamp": f"{each:%Y-%m-%dT%H:%M:%SZ}", "fundingRate": 1.5, "relativeFundingRate": 0.00001}
        for each in stamps
    ]
    return {"rates": rates, "result": "success"}


EXECUTIONS = [
    {
        "uid": f"uid-{number}",
        "timestamp": str(LISTED_MS + number // 3 * 2_000),
        "price": f"{90_000 + number % 7}",
        "quantity": "0.25",
        "takerOrder": {"direction": "Sell" if number % 2 else "Buy"},
    }
    for number in range(2_501)
]


def coinbase(path: str, params: Mapping[str, str]) -> Any:
    if path == "/v2/time":
        return {"data": {"iso": "", "epoch": NOW_MS // 1_000}}
    step_ms = {"ONE_MINUTE": 60_000, "ONE_DAY": 24 * HOUR_MS}[params["granularity"]]
    times = opens(int(params["start"]) * 1_000, int(params["end"]) * 1_000, step_ms)
    assert len(times) <= 350, "the venue refuses more"
    names = ("start", "open", "high", "low", "close", "volume")
    return {"candles": [dict(zip(names, [str(each // 1_000), *texts(each)[1:]], strict=True)) for each in times[::-1]]}


SERVERS: dict[str, tuple[Answer, str, dict[str, Any]]] = {
    "bybit-linear": (bybit, "BTC-USDT-PERP", {"id": "BTCUSDT", "type": "swap"}),
    "bybit-spot": (bybit, "BTC-USDT", {"id": "BTCUSDT", "type": "spot"}),
    "okx": (okx, "BTC-USDT-PERP", {"id": "BTC-USDT-SWAP", "type": "swap", "contractSize": 0.01}),
    "kraken-futures": (kraken_futures, "BTC-USD-PERP", {"id": "PF_XBTUSD", "type": "swap", "contractSize": 1.0}),
    "kraken": (kraken, "BTC-USD", {"id": "XXBTZUSD", "type": "spot"}),
    "coinbase": (coinbase, "BTC-USD", {"id": "BTC-USD", "type": "spot"}),
}


class World:
    """One venue's server and a client that knows one instrument there."""

    def __init__(self, venue: str, client: Client, asked: list[tuple[str, dict[str, str]]]) -> None:
        self.venue = venue
        self.symbol = SERVERS[venue][1]
        self.client = client
        self.asked = asked

    async def fetch(self, store: Store, kind: Any, begin: int, interval_ns: int = 0) -> Downloaded:
        dataset = Dataset(self.venue, self.symbol, kind, interval_ns)
        return await download(store, self.client, dataset, (begin, None), now_ns=lambda: NOW_NS)


@asynccontextmanager
async def world(venue: str) -> AsyncIterator[World]:
    answer, symbol, words = SERVERS[venue]
    asked: list[tuple[str, dict[str, str]]] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append((request.path, dict(request.query)))
        return web.json_response(answer(request.path, request.query))

    app = web.Application()
    app.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
    async with Client(SOURCES[venue], url=url, rate_limit=False, first_pause_s=0.01) as client:
        client.exchange.set_markets([_market(client, symbol, words)])
        yield World(venue, client, asked)
    await runner.cleanup()


def _market(client: Client, symbol: str, words: dict[str, Any]) -> dict[str, Any]:
    base, quote = symbol.split("-")[:2]
    swap = words["type"] == "swap"
    unified = f"{base}/{quote}:{quote}" if swap else f"{base}/{quote}"
    market: dict[str, Any] = client.exchange.safe_market_structure(
        {
            **words,
            "symbol": unified,
            "base": base,
            "quote": quote,
            "settle": quote if swap else None,
            "contract": swap,
            "spot": not swap,
            "swap": swap,
            "linear": True if swap else None,
            "inverse": False if swap else None,
            "info": {"instFamily": "BTC-USDT", "fundingInterval": "480"},
        }
    )
    return market


@pytest.mark.parametrize("venue", ["bybit-linear", "bybit-spot", "okx", "kraken-futures", "coinbase"])
async def test_every_closed_minute_comes_once(venue: str, store: Store) -> None:
    async with world(venue) as here:
        await here.fetch(store, "candles", LISTED_NS - 400 * 24 * HOUR_NS, MINUTE_NS)
        requests = len(here.asked)
        await here.fetch(store, "candles", LISTED_NS - 400 * 24 * HOUR_NS, MINUTE_NS)
        again = [path for path, _ in here.asked[requests:] if "time" not in path.lower()]
    frame = store.candles(venue, SERVERS[venue][1], MINUTE_NS).collect()
    assert frame["ts_open_ns"].to_list() == list(range(LISTED_NS, LAST_NS, MINUTE_NS))
    assert frame["open"].to_list() == [float(price(each // NS_PER_MS)) for each in frame["ts_open_ns"]]
    assert set(frame["volume"]) == {2.5}  # base units, also where the venue counts contracts
    assert set(frame["quote_volume"]) == ({225000.5} if venue.startswith(("bybit", "okx")) else {None})
    assert again == []
    assert requests < 60


async def test_a_venue_that_gives_the_newest_of_less_than_a_page_leaves_no_hole(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stingy(path: str, params: Mapping[str, str]) -> Any:
        return bybit(path, {**params, "limit": str(min(int(params["limit"]), 137))} if "limit" in params else params)

    monkeypatch.setitem(SERVERS, "bybit-linear", (stingy, *SERVERS["bybit-linear"][1:]))
    async with world("bybit-linear") as here:
        await here.fetch(store, "candles", LISTED_NS, MINUTE_NS)
    frame = store.candles("bybit-linear", "BTC-USDT-PERP", MINUTE_NS).collect()
    assert frame["ts_open_ns"].to_list() == list(range(LISTED_NS, LAST_NS, MINUTE_NS))


def test_quantities_of_trades_are_in_base_units_where_a_venue_counts_contracts() -> None:
    asked = Asked({"symbol": "BTC/USDT:USDT", "contractSize": 0.01}, 0, "ccxt:okx", NOW_NS)
    raw = {"id": "7", "timestamp": LISTED_MS, "price": 90_000.0, "amount": 250.0, "side": "sell", "info": {}}
    frame = trade_frame([raw], asked, aggregated=False)
    assert frame.row(0) == (LISTED_NS, "7", 90_000.0, 2.5, "sell", "ccxt:okx")


async def test_kraken_gives_its_last_candles_and_says_so(store: Store) -> None:
    async with world("kraken") as here:
        done = await here.fetch(store, "candles", LISTED_NS, MINUTE_NS)
    frame = store.candles("kraken", "BTC-USD", MINUTE_NS).collect()
    assert frame["ts_open_ns"].to_list() == list(range(LAST_NS - 719 * MINUTE_NS, LAST_NS, MINUTE_NS))
    assert set(frame["trade_count"]) == {17}
    assert "gives only its last 719 candles" in done.notes[0]


async def test_kraken_trades_come_each_once_with_their_microseconds(store: Store) -> None:
    async with world("kraken") as here:
        await here.fetch(store, "trades", LISTED_NS)
        assert len([path for path, _ in here.asked if path.endswith("Trades")]) == 3
    frame = store.trades("kraken", "BTC-USD").collect()
    assert frame["trade_id"].to_list() == [str(each[6]) for each in KRAKEN_TRADES]
    assert frame["ts_trade_ns"][0] == LISTED_NS + 123_456_000
    assert set(frame["aggressor"]) == {"buy"}


async def test_kraken_futures_trades_come_each_once_though_pages_cut_a_millisecond(store: Store) -> None:
    async with world("kraken-futures") as here:
        await here.fetch(store, "trades", LISTED_NS)
    frame = store.trades("kraken-futures", "BTC-USD-PERP").collect()
    assert sorted(frame["trade_id"]) == sorted(str(each["uid"]) for each in EXECUTIONS)
    assert frame["aggressor"].value_counts().sort("aggressor")["count"].to_list() == [1_251, 1_250]


@pytest.mark.parametrize(("venue", "hours"), [("bybit-linear", 8), ("okx", 8), ("kraken-futures", 1)])
async def test_funding_comes_with_mark_prices(venue: str, hours: int, store: Store) -> None:
    async with world(venue) as here:
        await here.fetch(store, "funding", LISTED_NS - 30 * 24 * HOUR_NS)
    frame = store.funding(venue, SERVERS[venue][1]).collect()
    settled = NOW_NS - 10 * MINUTE_NS
    assert frame["ts_funding_ns"].to_list() == list(range(LISTED_NS, settled, hours * HOUR_NS))
    assert frame["mark_price"].to_list() == [float(price(each // NS_PER_MS)) for each in frame["ts_funding_ns"]]


@pytest.mark.parametrize("venue", ["bybit-linear", "okx", "coinbase"])
async def test_trades_that_a_venue_does_not_give_are_refused_at_once(venue: str, store: Store) -> None:
    async with world(venue) as here:
        with pytest.raises(NotOfferedError, match="import files instead"):
            await here.fetch(store, "trades", LISTED_NS)
        assert here.asked == []
