"""Looks through a recording before it is played: is it whole, what is in it, how far apart are its clocks."""

from __future__ import annotations

from pathlib import Path

import msgspec

from seawall_paper_venue.market_frames import BookSnapshot

from .errors import RecordingError
from .recording_files import SNAPSHOT, Line, read_lines, recording_files

# where a snapshot must have come: within the first seconds of any recording that is one
_HEAD_LINES = 5_000
# larger files are played unchecked: a fault shows when the playback reaches it
_MAX_CHECKED_BYTES = 64 * 1024 * 1024


class _Times(msgspec.Struct):
    event_ms: int = msgspec.field(name="E")
    previous_update_id: int | None = msgspec.field(name="pu", default=None)
    tag: str = msgspec.field(name="e", default="")


class Scan(msgspec.Struct):
    """What a recording holds: the first snapshot of each symbol, its first moment, and its clock's lead.

    ``symbol_of_file`` names the symbol of files that hold one only, whose snapshots do not say it.
    ``clock_lead_ns`` is how far the exchange's clock was ahead of the recorder's, for the frame that
    travelled fastest; the recorder's clock may well run behind.
    """

    files: list[Path]
    snapshots: dict[str, BookSnapshot]
    first_ns: int
    clock_lead_ns: int
    symbol_of_file: dict[Path, str]


_decode_times = msgspec.json.Decoder(_Times).decode
_decode_snapshot = msgspec.json.Decoder(BookSnapshot).decode


def scan_recording(path: Path) -> Scan:
    """Check a recording and find what playing it needs. Raises RecordingError."""
    files = recording_files(path)
    scan = Scan(files, {}, 0, 0, {})
    for file in files:
        _scan_file(file, scan)
    if not scan.snapshots:
        raise RecordingError(
            f"{path}: no depth snapshot in the first {_HEAD_LINES} lines; "
            "expected the answer of GET /fapi/v1/depth within the recording"
        )
    return scan


def _scan_file(file: Path, scan: Scan) -> None:
    symbols: dict[str, None] = {}
    snapshots: list[Line] = []
    whole = file.stat().st_size <= _MAX_CHECKED_BYTES
    for count, line in enumerate(read_lines(file), start=1):
        if count > _HEAD_LINES:
            if not whole:
                break
            continue  # reading on proves that the file is whole
        if not scan.first_ns or line.ts_ns < scan.first_ns:
            scan.first_ns = line.ts_ns
        if line.stream == SNAPSHOT:
            snapshots.append(line)
        else:
            symbols[line.symbol] = None
            _scan_times(file, line, scan)
    for line in snapshots:
        _keep_snapshot(file, line, list(symbols), scan)


def _scan_times(file: Path, line: Line, scan: Scan) -> None:
    try:
        times = _decode_times(line.payload)
    except msgspec.DecodeError as error:
        raise RecordingError(f"{file}: line {line.number}: {error}; expected USD-M market frames") from error
    if times.tag == "depthUpdate" and times.previous_update_id is None:
        raise RecordingError(f"{file}: line {line.number}: depthUpdate without `pu`; expected USD-M frames, not spot")
    lead = times.event_ms * 1_000_000 - line.ts_ns
    scan.clock_lead_ns = lead if not scan.clock_lead_ns else max(scan.clock_lead_ns, lead)


def _keep_snapshot(file: Path, line: Line, symbols: list[str], scan: Scan) -> None:
    if not line.symbol and len(symbols) != 1:
        raise RecordingError(
            f"{file}: line {line.number}: a depth snapshot without a symbol among frames of {len(symbols)} symbols; "
            "expected one symbol a file"
        )
    symbol = line.symbol or scan.symbol_of_file.setdefault(file, symbols[0])
    try:
        snapshot = _decode_snapshot(line.payload)
    except msgspec.DecodeError as error:
        raise RecordingError(
            f"{file}: line {line.number}: {error}; expected the answer of GET /fapi/v1/depth"
        ) from error
    snapshot.symbol = symbol
    scan.snapshots.setdefault(symbol, snapshot)
