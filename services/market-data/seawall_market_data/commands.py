"""What the decisions want done: reads at the venue, and notes for log and metrics."""

from __future__ import annotations

from typing import Literal

import msgspec

from seawall_venues.feed import Channel

Trouble = Literal[
    "malformed_frame",
    "lost_frame",
    "book_gap",
    "late_trade",
    "trade_hole",
    "bar_skipped",
    "bar_differs",
    "odd_quote",
    "refused",
    "frozen",
]


class FeedCommand(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do for the feed of one symbol."""

    venue: str
    symbol: str


class FetchSnapshot(FeedCommand, frozen=True, kw_only=True):
    """Read the order book; ``attempt`` counts the tries in a row and spaces them."""

    request: int
    attempt: int


class FetchTrades(FeedCommand, frozen=True, kw_only=True):
    """Read the newest trades."""

    request: int
    attempt: int


class FetchBars(FeedCommand, frozen=True, kw_only=True):
    """Read the venue's own candles from one opening time (inclusive) to another (exclusive)."""

    interval_ms: int
    ts_from_ns: int
    ts_to_ns: int


class PollBook(FeedCommand, frozen=True, kw_only=True):
    """Read the order book once, as a stand-in for the stream."""


class Renew(FeedCommand, frozen=True, kw_only=True):
    """Subscribe anew to a channel; ``attempt`` counts the tries in a row and spaces them.

    ``is_refused`` where the venue said no to the one before: its connection is good.
    """

    channel: Channel
    attempt: int
    is_refused: bool = False


class NoteTrouble(FeedCommand, frozen=True, kw_only=True):
    """Count and log something that was wrong with the feed and is dealt with."""

    kind: Trouble
    detail: str


Said = list[msgspec.Struct]
