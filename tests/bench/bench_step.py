"""One decision with its bytes: a closed bar decoded, all features computed, the event encoded."""

from __future__ import annotations

import time
from collections.abc import Callable

from seawall_feature.service import SERVICE, initial
from seawall_proto import BarClosed, BookChanged, Event, decode, encode
from seawall_runtime.config import Config
from seawall_runtime.service import Key, State, step
from tests.worlds.feed_frames import GeneratedMarket

NAME = "decode_step_encode"
ROUNDS = 5
BARS = 4_000
SECOND = 1_000_000_000
VENUE, SYMBOL = "binance-usdm", "BTC-USDT-PERP"


def run() -> dict[str, object]:
    """Return microseconds for a bar from bytes to bytes, for its decision alone, and the ratio to the bytes alone."""
    bars, book = _bars(), _book()
    data = [encode(bar) for bar in bars]
    said: list[Event] = []

    def bytes_only() -> None:
        for one, event in zip(data, said, strict=True):
            decode(one)
            encode(event)

    def whole() -> None:
        states = _states(book)
        make = initial(Config())
        said.clear()
        for one in data:
            for item in step(SERVICE, states, make, decode(one)):
                assert isinstance(item, Event)
                encode(item)
                said.append(item)

    def decision() -> None:
        states = _states(book)
        make = initial(Config())
        for bar in bars:
            step(SERVICE, states, make, bar)

    whole_us = min(_us_a_bar(whole) for _ in range(ROUNDS))
    decision_us = min(_us_a_bar(decision) for _ in range(ROUNDS))
    bytes_us = min(_us_a_bar(bytes_only) for _ in range(ROUNDS))
    return {
        "bars": BARS,
        "us_per_event": round(whole_us, 2),
        "us_decision": round(decision_us, 2),
        "us_decode_and_encode": round(bytes_us, 2),
        "ratio_to_decode_and_encode": round(whole_us / bytes_us, 2),
    }


def _us_a_bar(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) / BARS * 1e6


def _states(book: BookChanged) -> dict[Key, State]:
    states: dict[Key, State] = {}
    step(SERVICE, states, initial(Config()), book)
    return states


def _book() -> BookChanged:
    bids, asks = GeneratedMarket(5).top(20)
    end_ns = BARS * SECOND
    # a venue time in the middle of all bars would leave most of them without a book
    return BookChanged(
        id="book", venue=VENUE, symbol=SYMBOL, ts_venue_ns=end_ns, update_id=1, bids=tuple(bids), asks=tuple(asks)
    )


def _bars() -> list[BarClosed]:
    """Bars that all close within a book's lifetime of the one book, so that every feature has its input."""
    interval_ns = SECOND // BARS
    start_ns = BARS * SECOND - SECOND
    bars = []
    for number in range(BARS):
        close = 60_000.0 + (number * 7_919) % 1_000 / 10
        open_ns = start_ns + number * interval_ns
        bars.append(
            BarClosed(
                id=f"{VENUE}.{SYMBOL}.bar.{interval_ns}.{open_ns}",
                causes=(f"{VENUE}.{SYMBOL}.trade.{number}",),
                ts_received_ns=open_ns + interval_ns + 9,
                venue=VENUE,
                symbol=SYMBOL,
                ts_venue_ns=open_ns + interval_ns,
                interval_ns=interval_ns,
                ts_open_ns=open_ns,
                ts_close_ns=open_ns + interval_ns,
                open=close,
                high=close + 5,
                low=close - 5,
                close=close,
                volume=12.0 + number % 17,
                quote_volume=720_000.0,
                buy_volume=5.0 + number % 7,
                trade_count=40,
            )
        )
    return bars
