"""ccxt and python-binance read the market with nothing changed but the addresses."""

from __future__ import annotations

import asyncio
from typing import Any

import ccxt.async_support as ccxt
import ccxt.pro as ccxt_pro
import pytest
from binance import AsyncClient, BinanceSocketManager

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_ccxt_reads_every_public_answer(venue: Any) -> None:
    exchange = ccxt.binanceusdm({"enableRateLimit": False})
    exchange.urls["api"] = redirect(exchange.urls["api"], "https://fapi.binance.com", venue.url)
    try:
        markets = await exchange.load_markets()
        assert markets["BTC/USDT:USDT"]["precision"]["price"] == pytest.approx(0.1)
        assert markets["BTC/USDT:USDT"]["limits"]["cost"]["min"] == 100
        assert abs(await exchange.fetch_time() - venue.hub.now_ms()) < 1_000
        book = await exchange.fetch_order_book("BTC/USDT:USDT", 20)
        assert len(book["bids"]) == 20
        assert book["bids"][0][0] < book["asks"][0][0]
        trades = await exchange.fetch_trades("BTC/USDT:USDT")
        assert trades[0]["side"] in ("buy", "sell")
        candles = await exchange.fetch_ohlcv("BTC/USDT:USDT", "1m")
        assert len(candles[-1]) == 6
        ticker = await exchange.fetch_ticker("BTC/USDT:USDT")
        assert ticker["last"] > 0
        assert set(await exchange.fetch_tickers()) == {"BTC/USDT:USDT", "ETH/USDT:USDT"}
        assert (await exchange.fetch_bids_asks())["ETH/USDT:USDT"]["bid"] > 0
        funding = await exchange.fetch_funding_rate("BTC/USDT:USDT")
        assert funding["markPrice"] == pytest.approx(ticker["last"], rel=0.01)
        assert await exchange.fetch_funding_rate_history("BTC/USDT:USDT") == []
        assert (await exchange.fetch_open_interest("BTC/USDT:USDT"))["openInterestAmount"] > 0
        with pytest.raises(ccxt.BadSymbol):
            await exchange.fapiPublicGetDepth({"symbol": "NOPEUSDT"})
    finally:
        await exchange.close()


async def test_ccxt_pro_watches_the_market(venue: Any) -> None:
    exchange = ccxt_pro.binanceusdm()
    exchange.urls["api"] = redirect(exchange.urls["api"], "https://fapi.binance.com", venue.url)
    exchange.urls["api"]["ws"] = redirect(exchange.urls["api"]["ws"], "wss://fstream.binance.com", venue.socket_url)
    try:
        async with asyncio.timeout(20):
            for _ in range(5):
                book = await exchange.watch_order_book("BTC/USDT:USDT")
            assert book["bids"][0][0] < book["asks"][0][0]
            trades = await exchange.watch_trades("BTC/USDT:USDT")
            assert trades[0]["price"] > 0
            ticker = await exchange.watch_bids_asks(["ETH/USDT:USDT"])
            assert ticker["ETH/USDT:USDT"]["ask"] > 0
            mark = await exchange.watch_mark_price("BTC/USDT:USDT", {"use1sFreq": True})
            assert mark["markPrice"] > 0
    finally:
        await exchange.close()


async def test_python_binance_reads_and_streams_the_market(venue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AsyncClient, "FUTURES_URL", venue.url + "/fapi")
    client = AsyncClient()
    try:
        info = await client.futures_exchange_info()
        assert [each["symbol"] for each in info["symbols"]] == ["BTCUSDT", "ETHUSDT"]
        book = await client.futures_order_book(symbol="BTCUSDT", limit=50)
        assert len(book["asks"]) == 50
        assert await client.futures_klines(symbol="BTCUSDT", interval="1m")
        assert await client.futures_mark_price(symbol="BTCUSDT")
        assert await client.futures_recent_trades(symbol="BTCUSDT")
        manager = BinanceSocketManager(client)
        monkeypatch.setattr(manager, "FSTREAM_URL", venue.socket_url + "/")
        streams = ["btcusdt@aggTrade", "btcusdt@markPrice@1s"]
        async with manager.futures_multiplex_socket(streams) as socket, asyncio.timeout(8):
            seen = {(await socket.recv())["stream"] for _ in range(10)}
        assert "btcusdt@aggTrade" in seen
        async with manager.symbol_ticker_futures_socket("BTCUSDT") as socket, asyncio.timeout(8):
            assert (await socket.recv())["data"]["e"] == "bookTicker"
    finally:
        await client.close_connection()


def redirect(urls: Any, old: str, new: str) -> Any:
    """Replace the base address in a table of addresses; change nothing else."""
    if isinstance(urls, dict):
        return {name: redirect(url, old, new) for name, url in urls.items()}
    return urls.replace(old, new) if isinstance(urls, str) else urls
