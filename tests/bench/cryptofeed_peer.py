"""Runs in the peers' environment, without the project: cryptofeed's own classes on frames told over stdin.

One JSON line a question, one a line an answer: a ``case`` gives frames, a ``round`` plays them for a while.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import import_module
from typing import Any

CLASS_OF = {
    "binance-spot": "Binance",
    "binance-usdm": "BinanceFutures",
    "bybit-linear": "Bybit",
    "bybit-spot": "Bybit",
    "coinbase": "Coinbase",
    "kraken": "Kraken",
    "kraken-futures": "KrakenFutures",
    "okx": "OKX",
}
SYMBOLS, EXCHANGES = import_module("cryptofeed.symbols").Symbols, import_module("cryptofeed.exchanges")
CONNECTION, HANDLER = import_module("cryptofeed.connection"), import_module("cryptofeed.connection_handler")
RECEIVED_S = 1_700_000_000.0


class Connection:
    """What message handlers ask of a socket."""

    uuid = "bench"

    def __init__(self, venue: str, names: list[str]) -> None:
        self.address = "wss://bench/" + venue.rpartition("-")[2]  # linear or spot: Bybit's names mean both
        self.subscription = {"tickers": names, "funding": names}

    async def write(self, message: str) -> None:
        """Nothing is subscribed."""


class Socket:
    """Frames that are there at once."""

    state = None

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts

    async def __aiter__(self) -> AsyncIterator[str]:
        for text in self._texts:
            yield text


class Snapshots:
    """Stands in for REST: the recorded book."""

    def __init__(self, bodies: dict[str, str]) -> None:
        self._bodies = bodies

    async def read(self, url: str, **_: Any) -> str:
        """Return the book of the symbol that a URL asks for."""
        return next(body for symbol, body in self._bodies.items() if f"symbol={symbol}&" in url)


class Player:
    """One case's frames through the venue's class."""

    def __init__(self, case: dict[str, Any]) -> None:
        self._venue, self._case = case["venue"], case
        self._class = _class_of(self._venue)
        self._connection = Connection(self._venue, case["symbols"])
        SYMBOLS.set(self._class.id, {f"{self._venue}:{name}": name for name in self._names()}, {})
        self.said = 0
        self.best: Any = None

    def _names(self) -> list[str]:
        names = self._case["symbols"]
        if self._venue == "kraken-futures":
            return [name.lower() for name in names]
        if self._venue == "bybit-spot":
            return [_class_of(self._venue).convert_to_spot_name(None, name) for name in names]
        return names

    async def play(self, seconds: float, has_loop: bool) -> dict[str, Any]:
        """Play the frames, from the beginning each time, for so much processor time.

        They are handed to the message handler, or with ``has_loop`` to the loop that reads sockets for it.
        """
        spent, frames, self.said = 0.0, 0, 0
        gc.collect()
        while spent < seconds:
            feed = await self._opened()
            take, connection, texts = feed.message_handler, self._connection, self._case["frames"]
            before = self.said
            loop = _loop_over(texts, connection, take) if has_loop else None
            begin = time.process_time()
            if loop is not None:
                await loop
            else:
                for text in texts:
                    await take(text, connection, RECEIVED_S)
            spent += time.process_time() - begin
            frames += len(texts)
            if self.said == before:
                return {"error": "cryptofeed says nothing of these frames"}
        return {"frames": frames, "seconds": spent, "said": self.said}

    async def _opened(self) -> Any:
        callbacks = dict.fromkeys(("trades", "ticker", "candles", "funding"), self._on_tick)
        feed = self._class(
            callbacks={"l2_book": self._on_book, **callbacks}, candle_closed_only=False, checksum_validation=True
        )
        feed.http_conn = Snapshots(self._case["snapshots"])
        if self._venue == "kraken-futures":
            await feed.subscribe(self._connection)  # makes its empty books
        for text in self._case["opening"]:
            await feed.message_handler(text, self._connection, RECEIVED_S)
        return feed

    async def _on_tick(self, tick: Any, received_s: float) -> None:
        self.said += 1

    async def _on_book(self, book: Any, received_s: float) -> None:
        self.said += 1
        bids, asks = book.book.bids, book.book.asks
        self.best = bids.index(0)[0] if len(bids) else None, asks.index(0)[0] if len(asks) else None


def _loop_over(texts: list[str], like: Connection, take: Callable[..., Awaitable[None]]) -> Awaitable[None]:
    connection = CONNECTION.WSAsyncConn(like.address, "bench", subscription=like.subscription)
    connection.conn, connection.received = Socket(texts), 0
    loop: Awaitable[None] = HANDLER.ConnectionHandler(connection, None, take, None, 0)._handler(connection, take)
    return loop


def _class_of(venue: str) -> Any:
    return getattr(EXCHANGES, CLASS_OF[venue])


def main() -> None:
    """Answer until stdin ends."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")  # a connection never opened is not awaited when it goes
    player: Player | None = None
    for line in sys.stdin:
        question = json.loads(line)
        answer: dict[str, Any] = {}
        try:
            if question["do"] == "case":
                player = Player(question)
            elif player is not None:
                answer = asyncio.run(player.play(question["seconds"], question["has_loop"]))
        except Exception as error:  # noqa: BLE001  what a class raises that does not know these frames is its answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
