"""A recorded minute after minute of a symbol, second by second: a bar, the book at its end, and the quote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from seawall_proto import BarClosed, BookChanged, QuoteTicked

from .feed_frames import channel_of, recorded

VENUE = "binance-usdm"
SECOND = 1_000_000_000
SYMBOL_OF = {"btcusdt": "BTC-USDT-PERP", "ethusdt": "ETH-USDT-PERP"}


class Second(NamedTuple):
    """What one second ended with; all times are the venue's."""

    end_ns: int
    bar: BarClosed
    book: BookChanged
    quote: QuoteTicked


def seconds_of(venue_symbol: str, bar_seconds: int = 1) -> Iterator[Second]:
    """Yield the recorded seconds (or longer bars) of a symbol, in order, none left out after the first trade."""
    symbol, interval_ns = SYMBOL_OF[venue_symbol], bar_seconds * SECOND
    bids: dict[float, float] = {}
    asks: dict[float, float] = {}
    trades: list[tuple[float, float, bool]] = []
    close = end_ns = 0.0
    for _, frame in recorded(venue_symbol):
        data = msgspec.json.decode(frame)
        kind = channel_of(frame)
        data = data.get("data", data)
        ts_ns = data.get("T", 0) * 1_000_000
        while end_ns and ts_ns >= end_ns:
            if close:
                yield _second(symbol, int(end_ns), interval_ns, close, trades, bids, asks)
            trades, end_ns = [], end_ns + interval_ns
        if kind == "trade":
            close = float(data["p"])
            trades.append((close, float(data["q"]), not data["m"]))
            end_ns = end_ns or ts_ns - ts_ns % interval_ns + interval_ns
        elif kind != "bookTicker":
            _change(bids, data["bids" if kind == "snapshot" else "b"])
            _change(asks, data["asks" if kind == "snapshot" else "a"])


def _change(side: dict[float, float], levels: list[Any]) -> None:
    for price, quantity in levels:
        if float(quantity):
            side[float(price)] = float(quantity)
        else:
            side.pop(float(price), None)


def _second(
    symbol: str,
    end_ns: int,
    interval_ns: int,
    close: float,
    trades: list[tuple[float, float, bool]],
    bids: dict[float, float],
    asks: dict[float, float],
) -> Second:
    head: dict[str, Any] = {
        "venue": VENUE,
        "symbol": symbol,
        "ts_venue_ns": end_ns,
        "ts_received_ns": end_ns,
    }
    prices = [price for price, _, _ in trades] or [close]
    bar = BarClosed(
        id=f"{symbol}.bar.{end_ns}",
        **head,
        interval_ns=interval_ns,
        ts_open_ns=end_ns - interval_ns,
        ts_close_ns=end_ns,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=close,
        volume=sum(quantity for _, quantity, _ in trades),
        quote_volume=sum(price * quantity for price, quantity, _ in trades),
        buy_volume=sum(quantity for _, quantity, bought in trades if bought),
        trade_count=len(trades),
    )
    best_bids = tuple((price, bids[price]) for price in sorted(bids, reverse=True)[:20])
    best_asks = tuple((price, asks[price]) for price in sorted(asks)[:20])
    book = BookChanged(id=f"{symbol}.book.{end_ns}", **head, update_id=end_ns, bids=best_bids, asks=best_asks)
    quote = QuoteTicked(
        id=f"{symbol}.quote.{end_ns}",
        **head,
        update_id=end_ns,
        bid_price=best_bids[0][0],
        bid_quantity=best_bids[0][1],
        ask_price=best_asks[0][0],
        ask_quantity=best_asks[0][1],
    )
    return Second(end_ns, bar, book, quote)
