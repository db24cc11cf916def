"""Recorded minutes through every decision: no gap is imagined, none is missed, and bars hold what was traded."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from itertools import pairwise

import pytest

from seawall_market_data.commands import FetchSnapshot
from seawall_proto import BarClosed, BookChanged, QuoteTicked, TradePrinted
from seawall_venues.instruments import unlisted
from tests.paths import needs_recording
from tests.worlds.feed_frames import channel_of, recorded, recording_of
from tests.worlds.feed_story import SYMBOL, VENUE, FeedStory

MS = 1_000_000
SECOND = 1_000_000_000


def played(venue_symbol: str, *, book_every_ms: int = 100, dropped: int = -1, most: int = 1_000_000) -> FeedStory:
    """Play a recording; ``dropped`` leaves out that depth frame after the book came alive."""
    told = FeedStory(connect=False, book_every_ms=book_every_ms)
    told.state.instrument = unlisted(VENUE, venue_symbol.upper(), SYMBOL)
    live_frames = 0
    for number, (ts_ns, frame) in enumerate(recorded(venue_symbol)):
        if number == 0:
            told.now_ns = ts_ns
            told.connect()
            told.trades(b"[]")
        told.now_ns = ts_ns
        channel = channel_of(frame)
        if channel == "snapshot":
            told.snapshot(frame)
            continue
        if channel == "depth" and told.state.book.is_live:
            live_frames += 1
            if live_frames == dropped:
                continue
            if dropped > 0 and live_frames == dropped + 1:
                told.frame(frame)
                break
        told.frame(frame)
        if number % 50 == 0:
            told.wait(0)
        if number > most:
            break
    return told


@needs_recording(recording_of("btcusdt"))
@pytest.mark.parametrize("venue_symbol", ["btcusdt", "ethusdt"])
def test_recorded_minutes_hold_no_gap_and_every_trade_is_in_its_second(venue_symbol: str) -> None:
    told = played(venue_symbol)
    assert told.feeds() == ["syncing", "live"]
    assert told.troubles() == []
    traded: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for _, frame in recorded(venue_symbol):
        if channel_of(frame) == "trade":
            data = json.loads(frame)["data"]
            traded[data["T"] // 1_000].append((float(data["p"]), float(data["q"])))
    bars = told.all(BarClosed)
    assert len(bars) > 330
    assert {after.ts_open_ns - before.ts_open_ns for before, after in pairwise(bars)} == {SECOND}
    for bar in bars:
        trades = traded[bar.ts_open_ns // SECOND]
        assert bar.trade_count == len(trades)
        assert bar.volume == pytest.approx(sum(quantity for _, quantity in trades), rel=1e-12)
        if trades:
            prices = [price for price, _ in trades]
            assert (bar.open, bar.high, bar.low, bar.close) == (prices[0], max(prices), min(prices), prices[-1])
    assert len(told.all(TradePrinted)) == sum(map(len, traded.values()))
    assert len(told.all(QuoteTicked)) > 40_000


@needs_recording(recording_of("btcusdt"))
def test_books_come_at_their_pace_and_never_crossed() -> None:
    books = played("btcusdt", most=30_000).all(BookChanged)
    buckets = [book.ts_venue_ns // (100 * MS) for book in books]
    assert len(set(buckets)) == len(buckets) > 500
    for book in books:
        assert book.bids[0][0] < book.asks[0][0]
        assert list(book.bids) == sorted(book.bids, reverse=True)
        assert list(book.asks) == sorted(book.asks)
        assert all(quantity > 0 for _, quantity in (*book.bids, *book.asks))
    assert sum(len(book.bids) == len(book.asks) == 20 for book in books) == len(books)


@needs_recording(recording_of("btcusdt"))
@pytest.mark.parametrize("dropped", random.Random(3).sample(range(1, 2_000), 3))
def test_a_recorded_frame_that_is_dropped_is_told_at_the_very_next(dropped: int) -> None:
    told = played("btcusdt", dropped=dropped)
    assert told.feeds() == ["syncing", "live", "stale"]
    assert told.troubles() == ["book_gap"]
    assert isinstance(told.said[-1], FetchSnapshot)
