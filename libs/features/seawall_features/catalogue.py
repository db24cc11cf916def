"""Every feature, once. Training and serving read this table and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from .feature import Feature


def _volatility(bars: int) -> Feature:
    meaning = f"sample standard deviation (ddof=1) of the last {bars} returns"
    return Feature(f"volatility_{bars}", "volatility", ("close",), bars, bars + 1, 1, meaning)


def _rsi(bars: int) -> Feature:
    meaning = f"100 G / (G + L), G and L the mean gain and loss of {bars} bars; 100 without loss, 50 without both"
    return Feature(f"rsi_{bars}", "rsi", ("close",), bars, bars + 1, 1, meaning)


def _momentum(bars: int) -> Feature:
    return Feature(f"momentum_{bars}", "momentum", ("close",), bars, bars + 1, 1, f"close / close {bars} bars ago - 1")


def _book_imbalance(levels: int) -> Feature:
    meaning = f"(bid - ask) / (bid + ask) quantity of the first {levels} levels of the verified book"
    return Feature(f"book_imbalance_{levels}", "book_imbalance", ("book",), levels, 0, 1, meaning)


FEATURES: tuple[Feature, ...] = (
    Feature("returns", "returns", ("close",), 1, 2, 1, "close / previous close - 1"),
    Feature("log_returns", "log_returns", ("close",), 1, 2, 1, "ln(close / previous close)"),
    _volatility(5),
    _volatility(15),
    _volatility(30),
    _volatility(60),
    Feature("volume_ma_20", "volume_mean", ("volume",), 20, 20, 1, "mean volume of the last 20 bars"),
    Feature(
        "volume_ratio",
        "volume_ratio",
        ("volume",),
        20,
        20,
        1,
        "volume / mean volume of the last 20 bars; 1 where nothing traded in any of them",
    ),
    _rsi(7),
    _rsi(14),
    _rsi(21),
    _momentum(10),
    _momentum(30),
    Feature(
        "trade_flow_imbalance",
        "trade_flow_imbalance",
        ("volume", "buy_volume"),
        5,
        5,
        1,
        "(buyers' - sellers' volume) / volume of the last 5 bars; 0 where nothing traded",
    ),
    _book_imbalance(5),
    _book_imbalance(20),
    Feature("spread_bps", "spread_bps", ("book",), 1, 0, 1, "(best ask - best bid) / mid, in 1/10 000"),
)


def version_of(features: Sequence[Feature]) -> str:
    """Return the name of exactly these definitions: 12 hex digits that change when any number would."""
    text = "\n".join(
        f"{feature.name} {feature.kind} {','.join(feature.inputs)} {feature.window} {feature.warm_up} {feature.version}"
        for feature in features
    )
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
