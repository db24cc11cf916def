"""Trades in pages, by the means each venue gives to go on where a page ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import polars as pl

from seawall_history.errors import DownloadError
from seawall_history.intervals import HOUR_NS, NS_PER_MS
from seawall_history.ranges import Range
from seawall_history.reading.read import AGGREGATED
from seawall_history.schema import TRADES
from seawall_history.verify.storable import storable

from .client import Client
from .pages import Asked, Page, first_day_with_trades


def trade_pages(client: Client, asked: Asked, wanted: Range) -> AsyncIterator[Page]:
    """Return the trades of a range, oldest first, page by page."""
    if client.source.trades == "by_id":
        return _by_id(client, asked, wanted)
    return _by_time(client, asked, wanted)


async def _by_id(client: Client, asked: Asked, wanted: Range) -> AsyncIterator[Page]:
    """Binance: the first trade by time, in windows of an hour; from there on by id, which leaves none out."""
    cursor, end = wanted
    following: int | None = None
    while cursor < end:
        if following is None:
            window_end = min(cursor + HOUR_NS, end)
            params: dict[str, Any] = {"until": window_end // NS_PER_MS - 1}
            raw = await _fetch(client, asked, cursor // NS_PER_MS, params)
            if not raw:
                listed = await first_day_with_trades(client, asked, (window_end, end)) if window_end < end else end
                yield Page(TRADES.empty(), (cursor, listed))
                cursor = listed
                continue
        else:
            raw = await _fetch(client, asked, None, {"fromId": following})
        # nothing after an id: that was the newest trade there is
        done = raw[-1]["timestamp"] * NS_PER_MS if raw else end
        yield _page(asked, raw, (cursor, end), done, aggregated=True)
        cursor = min(done, end)
        following = int(raw[-1]["id"]) + 1 if raw else None


async def _by_time(client: Client, asked: Asked, wanted: Range) -> AsyncIterator[Page]:
    """Kraken: from a time on. Several trades of one moment may be cut in two: that moment is asked for again."""
    cursor, end = wanted
    exact = client.source.trades == "by_nanosecond"
    mark = str(cursor - 1)  # Kraken gives the trades after this nanosecond
    while cursor < end:
        if exact:
            raw = await _fetch(client, asked, None, {"since": mark})
        else:
            raw = await _fetch(client, asked, cursor // NS_PER_MS, {"until": end // NS_PER_MS})
        full = len(raw) >= client.source.trades_per_page
        done = _time_ns(raw[-1]) // NS_PER_MS * NS_PER_MS if full else end
        yield _page(asked, raw, (cursor, end), done, aggregated=False)
        if full and not exact and done <= cursor:
            raise DownloadError(f"{asked.symbol}: more than {len(raw)} trades in one millisecond at {cursor} ns")
        if full and exact:
            following = str(raw[-1]["info"][-1])
            if following == mark:
                raise DownloadError(f"{asked.symbol}: the venue goes on from {mark} to itself, expected a later time")
            mark = following
        cursor = max(done, cursor)


async def _fetch(client: Client, asked: Asked, since_ms: int | None, params: dict[str, Any]) -> list[dict[str, Any]]:
    async def request() -> list[dict[str, Any]]:
        raw: list[dict[str, Any]] = await client.exchange.fetch_trades(
            asked.symbol, since_ms, client.source.trades_per_page, dict(params)
        )
        for row in raw:
            _time_ns(row)  # a trade without a time is no answer, and is asked for again
        return raw

    return await client.ask_rows(f"trades of {asked.symbol}", request)


def _page(asked: Asked, raw: Sequence[dict[str, Any]], wanted: Range, done: int, *, aggregated: bool) -> Page:
    frame = trade_frame(raw, asked, aggregated=aggregated)
    frame = frame.filter(pl.col(TRADES.time).is_between(*wanted, closed="left"))
    good = frame.filter(storable("trades", 0, asked.now_ns))
    bad = frame.height - good.height
    notes = (f"{bad} trades that cannot be true: left out",) if bad else ()
    return Page(good, (wanted[0], min(done, wanted[1])), notes)


def trade_frame(raw: Sequence[dict[str, Any]], asked: Asked, *, aggregated: bool) -> pl.DataFrame:
    """Return ccxt's trades as our columns, quantities in base units."""
    size = float(asked.market.get("contractSize") or 1)
    prefix = AGGREGATED if aggregated else ""
    return pl.DataFrame(
        {
            "ts_trade_ns": [_time_ns(row) for row in raw],
            "trade_id": [None if row["id"] is None else f"{prefix}{row['id']}" for row in raw],
            "price": [row["price"] for row in raw],
            "quantity": [None if row["amount"] is None else row["amount"] * size for row in raw],
            "aggressor": [row["side"] if row["side"] in ("buy", "sell") else None for row in raw],
            "source": [asked.source] * len(raw),
        },
        schema=pl.Schema(TRADES.columns),
        strict=False,
    )


def _time_ns(row: dict[str, Any]) -> int:
    info = row.get("info")
    if isinstance(info, list):  # Kraken's own row has seconds with a fraction, of which ccxt keeps milliseconds
        return round(float(info[2]) * 1e6) * 1_000
    return int(row["timestamp"]) * NS_PER_MS
