"""Reads recordings line by line: our own format and those of other recorders, plain, gzip or zstandard.

- Ours (``write.py``), and cryptofeed's: a header line first, then JSON lines that name their kind in ``t``.
- hftbacktest's collector: local ns, a space, the raw frame; a book over REST stands among them as it came.
- Bare frames, one JSON value a line, without times.
- python-kraken-sdk: one JSON object with ``init``; frames or lists of frames under its keys, without times.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal, get_args

import msgspec
import zstandard

from .errors import CaptureError
from .line import Line, LineKind

NS_PER_S = 1_000_000_000
CHUNK_BYTES = 1 << 18
MAX_LINE_BYTES = 64 << 20  # a listing of every instrument of a venue is some MiB
_KINDS: dict[str, LineKind] = {kind: kind for kind in get_args(LineKind)}


class _Line(msgspec.Struct, frozen=True):
    t: str
    venue: str = ""
    conn: str = ""
    ts: int | float = 0
    addr: str = ""
    url: str = ""
    enc: Literal["utf-8", "latin-1"] = "utf-8"
    data: str = ""


_decode_line = msgspec.json.Decoder(_Line).decode


def read_capture(path: Path) -> Iterator[Line]:
    """Yield every line of a recording, in the order of the file. Raises CaptureError."""
    try:
        with _opened(path) as file:
            yield from _lines(path, file)
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise CaptureError(f"{path}: cannot be read: {error}") from error


def _opened(path: Path) -> IO[bytes]:
    raw = path.open("rb")
    magic = raw.read(4)
    raw.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return io.BufferedReader(gzip.GzipFile(fileobj=raw))
    if magic == b"\x28\xb5\x2f\xfd":
        return io.BufferedReader(_Unpacked(raw), CHUNK_BYTES)
    return raw


class _Unpacked(io.RawIOBase):
    """A zstandard file, down to the last byte: the library's own reader keeps back the end of an unfinished one."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._unpack = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            packed = self._file.read(CHUNK_BYTES)
            if not packed:
                return 0
            self._left = memoryview(self._unpack.decompress(packed))
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _lines(path: Path, file: IO[bytes]) -> Iterator[Line]:
    first = file.readline(MAX_LINE_BYTES)
    if not first:
        raise CaptureError(f"{path}: is empty; expected a recording")
    if first.startswith(b'{"t":'):
        yield from _headed(path, _chained(first, file))
    elif first[:1].isdigit():
        yield from _timed(path, first, file)
    elif first.strip() == b"{":
        yield from _nested(path, first + file.read(MAX_LINE_BYTES))
    elif first.startswith((b"{", b"[")):
        yield from _bare(first, file)
    else:
        raise CaptureError(f"{path}: not a recording: starts with {first[:40]!r}; expected a header, a time or JSON")


def _headed(path: Path, file: Iterator[bytes]) -> Iterator[Line]:
    addresses: dict[str, str] = {}  # not every recorder repeats a socket's address on each line
    for number, text in enumerate(file, 1):
        try:
            line = _decode_line(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if not text.endswith(b"\n"):
                return  # the recorder was killed while it wrote this line
            raise CaptureError(f"{path}: line {number}: {error}; found {text[:60]!r}") from error
        kind = _KINDS.get(line.t)
        if line.addr:
            addresses[line.conn] = line.addr
        if kind is not None:  # a recorder may note more than passed its sockets
            address = line.url or line.addr or addresses.get(line.conn, "")
            data = line.data or line.venue  # of a header
            yield Line(kind, line.conn, _as_ns(line.ts), address, data.encode(line.enc))


def _as_ns(ts: float) -> int:
    return ts if isinstance(ts, int) else round(ts * 1_000_000) * 1_000  # seconds, of which microseconds are told


def _timed(path: Path, first: bytes, file: IO[bytes]) -> Iterator[Line]:
    connection = path.name.partition("_")[0]  # a file a symbol and day: those of one symbol go on from each other
    for number, text in enumerate(_chained(first, file), 1):
        ts, _, frame = text.rstrip(b"\r\n").partition(b" ")
        if not ts.isdigit() or not frame:
            raise CaptureError(f"{path}: line {number}: expected '<ns> <frame>', found {text[:60]!r}")
        yield Line("http" if frame.startswith(b'{"lastUpdateId"') else "recv", connection, int(ts), "", frame)


def _bare(first: bytes, file: IO[bytes]) -> Iterator[Line]:
    for text in _chained(first, file):
        if frame := text.strip():
            yield Line("recv", "1", 0, "", frame)


def _chained(first: bytes, file: IO[bytes]) -> Iterator[bytes]:
    yield first
    yield from file


def _nested(path: Path, text: bytes) -> Iterator[Line]:
    try:
        body = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        if "init" not in body:  # a single frame, written to be read
            yield Line("recv", "1", 0, "", text)
            return
        for raw in body.values():
            for frame in _frames(bytes(raw)):
                yield Line("recv", "1", 0, "", frame)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CaptureError(f"{path}: not JSON: {error}; starts with {text[:40]!r}") from error


def _frames(raw: bytes) -> list[bytes]:
    """One frame, or a list of frames; each keeps its digits as they were written."""
    if not raw.lstrip().startswith(b"["):
        return [raw]
    items: Any = msgspec.json.decode(raw, type=list[msgspec.Raw])
    return [bytes(item) for item in items]
