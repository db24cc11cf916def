"""Recordings opened for replay: which venue speaks in them, its lists of instruments, and all lines by time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import merge
from pathlib import Path

from seawall_venues.capture.errors import CaptureError
from seawall_venues.capture.line import Line
from seawall_venues.capture.read import read_capture
from seawall_venues.feed_errors import MalformedFrameError
from seawall_venues.feeds import FEEDS, RECORDED_FEEDS
from seawall_venues.instruments import unlisted
from seawall_venues.wire import FeedOptions, FeedSpec, Plan, Stray

from .replay import FeedReplay
from .state import Settings

FRAMES_TO_TELL = 200  # of a recording without addresses, to tell whose they are


class Recording:
    """Some files that are played as one, and a replay for every venue in them. Raises CaptureError."""

    def __init__(self, paths: Sequence[Path], settings: Settings, venue: str = "") -> None:
        self.files = files_of(paths)
        self._settings = settings
        self._venue = venue
        self._listings: list[Line] = []
        self.replays: dict[str, FeedReplay] = {}
        self._replay_of: dict[str, FeedReplay | None] = {}
        self._http = {file: self._scan(file) for file in self.files}

    def lines(self) -> Iterator[tuple[Line, Sequence[FeedReplay]]]:
        """Yield every line by time, with the replays that it concerns."""
        streams: list[Iterator[Line]] = []
        for file in self.files:
            streams += [iter(sorted(self._http[file], key=_time)), self._streamed(file)]
        for line in merge(*streams, key=_time):
            if line.kind != "header":
                yield line, self.concerned(line)

    def concerned(self, line: Line) -> Sequence[FeedReplay]:
        """Return the replays that a line is for: an answer over REST may be anybody's."""
        if line.kind == "http" and line.address:
            return tuple(self.replays.values())
        replay = self._replay_of[_name(line)]
        return (replay,) if replay is not None else ()

    def _streamed(self, file: Path) -> Iterator[Line]:
        return (line for line in read_capture(file) if line.kind != "http" or not line.address)

    def _scan(self, file: Path) -> list[Line]:
        """Learn the venues and their lists before the first frame is played; return the recorded answers."""
        http: list[Line] = []
        venue = self._venue
        samples: dict[str, list[bytes]] = defaultdict(list)
        for line in read_capture(file):
            if line.kind == "header":
                venue = venue or line.data.decode()
            elif line.kind == "http" and line.address:
                http.append(line)
            elif line.kind == "recv" and len(samples[_name(line)]) < FRAMES_TO_TELL:
                samples[_name(line)].append(line.data)
            elif _name(line) not in samples:
                samples[_name(line)] = []
        for name, frames in samples.items():
            if name not in self._replay_of:
                spec = _spec_of(name, frames, venue)
                self._replay_of[name] = self._replay(spec, http) if spec is not None else None
        return http

    def _replay(self, spec: FeedSpec, http: Sequence[Line]) -> FeedReplay:
        key = f"{spec.venue}.{id(spec)}"
        if key not in self.replays:
            replay = self.replays[key] = FeedReplay(spec, self._settings)
            bodies = [line.data for line in http if spec.is_listing(line.address)]
            if bodies:
                replay.learn(bodies)
        return self.replays[key]


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Return the files named, and those in the folders named, in the order of their names. Raises CaptureError."""
    files: list[Path] = []
    for path in paths:
        if not path.exists():
            raise CaptureError(f"{path}: there is no such file or folder; expected a recording")
        files += sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    if not files:
        raise CaptureError(f"{', '.join(map(str, paths))}: holds no file; expected recordings")
    return files


def _spec_of(name: str, frames: Sequence[bytes], venue: str) -> FeedSpec | None:
    """Return whose frames these are: as was said, by the address, or by who understands most of them."""
    specs = (*FEEDS.values(), *RECORDED_FEEDS)
    if venue:
        specs = tuple(spec for spec in specs if spec.venue == venue)
    if len(specs) == 1:
        return specs[0]
    spoken = [spec for spec in specs if spec.speaks(name)]
    if spoken:
        return spoken[0]
    scored = [(_understood(spec, frames), spec) for spec in specs]
    best = max(scored, key=lambda pair: pair[0], default=(0, None))
    return best[1] if best[0] else None


def _name(line: Line) -> str:
    return line.address or line.connection


def _time(line: Line) -> int:
    return line.ts_ns


def _understood(spec: FeedSpec, frames: Sequence[bytes]) -> int:
    """Count the frames that a venue's wire and depth parser both make sense of."""
    wire = spec.wire(Plan("", (), ()), FeedOptions())
    count = 0
    for frame in frames:
        taken = wire.take(frame)
        if isinstance(taken, Stray):
            wire.add(unlisted(spec.venue, taken.venue_symbol))
            taken = wire.take(frame)
        if not isinstance(taken, tuple):
            continue
        for symbol, channel in taken:
            if channel == "depth":
                try:
                    spec.dialect.parse_depth(frame, unlisted(spec.venue, symbol))
                except MalformedFrameError:
                    continue
            count += 1
    return count
