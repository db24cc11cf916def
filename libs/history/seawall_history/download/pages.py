"""Histories in pages: each with its rows and the time for which they are all that the venue has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from seawall_history.intervals import DAY_NS, NS_PER_MS, floor_ns, interval_name
from seawall_history.ranges import Range
from seawall_history.schema import CANDLES
from seawall_history.verify.storable import storable

from .client import Client

BAD_ROWS_TRIES = 3  # of a page with rows that cannot be true, before it is believed that the venue means them
_COLUMNS = ("ts_open_ns", "open", "high", "low", "close", "volume", "quote_volume", "buy_volume", "trade_count")


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and the range of time for which they are whole."""

    rows: pl.DataFrame
    asked: Range
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Asked:
    """What is downloaded: ccxt's market, and what goes into the column ``source``."""

    market: dict[str, Any]
    interval_ns: int
    source: str
    now_ns: int

    @property
    def symbol(self) -> str:
        """The symbol in ccxt's words."""
        return str(self.market["symbol"])


async def candle_pages(client: Client, asked: Asked, wanted: Range) -> AsyncIterator[Page]:
    """Yield the candles of a range, oldest first, window by window. ``wanted`` is on the grid."""
    cursor, end = wanted
    window_ns = client.source.candles_per_page * asked.interval_ns
    while cursor < end:
        window = (cursor, min(cursor + window_ns, end))
        page = await _window(client, asked, window)
        yield page
        cursor = window[1]
        if page.rows.is_empty() and cursor < end:
            listed = await first_day_with_trades(client, asked, (cursor, end))
            if listed > cursor:
                yield Page(CANDLES.empty(), (cursor, listed))
                cursor = listed


async def _window(client: Client, asked: Asked, window: Range) -> Page:
    """Return all candles of one window: what comes short at an end is asked for until nothing more comes."""
    begin, end = window
    rows, notes = await _true_candles(client, asked, window)
    if client.source.reach:  # the venue knows no windows: one answer is all
        return Page(rows, window, notes)
    while rows.height and rows["ts_open_ns"][-1] + asked.interval_ns < end:
        more, said = await _true_candles(client, asked, (rows["ts_open_ns"][-1] + asked.interval_ns, end))
        rows, notes = pl.concat([rows, more]), notes + said
        if more.is_empty():
            break
    while rows.height and rows["ts_open_ns"][0] > begin:
        more, said = await _true_candles(client, asked, (begin, rows["ts_open_ns"][0]))
        rows, notes = pl.concat([more, rows]), notes + said
        if more.is_empty():
            break
    return Page(rows, window, notes)


async def _true_candles(client: Client, asked: Asked, window: Range) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the candles of a window that can be true; others are asked for again before they are left out."""
    for _ in range(BAD_ROWS_TRIES):
        rows = await fetch_candles(client, asked.symbol, asked.interval_ns, window)
        frame = CANDLES.shaped(rows.with_columns(pl.lit(asked.source).alias("source")))
        good = frame.filter(storable("candles", asked.interval_ns, asked.now_ns))
        if good.height == frame.height:
            return good, ()
    return good, (f"{frame.height - good.height} candles that cannot be true: left out",)


async def fetch_candles(
    client: Client, symbol: str, interval_ns: int, window: Range, *, price: str = ""
) -> pl.DataFrame:
    """Return what one request gives of a window, ascending, each time once; ``price`` may be ``mark``."""
    begin, end = window
    params: dict[str, Any] = {"price": price} if price else {}
    if client.source.until != "none":
        params["until"] = end // NS_PER_MS - (client.source.until == "last")
    limit = None if client.source.reach else (end - begin) // interval_ns
    name = interval_name(interval_ns)

    async def request() -> pl.DataFrame:
        return candle_frame(await client.exchange.fetch_ohlcv(symbol, name, begin // NS_PER_MS, limit, dict(params)))

    time = pl.col("ts_open_ns")
    rows = await client.ask_rows(f"candles of {symbol}", request)
    return rows.filter(time.is_between(begin, end, closed="left") | time.is_null())


def candle_frame(raw: Sequence[Sequence[Any]]) -> pl.DataFrame:
    """Return ccxt's candles, with the extras behind them, as our columns but the source."""
    frame = pl.DataFrame(
        [list(row) for row in raw],
        schema={name: CANDLES.columns[name] for name in _COLUMNS},
        orient="row",
        strict=False,
    )
    return frame.with_columns(pl.col("ts_open_ns") * NS_PER_MS).unique("ts_open_ns", keep="first").sort("ts_open_ns")


async def first_day_with_trades(client: Client, asked: Asked, wanted: Range) -> int:
    """Return the first time from which a range may hold anything, by its candles of a day; its end where none does.

    Years before a listing cost one request instead of hundreds.
    """
    begin, end = wanted
    if asked.interval_ns >= DAY_NS or "1d" not in client.exchange.timeframes:
        return begin
    cursor, last = floor_ns(begin, DAY_NS), floor_ns(end - 1, DAY_NS) + DAY_NS
    while cursor < last:
        window = (cursor, min(cursor + client.source.candles_per_page * DAY_NS, last))
        days = await fetch_candles(client, asked.symbol, DAY_NS, window)
        if days.height:
            return min(max(begin, int(days["ts_open_ns"][0])), end)
        cursor = window[1]
    return end
