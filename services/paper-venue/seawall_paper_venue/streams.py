"""Names of market streams: which are well formed, and what each symbol's are called."""

from __future__ import annotations

import re

from .klines import INTERVALS

DEPTH_PACES_MS = (100, 250, 500)
PARTIAL_DEPTHS = (5, 10, 20)
_INTERVALS = "|".join(INTERVALS)
_PACE = r"(@(0|100|250|500)ms)?"
_NAME = re.compile(
    r"[a-z0-9]+@(depth(5|10|20)?" + _PACE + r"|trade|aggTrade|bookTicker|markPrice(@1s)?|miniTicker|ticker|forceOrder"
    r"|kline_(" + _INTERVALS + r"))"
    r"|[a-z0-9]+_perpetual@continuousKline_(" + _INTERVALS + r")"
    r"|!(bookTicker|contractInfo|forceOrder@arr|miniTicker@arr|ticker@arr|markPrice@arr(@1s)?)"
)


def is_market_stream(name: str) -> bool:
    """Whether the name has the form of a market stream; the symbol in it may still be unknown."""
    return _NAME.fullmatch(name) is not None


def is_carried(route: str, name: str) -> bool:
    """Whether a connection at ``/public``, ``/market`` or the root (``route`` empty) carries this stream.

    Since 2026-04-23 the venue sends books and quotes on ``/public`` only and the rest on ``/market`` only;
    a subscription at the wrong one is acknowledged and stays silent. Trades are seen on both. The root
    is left as it was before the split.
    """
    if not route:
        return True
    kind = name.rpartition("!")[2] if name.startswith("!") else name.partition("@")[2]
    if kind == "trade":
        return True
    return kind.startswith(("depth", "bookTicker")) == (route == "/public")


class SymbolStreams:
    """The stream names of one symbol, made once."""

    __slots__ = (
        "aggregate_trade",
        "book_ticker",
        "continuous_kline",
        "depth",
        "depth_now",
        "kline",
        "mark_1s",
        "mark_3s",
        "mini_ticker",
        "partial_depth",
        "ticker",
        "trade",
    )

    def __init__(self, symbol: str) -> None:
        low = symbol.lower()
        self.trade = f"{low}@trade"
        self.aggregate_trade = f"{low}@aggTrade"
        self.book_ticker = f"{low}@bookTicker"
        self.mark_1s = f"{low}@markPrice@1s"
        self.mark_3s = f"{low}@markPrice"
        self.ticker = f"{low}@ticker"
        self.mini_ticker = f"{low}@miniTicker"
        self.kline = {interval: f"{low}@kline_{interval}" for interval in INTERVALS}
        self.continuous_kline = {interval: f"{low}_perpetual@continuousKline_{interval}" for interval in INTERVALS}
        self.depth_now = f"{low}@depth@0ms"
        self.depth = {pace: _paced(f"{low}@depth", pace) for pace in DEPTH_PACES_MS}
        self.partial_depth = {
            (levels, pace): _paced(f"{low}@depth{levels}", pace)
            for levels in PARTIAL_DEPTHS
            for pace in (0, *DEPTH_PACES_MS)
        }


def _paced(stem: str, pace_ms: int) -> tuple[str, ...]:
    # without a pace the venue means 250 ms
    return (stem, f"{stem}@250ms") if pace_ms == 250 else (f"{stem}@{pace_ms}ms",)
