"""A depth frame to a verified book and its event, top twenty read each time; against bare decoding."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from seawall_market_data.facts import FrameReceived
from seawall_market_data.service import SERVICE
from seawall_market_data.state import Market
from seawall_proto import BookChanged
from seawall_venues.binance.feed_session import topic_of
from seawall_venues.binance.parse import parse_depth
from tests.worlds.feed_frames import GeneratedMarket, channel_of, recorded, recording_of
from tests.worlds.feed_story import SYMBOL, VENUE, FeedStory

NAME = "frame_to_book_event"
ROUNDS = 3
GENERATED_FRAMES = 5_000
MAX_RECORDED_FRAMES = 6_000


class _Depth(msgspec.Struct):
    e: str
    E: int
    T: int
    s: str
    U: int
    u: int
    pu: int
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


class _Frame(msgspec.Struct):
    stream: str
    data: _Depth


def run() -> dict[str, object]:
    """Return frames a second through the decisions, and the ratio to msgspec's own typed decoding."""
    source, snapshot, frames = _frames()
    decode = msgspec.json.Decoder(_Frame).decode
    events = 0

    def bare() -> None:
        for frame in frames:
            decode(frame)

    def untyped() -> None:
        for frame in frames:
            msgspec.json.decode(frame)

    def whole() -> float:
        nonlocal events
        state = _synchronised(snapshot, frames[0])
        count = 0
        begin = time.perf_counter()
        for frame in frames[1:]:
            topic_of(frame)
            fact = FrameReceived(venue=VENUE, symbol=SYMBOL, channel="depth", payload=frame, ts_received_ns=1)
            for item in SERVICE.on[FrameReceived](state, fact)[1]:
                count += type(item) is BookChanged
        spent = time.perf_counter() - begin
        events = count
        return spent

    untyped_s = min(_timed(untyped) for _ in range(ROUNDS))
    bare_s = min(_timed(bare) for _ in range(ROUNDS))
    whole_s = min(whole() for _ in range(ROUNDS))
    levels = sum(len(update.bids) + len(update.asks) for update in map(parse_depth, frames))
    bare_rate, rate = len(frames) / bare_s, (len(frames) - 1) / whole_s
    return {
        "source": source,
        "frames": len(frames),
        "levels_per_frame": round(levels / len(frames), 1),
        "books_said": events,
        "frames_per_s": round(rate),
        "level_updates_per_s": round(levels / whole_s),
        "us_per_frame": round(1e6 / rate, 2),
        "bare_decode_frames_per_s": round(bare_rate),
        "ratio_to_bare_decode": round(rate / bare_rate, 3),
        "ratio_to_untyped_decode": round(rate * untyped_s / len(frames), 3),
    }


def _timed(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _synchronised(snapshot: bytes, first: bytes) -> Market:
    told = FeedStory(book_every_ms=1)
    told.frame(first, "depth")
    told.snapshot(snapshot)
    # a recording holds one snapshot: what was learned since counts as known, so that every frame says a book
    levels = told.state.book.levels
    levels.bids.edge, levels.asks.edge = levels.bids.UNBOUNDED, levels.asks.UNBOUNDED
    return told.state


def _frames() -> tuple[str, bytes, list[bytes]]:
    """Return what the frames are, a snapshot and the depth frames from the one that spans it."""
    path = recording_of("btcusdt")
    if not path.exists():
        market = GeneratedMarket(7, levels=900)
        first = market.depth()
        snapshot = market.snapshot()
        return "generated", snapshot, [first, *[market.depth(changes=30) for _ in range(GENERATED_FRAMES)]]
    body, frames = b"", []
    for _, frame in recorded("btcusdt"):
        match channel_of(frame):
            case "snapshot":
                body = frame
            case "depth":
                frames.append(frame)
    last = msgspec.json.decode(body)["lastUpdateId"]
    start = next(i for i, frame in enumerate(frames) if parse_depth(frame).last_update_id >= last)
    return f"recorded {SYMBOL} at {VENUE}", body, frames[start : start + MAX_RECORDED_FRAMES]
