"""What a feature is: one declaration, from which every evaluator takes its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "returns",
    "log_returns",
    "volatility",
    "volume_mean",
    "volume_ratio",
    "rsi",
    "momentum",
    "trade_flow_imbalance",
    "book_imbalance",
    "spread_bps",
]
Input = Literal["close", "volume", "buy_volume", "book"]


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature.

    ``kind`` names its formula, ``window`` its length (bars; levels of the book for book features),
    ``warm_up`` how many bars it needs before its first value, ``version`` rises when its numbers
    would change.
    """

    name: str
    kind: Kind
    inputs: tuple[Input, ...]
    window: int
    warm_up: int
    version: int
    meaning: str
