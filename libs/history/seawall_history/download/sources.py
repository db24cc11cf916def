"""What each venue gives by public REST, in one table: ccxt's name for it, its page sizes, and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from seawall_history.errors import BadInputError, NotOfferedError
from seawall_history.intervals import HOUR_NS, MINUTE_NS, NS_PER_S
from seawall_history.names import Dataset, split_symbol

# How ccxt takes the end of a window: as the last moment in it, as the first after it, or not at all.
Until = Literal["last", "after", "none"]
# ``pages``: from a time on, so many; ``windows``: all in a window; ``whole``: everything there is, at once.
FundingPages = Literal["", "pages", "windows", "whole"]
TradePages = Literal["", "by_id", "by_nanosecond", "by_time"]

# A row of the newest past may still be on its way into the venue's archive.
SETTLED_AFTER_NS: Mapping[str, int] = {
    "candles": 5 * NS_PER_S,
    "funding": 10 * MINUTE_NS,
    "trades": MINUTE_NS,
}


@dataclass(frozen=True, slots=True)
class VenueSource:
    """One venue. ``reach`` is how many candles back it goes, 0 where it gives all.

    ``extras`` are the places of quote volume, buy volume and trade count in the venue's own candle.
    """

    name: str
    ccxt_id: str
    candles_per_page: int
    until: Until
    options: Mapping[str, Any] = field(default_factory=dict)
    reach: int = 0
    extras: tuple[int | None, int | None, int | None] = (None, None, None)
    perpetual: bool | None = None
    funding: FundingPages = ""
    rates_per_page: int = 0
    trades: TradePages = ""
    trades_per_page: int = 1_000
    no_trades: str = ""


def _types(*names: str) -> dict[str, Any]:
    return {"fetchMarkets": {"types": list(names)}}


_BYBIT_TRADES = "Bybit gives only its last 1000 trades"
_BACKWARDS = "its trades come backwards in pages of 100 to 1000, which is not supported"

# Page sizes from the venues' documentation of 2025; a smaller answer than asked for is noticed and asked on.
SOURCES: Mapping[str, VenueSource] = {
    source.name: source
    for source in (
        VenueSource(
            "binance-usdm",
            "binanceusdm",
            1_000,
            "last",
            _types("linear"),
            extras=(7, 9, 8),
            perpetual=True,
            funding="pages",
            rates_per_page=1_000,
            trades="by_id",
        ),
        VenueSource(
            "binance-spot",
            "binance",
            1_000,
            "last",
            _types("spot"),
            extras=(7, 9, 8),
            perpetual=False,
            trades="by_id",
        ),
        VenueSource(
            "bybit-linear",
            "bybit",
            1_000,
            "last",
            _types("linear"),
            extras=(6, None, None),
            perpetual=True,
            funding="windows",
            rates_per_page=200,
            no_trades=_BYBIT_TRADES,
        ),
        VenueSource(
            "bybit-spot",
            "bybit",
            1_000,
            "last",
            _types("spot"),
            extras=(6, None, None),
            perpetual=False,
            no_trades=_BYBIT_TRADES,
        ),
        VenueSource(
            "okx",
            "okx",
            100,  # the smallest of its endpoints' limits, mark prices included
            "after",
            _types("spot", "swap"),
            extras=(7, None, None),
            funding="windows",
            rates_per_page=100,
            no_trades=_BACKWARDS,
        ),
        VenueSource(
            "kraken",
            "kraken",
            720,
            "none",
            reach=719,  # it gives 720, the last of which is still open
            extras=(None, None, 7),
            perpetual=False,
            trades="by_nanosecond",
        ),
        VenueSource(
            "kraken-futures",
            "krakenfutures",
            1_000,
            "none",
            perpetual=True,
            funding="whole",
            trades="by_time",
        ),
        VenueSource("coinbase", "coinbase", 300, "last", perpetual=False, no_trades=_BACKWARDS),
    )
}


def source_of(dataset: Dataset) -> VenueSource:
    """Return how to ask for a history. Raises BadInputError for an unknown venue, NotOfferedError where it has none."""
    source = SOURCES.get(dataset.venue)
    if source is None:
        raise BadInputError(f"venue {dataset.venue!r}: expected one of {', '.join(SOURCES)}")
    perpetual = split_symbol(dataset.symbol)[2] != ""
    if source.perpetual is not None and perpetual != source.perpetual:
        kind, example = ("futures", "BTC-USDT-PERP") if source.perpetual else ("spot", "BTC-USDT")
        raise BadInputError(f"{dataset.symbol} at {source.name}: expected a {kind} symbol such as {example}")
    if dataset.kind == "funding" and not (source.funding and perpetual):
        raise NotOfferedError(f"{dataset}: spot has no funding; expected a symbol such as BTC-USDT-PERP")
    if dataset.kind == "trades" and not source.trades:
        raise NotOfferedError(f"{dataset}: {source.no_trades}; import files instead")
    return source


def unified_symbol(symbol: str) -> str:
    """Return a symbol in ccxt's words: ``BTC/USDT``, ``BTC/USDT:USDT``, ``BTC/USDT:USDT-250627``."""
    base, quote, rest = split_symbol(symbol)
    if not rest:
        return f"{base}/{quote}"
    return f"{base}/{quote}:{quote}" + ("" if rest == "PERP" else f"-{rest}")


def funding_window_ns(source: VenueSource) -> int:
    """Return a window that holds no more rates than a page, were they charged every hour."""
    return source.rates_per_page * HOUR_NS
