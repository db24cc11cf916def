"""Recorded files as lines of (receive time, stream, payload), whatever their format, and their faults by line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec
import zstandard

from .errors import RecordingError

EXPECTED = "expected *.gz with lines `<receive ns> <json>` or *.jsonl.zst with `recv` and `http` lines"
SNAPSHOT = "snapshot"
_CHUNK_BYTES = 256 * 1024
# a depth snapshot of 1 000 levels a side is about 60 kB; an exchangeInfo of the whole venue a few MB
_MAX_LINE_BYTES = 16 * 1024 * 1024


class Line(NamedTuple):
    """One recorded line. ``stream`` is a stream name, or ``SNAPSHOT`` with the symbol where the line says it."""

    ts_ns: int
    stream: str
    symbol: str
    payload: msgspec.Raw
    number: int


class _Envelope(msgspec.Struct):
    data: msgspec.Raw
    stream: str = ""


class _Session(msgspec.Struct):
    """A line of the jsonl format: ``t`` says what it is, ``data`` is JSON within JSON."""

    t: str
    ts: float = 0.0
    url: str = ""
    data: str = ""


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_session = msgspec.json.Decoder(_Session).decode


def recording_files(path: Path) -> list[Path]:
    """Return the recorded files at a path, in order of name. Raises RecordingError where there is none."""
    if not path.exists():
        raise RecordingError(f"{path}: does not exist; {EXPECTED}, or a folder of them")
    if path.is_file():
        if not _is_recording(path):
            raise RecordingError(f"{path}: is no recording; {EXPECTED}")
        return [path]
    files = sorted(each for each in path.iterdir() if each.is_file() and _is_recording(each))
    if not files:
        raise RecordingError(f"{path}: holds no recording; {EXPECTED}")
    return files


def _is_recording(path: Path) -> bool:
    return path.name.endswith((".gz", ".jsonl.zst"))


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the market lines of one file, one at a time. Raises RecordingError with the line at fault."""
    number = 0
    parse = _parse_session if path.name.endswith(".zst") else _parse_pair
    for number, text in enumerate(_raw_lines(path), start=1):
        try:
            line = parse(text, number)
        except (msgspec.DecodeError, ValueError) as error:
            raise RecordingError(f"{path}: line {number}: {error}; {EXPECTED}") from error
        if line is not None:
            yield line
    if number == 0:
        raise RecordingError(f"{path}: is empty; {EXPECTED}")


def _parse_pair(text: bytes, number: int) -> Line:
    """``<receive ns> <json>``; the JSON is a combined frame, or an in-band answer of the depth request."""
    moment, _, body = text.partition(b" ")
    if not moment.isdigit():
        raise ValueError("does not begin with a time in nanoseconds")
    if body.startswith(b'{"stream"'):
        envelope = _decode_envelope(body)
        return Line(int(moment), envelope.stream, _symbol_of(envelope.stream), envelope.data, number)
    return Line(int(moment), SNAPSHOT, "", msgspec.Raw(body), number)


def _parse_session(text: bytes, number: int) -> Line | None:
    session = _decode_session(text)
    ts_ns = int(session.ts * 1e9)
    if session.t == "recv":
        envelope = _decode_envelope(session.data)
        return Line(ts_ns, envelope.stream, _symbol_of(envelope.stream), envelope.data, number)
    if session.t == "http" and urlsplit(session.url).path.endswith("/depth"):
        symbol = parse_qs(urlsplit(session.url).query).get("symbol", [""])[0].upper()
        return Line(ts_ns, SNAPSHOT, symbol, msgspec.Raw(session.data.encode()), number)
    return None


def _symbol_of(stream: str) -> str:
    return stream.partition("@")[0].upper()


def recorded_exchange_info(path: Path) -> bytes | None:
    """Return the contract list that a jsonl recording begins with, or None."""
    for file in recording_files(path):
        if not file.name.endswith(".zst"):
            continue
        for number, text in enumerate(_raw_lines(file)):
            session = _decode_session(text)
            if session.t == "http" and urlsplit(session.url).path.endswith("/exchangeInfo"):
                return session.data.encode()
            if number > 100:
                break
    return None


def _raw_lines(path: Path) -> Iterator[bytes]:
    try:
        if path.name.endswith(".zst"):
            yield from _zst_lines(path)
            return
        with gzip.open(path, "rb") as file:
            while text := file.readline(_MAX_LINE_BYTES):
                yield text
    except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
        raise RecordingError(f"{path}: cut short or damaged: {error}; {EXPECTED}") from error
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror or error}; {EXPECTED}") from error


def _zst_lines(path: Path) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    rest = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            *lines, rest = (rest + decompressor.decompress(chunk)).split(b"\n")
            yield from lines
            if len(rest) > _MAX_LINE_BYTES:
                raise RecordingError(f"{path}: a line is longer than {_MAX_LINE_BYTES} bytes; {EXPECTED}")
    if rest:
        yield rest
    if not decompressor.eof:
        raise EOFError("the compressed stream has no end")
