"""Plays recorded frames of the real venue, over and over, as if they happened now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge
from pathlib import Path

import msgspec

from seawall_paper_venue.market_frames import (
    AggregateTrade,
    BookSnapshot,
    BookTicker,
    DepthUpdate,
    MarketFrame,
    MarketMessage,
    MarkPriceUpdate,
    Trade,
)

from .base import Pacer, Sink
from .errors import RecordingError
from .recording_files import SNAPSHOT, Line, read_lines
from .recording_scan import Scan, scan_recording

# between the last frame of one run and the first of the next
_PAUSE_NS = 10_000_000
# candles and tickers are built anew from the trades, so that they agree with them
_DECODERS: dict[str, msgspec.json.Decoder[MarketFrame]] = {
    "depth": msgspec.json.Decoder(DepthUpdate),
    "trade": msgspec.json.Decoder(Trade),
    "aggTrade": msgspec.json.Decoder(AggregateTrade),
    "bookTicker": msgspec.json.Decoder(BookTicker),
    "markPrice": msgspec.json.Decoder(MarkPriceUpdate),
}
_decode_snapshot = msgspec.json.Decoder(BookSnapshot).decode


class RecordingSource:
    """Plays a file or folder of recorded frames. Raises RecordingError at once where it cannot be played.

    Times are moved to now. Ids are as recorded in the first run; each further run adds what keeps
    them rising, and begins with the snapshot again, to which the hub leads its clients over.
    """

    def __init__(self, path: Path, symbols: Iterable[str] | None = None) -> None:
        self._scan: Scan = scan_recording(path)
        recorded = tuple(self._scan.snapshots)
        self.symbols = tuple(symbols) if symbols is not None else recorded
        missing = [symbol for symbol in self.symbols if symbol not in recorded]
        if missing:
            raise RecordingError(f"{path}: holds {', '.join(recorded)}; expected also {', '.join(missing)}")

    async def run(self, sink: Sink, speed: float) -> None:
        """Play for ever at ``speed`` times the recorded pace. Raises RecordingError at a damaged line."""
        await Pacer(speed).play(self.timed(), sink)

    def timed(self) -> Iterator[tuple[int, MarketMessage]]:
        """Yield (recorder's nanoseconds, message) without end; a message's own times are on that clock too."""
        shift = _Shift(self._scan)
        while True:
            for ts_ns, message in self.one_run():
                yield shift.apply(ts_ns, message), message
            shift.next_run()

    def one_run(self) -> Iterator[tuple[int, MarketMessage]]:
        """Yield one run as recorded: each symbol's snapshot, then all frames that follow it, by time."""
        scan = self._scan
        for symbol in self.symbols:
            yield scan.first_ns, _copy(scan.snapshots[symbol])
        yield from merge(*(self._frames(file) for file in scan.files), key=_moment)

    def _frames(self, file: Path) -> Iterator[tuple[int, MarketMessage]]:
        snapshots = self._scan.snapshots
        wanted = frozenset(self.symbols)
        for line in read_lines(file):
            if line.stream == SNAPSHOT:
                message = self._later_snapshot(file, line)
                if message is not None:
                    yield line.ts_ns, message
                continue
            if line.symbol not in wanted:
                continue
            frame = _decode(file, line)
            if frame is None or _is_before(frame, snapshots[line.symbol].last_update_id):
                continue
            yield line.ts_ns, frame

    def _later_snapshot(self, file: Path, line: Line) -> BookSnapshot | None:
        """A recorder that reconnects takes another snapshot; the first of each symbol begins the run already."""
        symbol = line.symbol or self._scan.symbol_of_file.get(file, "")
        first = self._scan.snapshots.get(symbol)
        if first is None or symbol not in self.symbols:
            return None
        try:
            snapshot = _decode_snapshot(line.payload)
        except msgspec.DecodeError as error:
            raise RecordingError(f"{file}: line {line.number}: {error}; expected a depth snapshot") from error
        snapshot.symbol = symbol
        return snapshot if snapshot.last_update_id > first.last_update_id else None


def _moment(timed: tuple[int, MarketMessage]) -> int:
    return timed[0]


def _copy(snapshot: BookSnapshot) -> BookSnapshot:
    return msgspec.structs.replace(snapshot, bids=list(snapshot.bids), asks=list(snapshot.asks))


def _decode(file: Path, line: Line) -> MarketFrame | None:
    kind = line.stream.split("@")[1] if "@" in line.stream else ""
    decoder = _DECODERS.get(kind)
    if decoder is None:
        return None
    try:
        return decoder.decode(line.payload)
    except msgspec.DecodeError as error:
        raise RecordingError(f"{file}: line {line.number}: {error}; expected a {kind} frame of USD-M") from error


def _is_before(frame: MarketFrame, snapshot_id: int) -> bool:
    """Whether the frame tells of a book older than the snapshot that the run begins with."""
    if isinstance(frame, DepthUpdate):
        return frame.last_update_id < snapshot_id
    return isinstance(frame, BookTicker) and frame.update_id <= snapshot_id


class _Shift:
    """What is added to times and ids so that run after run reads as one market that goes on."""

    def __init__(self, scan: Scan) -> None:
        self._lead_ms = scan.clock_lead_ns // 1_000_000
        self._first_ns = scan.first_ns
        self._lowest_update_id = min(snapshot.last_update_id for snapshot in scan.snapshots.values())
        self._time_ns = 0
        self._update_id = 0
        self._last_ns = scan.first_ns
        self._highest_update_id = 0
        self._trades: dict[tuple[str, str], _IdRange] = {}

    def apply(self, ts_ns: int, message: MarketMessage) -> int:
        """Move a message into the running run; return when it is due."""
        self._last_ns = ts_ns
        message.event_ms += self._time_ns // 1_000_000 - self._lead_ms
        if not isinstance(message, MarkPriceUpdate):
            message.transaction_ms += self._time_ns // 1_000_000 - self._lead_ms
        match message:
            case BookTicker():
                message.update_id += self._update_id
                self._highest_update_id = max(self._highest_update_id, message.update_id)
            case DepthUpdate():
                message.first_update_id += self._update_id
                message.last_update_id += self._update_id
                message.previous_update_id += self._update_id
                self._highest_update_id = max(self._highest_update_id, message.last_update_id)
            case BookSnapshot():
                message.last_update_id += self._update_id
                self._highest_update_id = max(self._highest_update_id, message.last_update_id)
            case Trade():
                message.trade_id = self._range(message.symbol, "trade").shifted(message.trade_id)
            case AggregateTrade():
                message.aggregate_id = self._range(message.symbol, "aggregate").shifted(message.aggregate_id)
                trades = self._range(message.symbol, "trade")
                message.first_trade_id = trades.shifted(message.first_trade_id)
                message.last_trade_id = trades.shifted(message.last_trade_id)
        return ts_ns + self._time_ns

    def next_run(self) -> None:
        """Begin another run after what has been played."""
        run_ns = self._last_ns - self._first_ns + _PAUSE_NS
        self._time_ns += run_ns - run_ns % 1_000_000
        self._update_id = self._highest_update_id + 1 - self._lowest_update_id
        for each in self._trades.values():
            each.next_run()

    def _range(self, symbol: str, kind: str) -> _IdRange:
        key = (symbol, kind)
        if key not in self._trades:
            self._trades[key] = _IdRange()
        return self._trades[key]


class _IdRange:
    """Ids that rise by one within a run, and on from one run to the next."""

    __slots__ = ("_first", "_last", "_shift")

    def __init__(self) -> None:
        self._first = self._last = -1
        self._shift = 0

    def shifted(self, recorded: int) -> int:
        if self._first < 0:
            self._first = recorded
        self._last = max(self._last, recorded)
        return recorded + self._shift

    def next_run(self) -> None:
        self._shift += self._last - self._first + 1
