"""Features as a stream: one closed bar in, one value a feature out, in O(1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from typing import Protocol

from seawall_proto import BarClosed, BookChanged

from .catalogue import FEATURES, version_of
from .feature import Feature, Kind
from .windows import Delay, SlidingDeviation, SlidingSum


@dataclass(slots=True)
class Row:
    """What features see of one closed bar. ``previous_close`` is None at the first."""

    close: float
    previous_close: float | None
    volume: float
    buy_volume: float
    book: BookChanged | None


class Evaluator(Protocol):
    """One feature's memory."""

    def update(self, row: Row) -> float | None:
        """Take a bar and return the feature's value, None while it warms up or its input is missing."""


class FeatureStream:
    """Evaluates a set of features over one instrument's bars, in their order, without a hole."""

    def __init__(self, features: Sequence[Feature] = FEATURES) -> None:
        self.version = version_of(features)
        self._features = tuple(features)
        self._previous_close: float | None = None
        self._evaluators: list[tuple[str, Callable[[Row], float | None]]] = []
        self.reset()

    def reset(self) -> None:
        """Forget every window: a bar is missing, and what comes next stands alone."""
        self._previous_close = None
        self._evaluators = [(feature.name, _MAKERS[feature.kind](feature).update) for feature in self._features]

    def update(self, bar: BarClosed, book: BookChanged | None = None) -> dict[str, float | None]:
        """Return every feature's value as of this bar, with the book that stood at its close."""
        row = Row(bar.close, self._previous_close, bar.volume, bar.buy_volume, book)
        self._previous_close = bar.close
        return {name: update(row) for name, update in self._evaluators}


class _Returns:
    def __init__(self, feature: Feature) -> None:
        pass

    def update(self, row: Row) -> float | None:
        return None if row.previous_close is None else row.close / row.previous_close - 1.0


class _LogReturns:
    def __init__(self, feature: Feature) -> None:
        pass

    def update(self, row: Row) -> float | None:
        return None if row.previous_close is None else log(row.close / row.previous_close)


class _Volatility:
    def __init__(self, feature: Feature) -> None:
        self._deviation = SlidingDeviation(feature.window)

    def update(self, row: Row) -> float | None:
        return None if row.previous_close is None else self._deviation.push(row.close / row.previous_close - 1.0)


class _VolumeMean:
    def __init__(self, feature: Feature) -> None:
        self._sum = SlidingSum(feature.window)

    def update(self, row: Row) -> float | None:
        total = self._sum.push(row.volume)
        return None if total is None else total / self._sum.size


class _VolumeRatio:
    def __init__(self, feature: Feature) -> None:
        self._sum = SlidingSum(feature.window)

    def update(self, row: Row) -> float | None:
        total = self._sum.push(row.volume)
        if total is None:
            return None
        return row.volume * self._sum.size / total if total else 1.0


class _Rsi:
    def __init__(self, feature: Feature) -> None:
        self._gains = SlidingSum(feature.window)
        self._losses = SlidingSum(feature.window)

    def update(self, row: Row) -> float | None:
        if row.previous_close is None:
            return None
        change = row.close - row.previous_close
        gains = self._gains.push(change if change > 0 else 0.0)
        losses = self._losses.push(-change if change < 0 else 0.0)
        if gains is None or losses is None:
            return None
        return 100.0 * gains / (gains + losses) if gains or losses else 50.0


class _Momentum:
    def __init__(self, feature: Feature) -> None:
        self._delay = Delay(feature.window)

    def update(self, row: Row) -> float | None:
        past = self._delay.push(row.close)
        return None if past is None else row.close / past - 1.0


class _TradeFlowImbalance:
    def __init__(self, feature: Feature) -> None:
        self._bought = SlidingSum(feature.window)
        self._sold = SlidingSum(feature.window)

    def update(self, row: Row) -> float | None:
        bought = self._bought.push(row.buy_volume)
        sold = self._sold.push(max(row.volume - row.buy_volume, 0.0))
        if bought is None or sold is None:
            return None
        return (bought - sold) / (bought + sold) if bought or sold else 0.0


class _BookImbalance:
    def __init__(self, feature: Feature) -> None:
        self._levels = feature.window

    def update(self, row: Row) -> float | None:
        book = row.book
        if book is None:
            return None
        bid = sum([quantity for _, quantity in book.bids[: self._levels]])
        ask = sum([quantity for _, quantity in book.asks[: self._levels]])
        return (bid - ask) / (bid + ask) if bid or ask else None


class _SpreadBps:
    def __init__(self, feature: Feature) -> None:
        pass

    def update(self, row: Row) -> float | None:
        book = row.book
        if book is None or not book.bids or not book.asks:
            return None
        bid, ask = book.bids[0][0], book.asks[0][0]
        return (ask - bid) / (ask + bid) * 20_000.0


_MAKERS: dict[Kind, Callable[[Feature], Evaluator]] = {
    "returns": _Returns,
    "log_returns": _LogReturns,
    "volatility": _Volatility,
    "volume_mean": _VolumeMean,
    "volume_ratio": _VolumeRatio,
    "rsi": _Rsi,
    "momentum": _Momentum,
    "trade_flow_imbalance": _TradeFlowImbalance,
    "book_imbalance": _BookImbalance,
    "spread_bps": _SpreadBps,
}
