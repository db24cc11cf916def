"""Frames a second through our path, cryptofeed's and bare decoding: side by side, in rounds that take turns.

Figures are of processor time, and ratios those of one round, so that other work on the machine matters
little. A book's top is read after every depth frame, by us and by cryptofeed.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from .feed_cases import Case, cases
from .feed_floor import Decode, typed, untyped
from .feed_path import FeedPath
from .feed_peer import Peer

NAME = "feed"
ROUNDS = 5
ROUND_S = 0.12

Pace = Callable[[], float]


def run() -> Iterator[dict[str, object]]:
    """Yield for each venue and kind the frames a second, and the ratios to cryptofeed and to bare decoding."""
    with Peer() as peer:
        for case in cases():
            yield _measured(case, peer)


def _measured(case: Case, peer: Peer) -> dict[str, object]:
    payloads = case.payloads
    ours = _Ours(case)
    peer.take(case)
    paces: dict[str, Pace] = {
        "ours": ours.frames_per_s,
        "cryptofeed": lambda: peer.frames_per_s(ROUND_S),
        "cryptofeed_and_its_loop": lambda: peer.frames_per_s(ROUND_S, has_loop=True),
        "decode_text": _decoding(typed(payloads, str), payloads),
        "decode_float": _decoding(typed(payloads, float), payloads),
        "decode_decimal": _decoding(typed(payloads, Decimal), payloads),
        "decode_untyped": _decoding(untyped(payloads), payloads),
    }
    rounds = [{name: pace() for name, pace in paces.items()} for _ in range(ROUNDS)]
    medians = {name: statistics.median(one[name] for one in rounds) for name in paces}
    ratios = {
        name: round(statistics.median(one["ours"] / one[name] for one in rounds), 3) if medians[name] else None
        for name in paces
        if name != "ours"
    }
    return {
        "venue": case.venue,
        "kind": case.kind,
        "source": case.source,
        "frames": len(payloads),
        "bytes_per_frame": round(statistics.mean(map(len, payloads))),
        "levels_per_frame": _levels_per_frame(case),
        "events_per_frame": round(ours.events_per_frame, 2),
        "frames_per_s": {name: round(pace) or None for name, pace in medians.items()},
        "ratio_to": ratios,
        **({"no_cryptofeed": peer.trouble} if peer.trouble else {}),
        **({"troubles": dict(ours.troubles)} if ours.troubles else {}),
    }


class _Ours:
    """A case through our path, from the beginning each time."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self.events_per_frame = 0.0
        self.troubles: dict[str, int] = {}

    def frames_per_s(self) -> float:
        """Play the frames for one round."""
        frames, spent = self._case.frames, 0.0
        count = 0
        gc.collect()
        while spent < ROUND_S:
            path = self._opened()
            take, events = path.lane.frame, path.events
            begin = time.process_time()
            for payload, ts_received_ns, _ in frames:
                take(payload, ts_received_ns)
            spent += time.process_time() - begin
            count += len(frames)
            self.events_per_frame = (path.events - events) / len(frames)
            self.troubles = path.troubles
        return count / spent

    def _opened(self) -> FeedPath:
        case = self._case
        path = FeedPath(case.spec, case.instruments, case.snapshots)
        for payload, ts_received_ns, _ in case.opening or case.frames[:1]:
            path.lane.frame(payload, ts_received_ns)
        if case.kind != "depth":
            path.trust()
        path.know_everything()
        path.troubles.clear()
        return path


def _decoding(decode: Decode, payloads: Sequence[bytes]) -> Pace:
    def frames_per_s() -> float:
        spent, count = 0.0, 0
        gc.collect()
        while spent < ROUND_S:
            begin = time.process_time()
            for payload in payloads:
                decode(payload)
            spent += time.process_time() - begin
            count += len(payloads)
        return count / spent

    return frames_per_s


def _levels_per_frame(case: Case) -> float | None:
    if case.kind != "depth":
        return None
    sides = [getattr(update, "data", update) for update in map(case.depth_of, case.frames)]
    return round(statistics.mean(len(side.bids) + len(side.asks) for side in sides), 1)
