"""The rude venue in Bybit's words: subscriptions by message, each book's snapshot on the stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from aiohttp import web

from .rude_market import Book, Move, TrueMarket, lots_text, price_text
from .rude_venue import Kind, RudeSocket, RudeVenue, Topic

KINDS: dict[str, Kind] = {"orderbook.200": "depth", "orderbook.1": "quote", "publicTrade": "trade"}
NUMBERS_APART = 1_000_000  # between the own numbers of two sockets, where each server counts for itself


def accept(topics: Sequence[str]) -> str:
    """Refuse nothing."""
    return ""


class RudeBybit(RudeVenue):
    """Bybit linear. ``refuse`` returns why a request for some topics is refused, or an empty text.

    ``names_request`` is False where a refusal does not say which request it answers. ``counts_apart`` is
    True where each socket's server counts a book's updates for itself. ``trades_late_s`` is by how much
    subscriptions to trades begin later than others.
    """

    venue = "bybit-linear"
    stream_path = "/v5/public/linear"

    def __init__(self, *symbols: str, every_s: float = 0.02) -> None:
        super().__init__(*symbols, every_s=every_s)
        self.refuse: Callable[[Sequence[str]], str] = accept
        self.names_request = True
        self.counts_apart = False
        self.trades_late_s = 0.0

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.get("/v5/market/instruments-info", self._instruments),
            web.get("/v5/market/orderbook", self._orderbook),
            web.get("/v5/market/recent-trade", self._recent_trades),
            web.get("/v5/market/kline", self._klines),
        ]

    def frames(self, topic: Topic, market: TrueMarket, move: Move) -> list[bytes]:
        symbol = market.symbol
        if topic.kind == "depth":
            return [_book(topic, move, "delta", (dict(move.bids), dict(move.asks)))]
        if topic.kind == "quote":
            bids, asks = market.books[move.number]
            return [_book(topic, move, "snapshot", ({max(bids): bids[max(bids)]}, {min(asks): asks[min(asks)]}))]
        if topic.kind == "other":
            return []
        data = [
            {
                "T": trade.ts_ms,
                "s": symbol,
                "S": "Buy" if trade.is_buy else "Sell",
                "v": lots_text(trade.lots),
                "p": price_text(trade.price),
                "L": "PlusTick",
                "i": trade.name,
                "BT": False,
                "seq": move.number,
            }
            for trade in move.trades
        ]
        return [_encode({"topic": topic.name, "type": "snapshot", "ts": move.ts_ms, "data": data})] if data else []

    async def opened(self, socket: RudeSocket, request: web.Request) -> None:
        """Wait for what it asks for."""

    async def hear(self, socket: RudeSocket, text: str) -> None:
        said = msgspec.json.decode(text)
        op, names = said["op"], said.get("args", ())
        if op == "ping":
            socket.send_now(b'{"success":true,"ret_msg":"pong","conn_id":"1","req_id":"","op":"ping"}')
            return
        reason = self.refuse(names) if op == "subscribe" else ""
        if op == "subscribe" and not reason:
            await asyncio.sleep(self.subscribing_s)
        number = said["req_id"] if self.names_request or not reason else ""
        answer = {"success": not reason, "ret_msg": reason, "conn_id": "1", "req_id": number, "op": op}
        socket.send_now(_encode(answer))
        for name in names if not reason else ():
            if op == "unsubscribe":
                self.unsubscribed(socket, name)
            else:
                self._subscribe(socket, name)

    def restart(self, symbol: str, *, has_snapshot: bool = True) -> None:
        """Let the service that sends books begin anew, as it does after a fault: a snapshot numbered 1."""
        for socket in self.sockets:
            for topic in socket.topics.values():
                if topic.symbol == symbol and topic.kind == "depth":
                    market = self.markets[symbol]
                    topic.base = market.moves[-1].index - 1
                    if has_snapshot:
                        socket.send(self.snapshot(topic, market.moves[-1]))

    def snapshot(self, topic: Topic, move: Move) -> bytes:
        """Return the snapshot that a subscription to a book begins with."""
        return _book(topic, move, "snapshot", self.markets[topic.symbol].books[move.number])

    def _subscribe(self, socket: RudeSocket, name: str) -> None:
        what, _, symbol = name.rpartition(".")
        base = -NUMBERS_APART * socket.number if self.counts_apart else 0
        topic = Topic(name, KINDS.get(what, "other"), symbol, base=base)
        if topic.kind == "trade" and self.trades_late_s:
            asyncio.get_running_loop().call_later(self.trades_late_s, self.subscribed, socket, topic)
            return
        market = self.markets[symbol]
        if topic.kind == "other" and what == "tickers":
            socket.send_now(_ticker(topic, market.moves[-1]))
        self.subscribed(socket, topic)
        if topic.kind == "depth" and not topic.is_muted:  # handed over in one go, so that no move comes in between
            begin = market.moves[-1 - self.snapshot_behind]
            for frame in (self.snapshot(topic, begin), *self._since(topic, market, begin)):
                socket.send_now(frame)

    def _since(self, topic: Topic, market: TrueMarket, begin: Move) -> list[bytes]:
        return [frame for move in market.moves[begin.index + 1 :] for frame in self.frames(topic, market, move)]

    async def _instruments(self, request: web.Request) -> Any:
        listed = [
            {
                "symbol": symbol,
                "contractType": "LinearPerpetual",
                "status": "Trading",
                "baseCoin": symbol.removesuffix("USDT"),
                "quoteCoin": "USDT",
                "settleCoin": "USDT",
                "deliveryTime": "0",
                "priceFilter": {"tickSize": "0.10"},
                "lotSizeFilter": {
                    "minOrderQty": "0.001",
                    "qtyStep": "0.001",
                    "maxOrderQty": "1190.000",
                    "maxMktOrderQty": "500.000",
                    "minNotionalValue": "5",
                },
            }
            for symbol in self.markets
        ]
        return _result({"category": "linear", "list": listed, "nextPageCursor": ""})

    async def _orderbook(self, request: web.Request) -> Any:
        market = self.markets[request.query["symbol"]]
        move = market.moves[-1 - self.snapshot_behind]
        bids, asks = _levels(market.books[move.number])
        book = {"s": market.symbol, "b": bids, "a": asks, "ts": move.ts_ms, "u": 7, "seq": move.number}
        return _result(book | {"cts": move.ts_ms})

    async def _recent_trades(self, request: web.Request) -> Any:
        symbol = request.query["symbol"]
        listed = [
            {
                "execId": trade.name,
                "symbol": symbol,
                "price": price_text(trade.price),
                "size": lots_text(trade.lots),
                "side": "Buy" if trade.is_buy else "Sell",
                "time": str(trade.ts_ms),
                "isBlockTrade": False,
            }
            for trade in self.markets[symbol].trades[-self.most_trades :][::-1]
        ]
        return _result({"category": "linear", "list": listed})

    async def _klines(self, request: web.Request) -> Any:
        return _result({"category": "linear", "symbol": request.query["symbol"], "list": []})


def _levels(book: Book) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    bids, asks = book
    return (
        [(price_text(price), lots_text(bids[price])) for price in sorted(bids)[::-1]],
        [(price_text(price), lots_text(asks[price])) for price in sorted(asks)],
    )


def _book(topic: Topic, move: Move, kind: str, book: Book) -> bytes:
    bids, asks = _levels(book)
    data = {"s": topic.symbol, "b": bids, "a": asks, "u": move.index - topic.base, "seq": move.number}
    return _encode({"topic": topic.name, "type": kind, "ts": move.ts_ms, "data": data, "cts": move.ts_ms})


def _ticker(topic: Topic, move: Move) -> bytes:
    data = {
        "symbol": topic.symbol,
        "markPrice": "60000.0",
        "indexPrice": "60000.1",
        "fundingRate": "0.0001",
        "nextFundingTime": str(move.ts_ms + 3_600_000),
    }
    return _encode({"topic": topic.name, "type": "snapshot", "cs": move.number, "ts": move.ts_ms, "data": data})


def _result(result: dict[str, Any]) -> dict[str, Any]:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 0}


def _encode(message: dict[str, Any]) -> bytes:
    return msgspec.json.encode(message)
