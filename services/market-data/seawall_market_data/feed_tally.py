"""What was checked of one symbol's feed, and what came of it: for metrics and for verifying recordings."""

from __future__ import annotations


class FeedTally:
    """Counts since the start. ``checks`` are book messages whose sequence or checksum was held against the book."""

    __slots__ = (
        "books_crossed",
        "checks",
        "checks_failed",
        "frames",
        "quotes_agreed",
        "quotes_compared",
        "quotes_doubted",
        "repeats",
        "resyncs",
        "snapshots",
        "updates",
    )

    def __init__(self) -> None:
        self.frames = 0
        self.updates = 0
        self.checks = 0
        self.checks_failed = 0
        self.repeats = 0
        self.snapshots = 0
        self.resyncs = 0
        self.books_crossed = 0
        self.quotes_compared = 0
        self.quotes_agreed = 0
        self.quotes_doubted = 0  # disagreed once, between two quotes, which a book in mid-sweep may

    def as_dict(self) -> dict[str, int]:
        """Return every count by name."""
        return {name: getattr(self, name) for name in self.__slots__}
