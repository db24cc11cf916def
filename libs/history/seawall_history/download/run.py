"""A download: what is missing, page by page, stored as it comes, so that an end at any moment costs little."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import polars as pl

from seawall_history.errors import BadInputError, NotOfferedError
from seawall_history.intervals import ceil_ns, floor_ns, show_time
from seawall_history.merge import Merged
from seawall_history.names import Dataset
from seawall_history.ranges import Range, missing
from seawall_history.store import Store
from seawall_history.writer import Writer, writing

from .client import Client
from .pages import Asked, Page, candle_pages
from .prints import trade_pages
from .rates import funding_pages
from .sources import SETTLED_AFTER_NS, source_of

FLUSH_ROWS = 50_000  # held in memory before they are stored: about 4 MB
FLUSH_EVERY_S = 15.0  # and no longer than this: what a kill -9 may cost


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one history is: times done of times wanted, and the rows that came."""

    dataset: Dataset
    done_ns: int
    wanted_ns: int
    rows: int
    note: str = ""


@dataclass(slots=True)
class Downloaded:
    """What became of one history: the range asked for, what of it was missing, and what came."""

    dataset: Dataset
    wanted: Range
    missing_ns: int = 0
    rows: int = 0
    requests: int = 0
    merged: Merged = field(default_factory=Merged)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Manner:
    """How a download goes about it; the defaults are for people, tests have less patience."""

    flush_rows: int = FLUSH_ROWS
    flush_every_s: float = FLUSH_EVERY_S
    replace_held: bool = False


def _silent(_progress: Progress) -> None:
    return


async def download(
    store: Store,
    client: Client,
    dataset: Dataset,
    wanted: tuple[int, int | None],
    *,
    now_ns: Callable[[], int],
    report: Callable[[Progress], None] = _silent,
    manner: Manner = Manner(),
) -> Downloaded:
    """Fetch what is not here yet of ``[from, to)``; ``to`` None is now. What came is stored however this ends.

    Candles that are still open are never asked for. Raises DownloadError, BadInputError, StoreError.
    """
    source_of(dataset)
    market = await client.market(dataset.symbol)
    if market.get("inverse"):
        raise NotOfferedError(f"{dataset}: an inverse contract, whose quantities are not in base units")
    venue_now_ns = await client.now_ns(now_ns())
    result = Downloaded(dataset, _clamped(client, dataset, wanted, venue_now_ns))
    result.notes += _reach_note(client, dataset, result.wanted, wanted[0])
    asked = Asked(market, dataset.interval_ns, f"ccxt:{client.source.ccxt_id}", venue_now_ns)
    with writing(store, dataset, now_ns) as writer:
        gaps = missing(result.wanted, writer.held())
        result.missing_ns = sum(end - begin for begin, end in gaps)
        before = client.requests
        await _fill(client, asked, writer, gaps, result, report, manner)
        result.requests = client.requests - before
    return result


def _clamped(client: Client, dataset: Dataset, wanted: tuple[int, int | None], now_ns: int) -> Range:
    """Return the range on the grid, its end not after what has closed and settled."""
    begin, end = wanted
    settled = now_ns - SETTLED_AFTER_NS[dataset.kind]
    end = settled if end is None else min(end, settled)
    if begin >= end:
        raise BadInputError(f"{dataset}: from {show_time(begin)} to {show_time(end)}: expected a range in the past")
    if not dataset.interval_ns:
        return begin, end
    interval_ns = dataset.interval_ns
    if client.source.reach:
        begin = max(begin, floor_ns(now_ns, interval_ns) - client.source.reach * interval_ns)
    return ceil_ns(begin, interval_ns), max(floor_ns(end, interval_ns), ceil_ns(begin, interval_ns))


def _reach_note(client: Client, dataset: Dataset, wanted: Range, asked_from: int) -> list[str]:
    if wanted[0] - dataset.interval_ns < asked_from or not client.source.reach or dataset.kind != "candles":
        return []
    return [
        f"{dataset.venue} gives only its last {client.source.reach} candles by REST: begun at {show_time(wanted[0])};"
        " for older ones import its archive files"
    ]


async def _fill(
    client: Client,
    asked: Asked,
    writer: Writer,
    gaps: Sequence[Range],
    result: Downloaded,
    report: Callable[[Progress], None],
    manner: Manner,
) -> None:
    held: list[Page] = []
    done_ns, loop = 0, asyncio.get_running_loop()
    flushed_s = loop.time()
    report(Progress(result.dataset, 0, result.missing_ns, 0))
    try:
        for gap in gaps:
            async for page in _pages(client, asked, result.dataset, gap):
                held.append(page)
                done_ns += page.asked[1] - page.asked[0]
                result.rows += page.rows.height
                result.notes += page.notes
                report(Progress(result.dataset, done_ns, result.missing_ns, result.rows))
                late = loop.time() - flushed_s >= manner.flush_every_s
                if late or sum(each.rows.height for each in held) >= manner.flush_rows:
                    _flush(writer, held, result, manner)
                    flushed_s = loop.time()
    finally:
        # also where it is cancelled or the venue fails: what came is kept
        _flush(writer, held, result, manner)


def _pages(client: Client, asked: Asked, dataset: Dataset, gap: Range) -> AsyncIterator[Page]:
    if dataset.kind == "candles":
        return candle_pages(client, asked, gap)
    return (funding_pages if dataset.kind == "funding" else trade_pages)(client, asked, gap)


def _flush(writer: Writer, held: list[Page], result: Downloaded, manner: Manner) -> None:
    if held:
        rows = pl.concat([page.rows for page in held])
        asked = [page.asked for page in held]
        held.clear()
        result.merged.add(writer.add(rows, asked=asked, replace=manner.replace_held))
