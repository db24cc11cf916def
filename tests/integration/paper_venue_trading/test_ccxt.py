"""ccxt's binanceusdm drives the venue with nothing changed but the base URLs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import ccxt
import ccxt.pro
import pytest

from tests.integration.paper_venue_trading.processes import VenueProcess, rebase
from tests.integration.paper_venue_trading.venues import TRADE_KEY

BTC = "BTC/USDT:USDT"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VenueProcess]:
    """One venue for this file."""
    venue = VenueProcess(tmp_path_factory.mktemp("ccxt"), "--source", "synthetic:5")
    venue.start()
    yield venue
    assert venue.stop() == 0


@pytest.fixture(scope="module")
def loaded(process: VenueProcess) -> Any:
    """A client with its markets loaded."""
    exchange = ccxt.binanceusdm({"apiKey": TRADE_KEY.key, "secret": TRADE_KEY.secret, "enableRateLimit": False})
    exchange.urls["api"] = rebase(exchange.urls["api"], process.url)
    exchange.load_markets()
    return exchange


@pytest.fixture
def exchange(loaded: Any) -> Iterator[Any]:
    """That client, with nothing open and no position after the test."""
    yield loaded
    loaded.cancel_all_orders(BTC)
    loaded.cancel_all_orders(BTC, {"trigger": True})
    for position in loaded.fetch_positions([BTC]):
        side = "sell" if position["side"] == "long" else "buy"
        loaded.create_order(BTC, "market", side, position["contracts"], None, {"reduceOnly": True})


def price_of(exchange: Any) -> float:
    """Return the mark price."""
    return float(exchange.fapiPublicGetPremiumIndex({"symbol": "BTCUSDT"})["markPrice"])


def test_markets_carry_the_instruments_rules(exchange: Any):
    market = exchange.market(BTC)
    assert (market["precision"]["price"], market["precision"]["amount"]) == (0.1, 0.001)
    assert (market["limits"]["cost"]["min"], market["linear"], market["swap"]) == (100.0, True, True)


def test_balance_and_positions_follow_a_market_order(exchange: Any):
    before = exchange.fetch_balance()["USDT"]["total"]
    order = exchange.create_order(BTC, "market", "buy", 0.05, None, {"clientOrderId": "ccxt-market"})
    assert (order["status"], order["filled"], order["clientOrderId"]) == ("closed", 0.05, "ccxt-market")
    (trade,) = exchange.fetch_my_trades(BTC, None, 1)
    assert (trade["order"], trade["takerOrMaker"], trade["side"]) == (order["id"], "taker", "buy")
    assert exchange.fetch_balance()["USDT"]["total"] == pytest.approx(before - trade["fee"]["cost"], abs=5)
    (position,) = exchange.fetch_positions([BTC])
    assert (position["side"], position["contracts"], position["marginMode"]) == ("long", 0.05, "cross")
    assert position["entryPrice"] == pytest.approx(order["average"], rel=1e-6)


def test_limit_order_lives_from_placing_to_cancelling(exchange: Any):
    price = price_of(exchange)
    placed = exchange.create_order(BTC, "limit", "buy", 0.01, price * 0.97, {"timeInForce": "GTC"})
    assert placed["status"] == "open"
    assert [o["id"] for o in exchange.fetch_open_orders(BTC)] == [placed["id"]]
    edited = exchange.edit_order(placed["id"], BTC, "limit", "buy", 0.02, price * 0.96)
    assert (edited["id"], edited["amount"]) == (placed["id"], 0.02)
    assert exchange.cancel_order(placed["id"], BTC)["status"] == "canceled"
    assert exchange.fetch_order(placed["id"], BTC)["status"] == "canceled"
    assert exchange.fetch_open_orders(BTC) == []
    with pytest.raises(ccxt.OrderNotFound):
        exchange.cancel_order(placed["id"], BTC)
    with pytest.raises(ccxt.OrderNotFound):
        exchange.fetch_order("1", BTC)


@pytest.mark.parametrize(
    ("params", "kind"),
    [
        ({"triggerPrice": 0.97, "reduceOnly": True}, "STOP_MARKET"),
        ({"stopLossPrice": 0.97, "reduceOnly": True}, "STOP_MARKET"),
        ({"takeProfitPrice": 1.03, "reduceOnly": True}, "TAKE_PROFIT_MARKET"),
        ({"trailingPercent": 1.0, "reduceOnly": True}, "TRAILING_STOP_MARKET"),
        ({"stopLossPrice": 0.97, "workingType": "MARK_PRICE", "clientOrderId": "ccxt-stop"}, "STOP_MARKET"),
    ],
)
def test_stops_are_seen_and_cancelled_only_as_trigger_orders(exchange: Any, params: dict[str, Any], kind: str):
    price = price_of(exchange)
    params = {name: price * value if "Price" in name else value for name, value in params.items()}
    placed = exchange.create_order(BTC, "market", "sell", 0.01, None, params)
    assert placed["info"]["orderType"] == kind
    assert exchange.fetch_open_orders(BTC) == []
    (resting,) = exchange.fetch_open_orders(BTC, None, None, {"trigger": True})
    assert resting["id"] == placed["id"]
    if "clientOrderId" in params:
        assert resting["clientOrderId"] == "ccxt-stop"
    found = exchange.fetch_order(placed["id"], BTC, {"trigger": True})
    assert found["info"]["algoStatus"] == "NEW"
    with pytest.raises(ccxt.OrderNotFound):
        exchange.cancel_order(placed["id"], BTC)
    assert exchange.cancel_order(placed["id"], BTC, {"trigger": True})["status"] == "canceled"
    assert exchange.fetch_open_orders(BTC, None, None, {"trigger": True}) == []


def test_stop_limit_goes_out_as_stop(exchange: Any):
    price = price_of(exchange)
    placed = exchange.create_order(BTC, "limit", "sell", 0.01, price * 0.96, {"triggerPrice": price * 0.97})
    assert placed["info"]["orderType"] == "STOP"


def test_errors_become_the_librarys_exceptions(exchange: Any):
    price = price_of(exchange)
    with pytest.raises(ccxt.InvalidOrder, match="-5022"):
        exchange.create_order(BTC, "limit", "buy", 0.01, price * 1.01, {"postOnly": True})
    with pytest.raises(ccxt.ExchangeError, match="-2019"):
        exchange.create_order(BTC, "limit", "buy", 50, price * 0.99)
    with pytest.raises(ccxt.ExchangeError, match="-2021"):
        exchange.create_order(BTC, "market", "sell", 0.01, None, {"triggerPrice": price * 1.02, "stopLossPrice": None})
    stranger = ccxt.binanceusdm({"apiKey": "f" * 64, "secret": "g" * 64})
    stranger.urls["api"] = exchange.urls["api"]
    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        stranger.fetch_balance()


def test_settings_and_books_of_account_can_be_read(exchange: Any):
    exchange.set_leverage(10, BTC)
    assert exchange.fetch_leverage(BTC)["longLeverage"] == 10
    assert exchange.fetch_position_mode()["hedged"] is False
    assert exchange.fetch_leverage_tiers([BTC])[BTC][0]["maxLeverage"] == 125
    assert exchange.fetch_trading_fee(BTC)["taker"] == 0.0005
    exchange.set_margin_mode("isolated", "ETH/USDT:USDT")
    assert exchange.fetch_margin_mode("ETH/USDT:USDT")["marginMode"] == "isolated"
    with pytest.raises(ccxt.OperationRejected, match="-4059"):
        exchange.set_position_mode(False)
    assert exchange.fetch_ledger("USDT")[0]["amount"] == 10_000
    rows = exchange.create_orders(
        [
            {
                "symbol": BTC,
                "type": "limit",
                "side": "buy",
                "amount": 0.01,
                "price": price_of(exchange) * k,
            }
            for k in (0.97, 0.96)
        ]
    )
    assert [row["status"] for row in rows] == ["open", "open"]
    assert len(exchange.cancel_orders([row["id"] for row in rows], BTC)) == 2


async def test_the_streaming_half_hears_orders_fills_and_balances(process: VenueProcess):
    exchange = ccxt.pro.binanceusdm({"apiKey": TRADE_KEY.key, "secret": TRADE_KEY.secret, "enableRateLimit": False})
    exchange.urls["api"] = rebase(exchange.urls["api"], process.url)
    try:
        await exchange.load_markets()
        watching = [asyncio.create_task(watch(BTC)) for watch in (exchange.watch_orders, exchange.watch_my_trades)]
        await asyncio.sleep(0.5)  # the socket opens with the first watch
        placed = await exchange.create_order(BTC, "market", "buy", 0.01)
        orders, trades = await asyncio.wait_for(asyncio.gather(*watching), 10)
        assert orders[-1]["id"] == placed["id"]
        assert trades[-1]["order"] == placed["id"]
        await exchange.create_order(BTC, "market", "sell", 0.01, None, {"reduceOnly": True})
    finally:
        await exchange.close()
