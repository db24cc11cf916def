"""What the feature service remembers of one instrument."""

from __future__ import annotations

from seawall_features import FeatureStream
from seawall_proto import BookChanged


class Instrument:
    """Windows over the bars heard so far, and the latest verified book."""

    __slots__ = ("book", "interval_ns", "next_open_ns", "stream")

    def __init__(self) -> None:
        self.stream = FeatureStream()
        self.interval_ns = 0
        self.next_open_ns = 0  # when the bar after the last one opens; 0 before the first
        self.book: BookChanged | None = None
