"""Level changes to an order book that is read at the top: ours and the structures it was chosen from.

All take the same input in turn, and their readings must agree. CPU time of the thread, best of some
rounds. ``from_text`` includes decoding the frame, as the parsers do, from texts like "61837.64000000".
The imbalance of the best twenty is read after every ten levels; of recorded frames, which bring some
seventy at a time, the best prices are read after each frame, or also the best twenty levels a side.
NumPy takes part where it is installed; nothing of ours needs it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from math import isclose
from typing import Annotated, Any

import msgspec

from seawall_proto import Level
from tests.bench.book_structures import OURS, STRUCTURES, Side
from tests.worlds.feed_frames import channel_of, recorded, recording_of

NAME = "book_levels"
ROUNDS = 5
GENERATED_LEVELS = 50_000
MAX_RECORDED_FRAMES = 3_000
READ_LEVELS = 20
READ_EVERY_LEVELS = 10
WHOLE = 1 << 30  # no snapshot has so many levels, so that each is the whole side

Price = Annotated[float, msgspec.Meta(gt=0, lt=1e12)]
Amount = Annotated[float, msgspec.Meta(ge=0, lt=1e18)]
Levels = tuple[tuple[Price, Amount], ...]


class _Changes(msgspec.Struct, frozen=True, gc=False):
    bids: Levels = msgspec.field(name="b")
    asks: Levels = msgspec.field(name="a")


class _Frame(msgspec.Struct, frozen=True, gc=False):
    data: _Changes


class _Snapshot(msgspec.Struct, frozen=True, gc=False):
    bids: Levels
    asks: Levels


def run() -> dict[str, object]:
    """Return levels a second and µs a frame for each structure, and ours as a ratio to the next best."""
    by_ten, one_by_one = _rates(levels_a_frame=10), _rates(levels_a_frame=1)
    source, frames = _frames()
    return {
        "levels_per_s_from_text": by_ten[OURS]["from_text"],
        "ratio_to_next_best": {
            "by_ten": _ratio(by_ten, "from_text"),
            "by_ten_decoded": _ratio(by_ten, "decoded"),
            "one_by_one": _ratio(one_by_one, "from_text"),
            "frame_and_best": _ratio(frames, "best_us", lower_is_better=True),
            "frame_and_top": _ratio(frames, "top_us", lower_is_better=True),
        },
        "by_ten_levels_per_s": by_ten,
        "one_by_one_levels_per_s": one_by_one,
        "source_of_frames": source,
        "us_per_frame": frames,
    }


def _ratio(found: dict[str, dict[str, float]], what: str, *, lower_is_better: bool = False) -> dict[str, float]:
    others = {name: figures[what] for name, figures in found.items() if name != OURS}
    ours = found[OURS][what]
    name = min(others, key=others.__getitem__) if lower_is_better else max(others, key=others.__getitem__)
    return {name: round(others[name] / ours if lower_is_better else ours / others[name], 2)}


def _rates(levels_a_frame: int) -> dict[str, dict[str, float]]:
    """Levels a second of a generated market, told so many at a time."""
    decode = msgspec.json.Decoder(Levels, strict=False).decode
    bids, asks, sides, texts = _generated(levels_a_frame)
    decoded = [decode(text) for text in texts]

    def play(new: Callable[[bool], Side], told: Iterable[Sequence[Level]]) -> tuple[float, float]:
        held_bids, held_asks = _loaded(new, bids, asks)
        seen, total = 0, 0.0
        begin = time.thread_time()
        for is_bids, levels in zip(sides, told, strict=True):
            (held_bids if is_bids else held_asks).update(levels)
            seen += levels_a_frame
            if seen == READ_EVERY_LEVELS:
                seen = 0
                bid, ask = held_bids.quantity(READ_LEVELS), held_asks.quantity(READ_LEVELS)
                total += (bid - ask) / (bid + ask)
        return time.thread_time() - begin, total

    spent = _best_of_rounds(
        {
            "from_text": lambda new: play(new, map(decode, texts)),
            "decoded": lambda new: play(new, decoded),
        }
    )
    return {
        name: {what: round(GENERATED_LEVELS / seconds) for what, seconds in figures.items()}
        for name, figures in spent.items()
    }


def _frames() -> tuple[str, dict[str, dict[str, float]]]:
    """What the frames are, and the µs that one takes; the top is read after each."""
    source, snapshot, texts = _recorded()
    decode = msgspec.json.Decoder(_Frame, strict=False).decode
    decoded = [decode(text) for text in texts]

    def play(new: Callable[[bool], Side], frames: Iterable[_Frame], count: int) -> tuple[float, float]:
        bids, asks = _loaded(new, snapshot.bids, snapshot.asks)
        total = 0.0
        begin = time.thread_time()
        for frame in frames:
            bids.update(frame.data.bids)
            asks.update(frame.data.asks)
            total += asks.best() - bids.best()
            if count:
                total += bids.top(count)[-1][1] + asks.top(count)[-1][1]
        return time.thread_time() - begin, total

    spent = _best_of_rounds(
        {
            "best_us": lambda new: play(new, decoded, 0),
            "top_us": lambda new: play(new, decoded, READ_LEVELS),
            "top_from_text_us": lambda new: play(new, map(decode, texts), READ_LEVELS),
        }
    )
    levels = sum(len(frame.data.bids) + len(frame.data.asks) for frame in decoded)
    return f"{source}, {levels / len(texts):.1f} levels a frame", {
        name: {what: round(1e6 * seconds / len(texts), 2) for what, seconds in figures.items()}
        for name, figures in spent.items()
    }


def _loaded(new: Callable[[bool], Side], bids: Sequence[Level], asks: Sequence[Level]) -> tuple[Side, Side]:
    held_bids, held_asks = new(True), new(False)
    held_bids.load(bids, WHOLE)
    held_asks.load(asks, WHOLE)
    return held_bids, held_asks


def _best_of_rounds(
    plays: dict[str, Callable[[Callable[[bool], Side]], tuple[float, float]]],
) -> dict[str, dict[str, float]]:
    """Play each with each structure in turn, so that what else the machine does hits all; return the least times."""
    spent: dict[str, dict[str, float]] = {name: {} for name in STRUCTURES}
    for _ in range(ROUNDS):
        for what, play in plays.items():
            agreed = None
            for name, new in STRUCTURES.items():
                seconds, total = play(new)
                agreed = total if agreed is None else agreed
                assert isclose(total, agreed, rel_tol=1e-9), f"{name} reads otherwise"
                spent[name][what] = min(seconds, spent[name].get(what, seconds))
    return spent


def _generated(levels_a_frame: int, reach_ticks: int = 60) -> tuple[list[Level], list[Level], list[bool], list[bytes]]:
    """A thousand levels a side, and changes to them: most near the touch, three in ten removals."""
    chance = random.Random(7)
    middle = 6_183_764
    bids = [((middle - i) / 100, 1.0) for i in range(1, 1_001)]
    asks = [((middle + i) / 100, 1.0) for i in range(1, 1_001)]
    sides, texts = [], []
    for _ in range(GENERATED_LEVELS // levels_a_frame):
        middle += chance.choice((-1, 0, 0, 0, 1))
        sides.append(chance.random() < 0.5)
        sign = -1 if sides[-1] else 1
        levels = []
        for _ in range(levels_a_frame):
            price = middle + sign * (1 + int(chance.expovariate(1 / reach_ticks)))
            lots = 0 if chance.random() < 0.3 else chance.randint(1, 500_000)
            levels.append((f"{price / 100:.8f}", f"{lots / 100_000:.8f}"))
        texts.append(msgspec.json.encode(levels))
    return bids, asks, sides, texts


def _recorded() -> tuple[str, _Snapshot, list[bytes]]:
    """A snapshot and the depth frames after it: of the recording, or else generated in its likeness."""
    path = recording_of("btcusdt")
    if not path.exists():
        bids, asks, sides, texts = _generated(levels_a_frame=50, reach_ticks=400)
        frames = [
            b'{"data":{"b":%b,"a":%b}}' % ((text, b"[]") if is_bids else (b"[]", text))
            for is_bids, text in zip(sides, texts, strict=True)
        ]
        return "generated", _Snapshot(tuple(bids), tuple(asks)), frames
    snapshot: Any = None
    frames = []
    for _, frame in recorded("btcusdt"):
        match channel_of(frame):
            case "snapshot":
                snapshot = msgspec.json.decode(frame, type=_Snapshot, strict=False)
            case "depth" if snapshot is not None:
                frames.append(frame)
    return "recorded BTCUSDT", snapshot, frames[:MAX_RECORDED_FRAMES]
