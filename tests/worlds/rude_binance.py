"""The rude venue in Binance USD-M's words: streams named in the address, the book's snapshot over REST."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web

from .fake_venue import FILTERS
from .rude_market import Book, Move, TrueMarket, lots_text, price_text
from .rude_venue import Kind, RudeSocket, RudeVenue, Topic

KINDS: dict[str, Kind] = {"depth@100ms": "depth", "bookTicker": "quote", "trade": "trade"}


class RudeBinance(RudeVenue):
    """Binance USD-M. ``renewal_error`` is what a SUBSCRIBE by message is refused with."""

    venue = "binance-usdm"
    stream_path = "/public/stream"

    def __init__(self, *symbols: str, every_s: float = 0.02) -> None:
        super().__init__(*symbols, every_s=every_s)
        self.renewal_error: tuple[int, str] | None = None

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.get("/market/stream", self._market),
            web.get("/fapi/v1/exchangeInfo", self._exchange_info),
            web.get("/fapi/v1/depth", self._depth),
            web.get("/fapi/v1/trades", self._trades),
            web.get("/fapi/v1/klines", self._klines),
        ]

    def frames(self, topic: Topic, market: TrueMarket, move: Move) -> list[bytes]:
        symbol = market.symbol
        if topic.kind == "depth":
            return [_encode(topic, _depth(symbol, move))]
        if topic.kind == "quote":
            (bid, bid_lots), (ask, ask_lots) = _tops(market.books[move.number])
            quote = {"e": "bookTicker", "u": move.number, "s": symbol, "b": price_text(bid), "B": lots_text(bid_lots)}
            quote |= {"a": price_text(ask), "A": lots_text(ask_lots), "T": move.ts_ms, "E": move.ts_ms}
            return [_encode(topic, quote)]
        return [
            _encode(
                topic,
                {
                    "e": "trade",
                    "E": trade.ts_ms,
                    "T": trade.ts_ms,
                    "s": symbol,
                    "t": trade.number,
                    "p": price_text(trade.price),
                    "q": lots_text(trade.lots),
                    "X": "MARKET",
                    "m": not trade.is_buy,
                },
            )
            for trade in move.trades
        ]

    async def opened(self, socket: RudeSocket, request: web.Request) -> None:
        for name in request.query["streams"].split("/"):
            self._subscribe(socket, name)

    async def hear(self, socket: RudeSocket, text: str) -> None:
        said = msgspec.json.decode(text)
        if said["method"] == "SUBSCRIBE" and self.renewal_error is not None:
            code, reason = self.renewal_error
            answer: dict[str, Any] = {"error": {"code": code, "msg": reason}, "id": said["id"]}
        else:
            answer = {"result": None, "id": said["id"]}
            for name in said["params"]:
                if said["method"] == "UNSUBSCRIBE":
                    self.unsubscribed(socket, name)
                else:
                    self._subscribe(socket, name)
        socket.send_now(msgspec.json.encode(answer))

    def snapshot_of(self, market: TrueMarket, move: Move) -> bytes:
        """Return the book at one of the market's moves, as REST gives it."""
        return msgspec.json.encode(_snapshot(market, move))

    def _subscribe(self, socket: RudeSocket, name: str) -> None:
        symbol, _, kind = name.partition("@")
        self.subscribed(socket, Topic(name, KINDS[kind], symbol.upper()))

    async def _market(self, request: web.Request) -> web.StreamResponse:
        """Mark prices and candles: a connection on which nothing is said."""
        response = web.WebSocketResponse(compress=False)
        await response.prepare(request)
        async for _ in response:
            pass
        return response

    async def _exchange_info(self, request: web.Request) -> Any:
        listed = [
            {
                "symbol": symbol,
                "contractType": "PERPETUAL",
                "status": "TRADING",
                "baseAsset": symbol.removesuffix("USDT"),
                "quoteAsset": "USDT",
                "marginAsset": "USDT",
                "filters": FILTERS,
            }
            for symbol in self.markets
        ]
        return {"symbols": listed, "rateLimits": []}

    async def _depth(self, request: web.Request) -> Any:
        market = self.markets[request.query["symbol"]]
        return _snapshot(market, market.moves[-1 - self.snapshot_behind])

    async def _trades(self, request: web.Request) -> Any:
        return [
            {
                "id": trade.number,
                "price": price_text(trade.price),
                "qty": lots_text(trade.lots),
                "time": trade.ts_ms,
                "isBuyerMaker": not trade.is_buy,
            }
            for trade in self.markets[request.query["symbol"]].trades[-self.most_trades :]
        ]

    async def _klines(self, request: web.Request) -> Any:
        return []


def _snapshot(market: TrueMarket, move: Move) -> dict[str, Any]:
    bids, asks = market.books[move.number]
    return {
        "lastUpdateId": move.number,
        "E": move.ts_ms,
        "T": move.ts_ms,
        "bids": [(price_text(price), lots_text(bids[price])) for price in sorted(bids)[::-1]],
        "asks": [(price_text(price), lots_text(asks[price])) for price in sorted(asks)],
    }


def _depth(symbol: str, move: Move) -> dict[str, Any]:
    return {
        "e": "depthUpdate",
        "E": move.ts_ms,
        "T": move.ts_ms,
        "s": symbol,
        "U": move.previous + 1,
        "u": move.number,
        "pu": move.previous,
        "b": [(price_text(price), lots_text(lots)) for price, lots in move.bids],
        "a": [(price_text(price), lots_text(lots)) for price, lots in move.asks],
    }


def _tops(book: Book) -> tuple[tuple[int, int], tuple[int, int]]:
    bids, asks = book
    bid, ask = max(bids), min(asks)
    return (bid, bids[bid]), (ask, asks[ask])


def _encode(topic: Topic, data: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"stream": topic.name, "data": data})
