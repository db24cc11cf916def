"""Frames without end: a generated market's tenth of a minute, played again and again under rising numbers.

Each cycle ends with the market as it began, so that books stay right however long it is played.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from tests.worlds.feed_frames import GeneratedMarket

DEPTHS = 60
LEVELS = 30
# To a depth frame of BTCUSDT's USD-M recording there came 10.1 best quotes and 3.3 trades.
QUOTES = 10
TRADES = 3
STEP_MS = 100
_Sides = dict[str, dict[str, str]]


class _Template(NamedTuple):
    """A frame with places for its time and its numbers, and whether these are of trades."""

    text: bytes
    numbers: dict[bytes, int]
    is_trade: bool


class FeedCycle:
    """The frames of one symbol of Binance USD-M, and the book that they begin with."""

    def __init__(self, seed: int = 7) -> None:
        market = self._market = GeneratedMarket(seed)
        self._templates: list[_Template] = []
        first_update, first_trade = market.update_id, market.trade_id
        self._say(market.depth(LEVELS, STEP_MS))
        self.snapshot = market.snapshot()  # falls into the first frame
        start = _sides(self.snapshot)
        held = {side: dict(levels) for side, levels in start.items()}
        for number in range(DEPTHS):
            if number:
                depth = market.depth(LEVELS, STEP_MS)
                _change(held, depth)
                self._say(depth)
            self._say_ticks()
        self._say(self._closing(start, held))
        self._say(self._best_of(start))
        self.updates_a_cycle = market.update_id - first_update
        self.trades_a_cycle = market.trade_id - first_trade

    def __len__(self) -> int:
        return len(self._templates)

    def frame(self, place: int, symbol: bytes, now_ms: int) -> bytes:
        """Return the frame at a place of the endless sequence, at a venue time; ``symbol`` is as long as BTCUSDT."""
        cycle, at = divmod(place, len(self._templates))
        text, numbers, is_trade = self._templates[at]
        passed = cycle * (self.trades_a_cycle if is_trade else self.updates_a_cycle)
        values: dict[bytes, Any] = {name: number + passed for name, number in numbers.items()}
        values[b"ms"], values[b"upper"], values[b"lower"] = now_ms, symbol, symbol.lower()
        return text % values

    def _say_ticks(self) -> None:
        """Tell of quotes at the book's number and after it, with trades between them."""
        market = self._market
        for number in range(QUOTES):
            quote = msgspec.json.decode(market.quote())
            quote["data"]["u"] += number
            self._say(msgspec.json.encode(quote))
            if number % (QUOTES // TRADES) == 1:
                self._say(market.trade())

    def _closing(self, start: _Sides, held: _Sides) -> bytes:
        """Return the depth frame that brings the first book back."""
        frame = msgspec.json.decode(self._market.depth(2, STEP_MS))
        _change(held, msgspec.json.encode(frame))
        for name, side in (("b", "bids"), ("a", "asks")):
            gone = {price: "0.000" for price in held[side] if price not in start[side]}
            frame["data"][name] = [*gone.items(), *(set(start[side].items()) - set(held[side].items()))]
        return msgspec.json.encode(frame)

    def _best_of(self, sides: _Sides) -> bytes:
        """Return the best quote of a book at the market's present number."""
        frame = msgspec.json.decode(self._market.quote())
        bid, ask = max(sides["bids"], key=float), min(sides["asks"], key=float)
        frame["data"] |= {"b": bid, "B": sides["bids"][bid], "a": ask, "A": sides["asks"][ask]}
        return msgspec.json.encode(frame)

    def _say(self, frame: bytes) -> None:
        whole = msgspec.json.decode(frame)
        data = whole["data"]
        is_trade = data["e"] == "trade"
        numbers = {name: data[name] for name in (("t",) if is_trade else ("U", "u", "pu")) if name in data}
        text = frame.replace(b"BTCUSDT", b"%(upper)b").replace(b"btcusdt", b"%(lower)b")
        for name in ("E", "T"):
            text = text.replace(b'"%b":%d' % (name.encode(), data[name]), b'"%b":%%(ms)d' % name.encode())
        for name, number in numbers.items():
            key = name.encode()
            text = text.replace(b'"%b":%d' % (key, number), b'"%b":%%(%b)d' % (key, key))
        self._templates.append(_Template(text, {name.encode(): number for name, number in numbers.items()}, is_trade))


def _sides(snapshot: bytes) -> _Sides:
    body = msgspec.json.decode(snapshot)
    return {side: dict(body[side]) for side in ("bids", "asks")}


def _change(held: _Sides, depth: bytes) -> None:
    data = msgspec.json.decode(depth)["data"]
    for name, side in (("b", "bids"), ("a", "asks")):
        for price, quantity in data[name]:
            if float(quantity):
                held[side][price] = quantity
            else:
                held[side].pop(price, None)
