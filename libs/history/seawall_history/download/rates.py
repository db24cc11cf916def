"""Funding rates in pages, each with the mark price of its moment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import polars as pl

from seawall_history.intervals import HOUR_NS, MINUTE_NS, NS_PER_MS, floor_ns
from seawall_history.ranges import Range
from seawall_history.schema import FUNDING
from seawall_history.verify.storable import storable

from .client import Client
from .pages import Asked, Page, fetch_candles
from .sources import funding_window_ns


async def funding_pages(client: Client, asked: Asked, wanted: Range) -> AsyncIterator[Page]:
    """Yield the funding rates of a range, oldest first, in the venue's own manner of paging."""
    cursor, end = wanted
    while cursor < end:
        window = (cursor, end)
        if client.source.funding == "windows":
            window = (cursor, min(cursor + funding_window_ns(client.source), end))
        rows = await _rates(client, asked, window)
        done = window[1]
        if client.source.funding == "pages" and rows.height:
            # a page is not whole behind its last row: asked on from there, until nothing more comes
            done = int(rows[FUNDING.time][-1]) + MINUTE_NS
        good = rows.filter(storable("funding", 0, asked.now_ns))
        bad = rows.height - good.height
        notes = (f"{bad} rates that cannot be true: left out",) if bad else ()
        yield Page(await _with_marks(client, asked, good), (cursor, min(done, end)), notes)
        cursor = done


async def _rates(client: Client, asked: Asked, window: Range) -> pl.DataFrame:
    begin, end = window
    params: dict[str, Any] = {}
    if client.source.until == "after":
        params["after"] = end // NS_PER_MS
    elif client.source.funding != "whole":
        params["until"] = end // NS_PER_MS - 1
    limit = client.source.rates_per_page or None

    async def request() -> pl.DataFrame:
        raw = await client.exchange.fetch_funding_rate_history(asked.symbol, begin // NS_PER_MS, limit, dict(params))
        return rate_frame(raw, asked.source)

    rows = await client.ask_rows(f"funding rates of {asked.symbol}", request)
    return rows.filter(pl.col(FUNDING.time).is_between(begin, end, closed="left"))


def rate_frame(raw: Sequence[dict[str, Any]], source: str) -> pl.DataFrame:
    """Return ccxt's funding rates as our columns. Venues stamp them milliseconds after the minute they are due."""
    times = [round(row["timestamp"] / 60_000) * MINUTE_NS for row in raw]
    marks = [_number(row.get("info", {}).get("markPrice")) for row in raw]
    frame = pl.DataFrame(
        {
            "ts_funding_ns": times,
            "funding_rate": [_number(row["fundingRate"]) for row in raw],
            "mark_price": marks,
            "source": [source] * len(raw),
        },
        schema=pl.Schema(FUNDING.columns),
        strict=False,
    )
    return frame.unique(FUNDING.time, keep="first").sort(FUNDING.time)


def _number(value: Any) -> float | None:
    return float(value) if value not in (None, "") else None


async def _with_marks(client: Client, asked: Asked, rates: pl.DataFrame) -> pl.DataFrame:
    """Fill mark prices the venue did not send with the opening of its mark price candles of an hour."""
    lacking = rates.filter(pl.col("mark_price").is_null())[FUNDING.time]
    if lacking.is_empty() or client.exchange.has.get("fetchMarkOHLCV") is not True:
        return rates
    marks: list[pl.DataFrame] = []
    cursor, end = floor_ns(int(lacking[0]), HOUR_NS), int(lacking[-1]) + 1
    while cursor < end:
        window = (cursor, min(cursor + client.source.candles_per_page * HOUR_NS, floor_ns(end, HOUR_NS) + HOUR_NS))
        if lacking.is_between(*window, closed="left").any():
            candles = await fetch_candles(client, asked.symbol, HOUR_NS, window, price="mark")
            marks.append(candles.select(pl.col("ts_open_ns").alias(FUNDING.time), pl.col("open").alias("_mark")))
        cursor = window[1]
    found = rates.join(pl.concat(marks), on=FUNDING.time, how="left", maintain_order="left")
    return found.with_columns(pl.coalesce("mark_price", "_mark").alias("mark_price")).drop("_mark")
