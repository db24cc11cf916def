"""Writes down what passes a venue's sockets: compressed, rotated, and readable up to the last second after a crash.

A recording is a folder of ``<venue>-<UTC time>-<part>.jsonl.zst`` files. Each begins with a header and
stands alone: the lists of instruments are repeated in every one. A line is JSON:

| ``t`` | what | fields beside ``ts`` (integer ns UTC) |
|---|---|---|
| header | what the file is | ``format``, ``version``, ``venue``, ``part`` |
| http | a read that was answered | ``url``, ``data``: the body |
| connect | a socket was opened | ``conn``, ``addr`` |
| send | a message of ours | ``conn``, ``addr``, ``data`` |
| recv | a frame, as it came | ``conn``, ``addr``, ``data`` |
| end | a connection was lost | ``conn``, ``addr``, ``data``: why |

``data`` is the text; bytes that are no UTF-8 are kept as Latin-1 and the line says ``"enc":"latin-1"``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import msgspec
import zstandard

FORMAT = "seawall-capture"
VERSION = 1
LEVEL = 3  # a core compresses some 100 MB/s; a busy venue sends 2
FLUSH_EVERY_NS = 1_000_000_000  # what a kill loses at most
NS_PER_S = 1_000_000_000
LATIN = "latin-1"
_encode = msgspec.json.Encoder().encode


class Header(msgspec.Struct, frozen=True):
    """The first line of a file."""

    t: str
    ts: int
    format: str
    version: int
    venue: str
    part: int


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Any other line."""

    t: str
    ts: int
    conn: str = ""
    addr: str = ""
    url: str = ""
    enc: str = ""
    data: str = ""


class CaptureWriter:
    """A tap that writes one venue's sockets and reads into a folder. Raises OSError where the disk refuses.

    A new file begins after ``max_bytes`` of lines (before compression) or ``max_age_ns``, whichever is
    first; ``on_rotation`` is then called, so that snapshots of the books can be asked for.
    """

    def __init__(
        self,
        folder: Path,
        venue: str,
        *,
        is_listing: Callable[[str], bool],
        max_bytes: int,
        max_age_ns: int,
        on_rotation: Callable[[], None],
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._venue = venue
        self._is_listing = is_listing
        self._max_bytes = max_bytes
        self._max_age_ns = max_age_ns
        self._on_rotation = on_rotation
        self._listings: dict[str, Entry] = {}
        self._open_lanes: dict[str, Entry] = {}
        self._file: IO[bytes] | None = None
        self._out: zstandard.ZstdCompressionWriter | None = None
        self._part = 0
        self._bytes = 0
        self._born_ns = self._flushed_ns = 0
        self.lines = 0
        self.files: list[Path] = []

    def opened(self, connection: str, url: str, ts_ns: int) -> None:
        """A socket was opened."""
        entry = Entry(t="connect", ts=ts_ns, conn=connection, addr=url)
        self._write(entry)
        self._open_lanes[connection] = entry

    def sent(self, connection: str, url: str, message: str, ts_ns: int) -> None:
        """A message left."""
        self._write(Entry(t="send", ts=ts_ns, conn=connection, addr=url, data=message))

    def received(self, connection: str, url: str, payload: bytes, ts_ns: int) -> None:
        """A frame came."""
        self._write(_with_data("recv", ts_ns, connection, url, payload))

    def ended(self, connection: str, url: str, reason: str, ts_ns: int) -> None:
        """A connection was lost."""
        self._open_lanes.pop(connection, None)
        self._write(Entry(t="end", ts=ts_ns, conn=connection, addr=url, data=reason))

    def fetched(self, url: str, body: bytes, ts_ns: int) -> None:
        """A read was answered."""
        entry = msgspec.structs.replace(_with_data("http", ts_ns, "", "", body), url=url)
        self._write(entry)
        if self._is_listing(url):
            self._listings[url] = entry

    def close(self) -> None:
        """Finish the file."""
        if self._out is not None and self._file is not None:
            self._out.close()  # type: ignore[no-untyped-call]  # closes the file beneath, too
        self._out = self._file = None

    def _write(self, entry: Entry) -> None:
        is_full = self._bytes >= self._max_bytes or entry.ts - self._born_ns >= self._max_age_ns
        rotates = self._out is not None and is_full
        if rotates:
            self.close()
        if self._out is None:
            self._begin(entry.ts)
        self._put(entry)
        if entry.ts - self._flushed_ns >= FLUSH_EVERY_NS and self._out is not None:
            self._flushed_ns = entry.ts
            self._out.flush(zstandard.FLUSH_BLOCK)
        if rotates:
            self._on_rotation()

    def _begin(self, ts_ns: int) -> None:
        self._part += 1
        time = datetime.fromtimestamp(ts_ns // NS_PER_S, UTC).strftime("%Y%m%dT%H%M%SZ")
        path = self._folder / f"{self._venue}-{time}-{self._part:04}.jsonl.zst"
        self._file = path.open("xb", buffering=0)  # never over an earlier recording; flushed means written
        self._out = zstandard.ZstdCompressor(level=LEVEL).stream_writer(self._file)
        self.files.append(path)
        self._born_ns = self._flushed_ns = ts_ns
        self._bytes = 0
        self._put(Header("header", ts_ns, FORMAT, VERSION, self._venue, self._part))
        for entry in (*self._listings.values(), *self._open_lanes.values()):
            self._put(msgspec.structs.replace(entry, ts=ts_ns))
        self._out.flush(zstandard.FLUSH_BLOCK)

    def _put(self, entry: Header | Entry) -> None:
        assert self._out is not None
        line = _encode(entry) + b"\n"
        self._out.write(line)
        self._bytes += len(line)
        self.lines += 1


def _with_data(kind: str, ts_ns: int, connection: str, url: str, data: bytes) -> Entry:
    try:
        return Entry(t=kind, ts=ts_ns, conn=connection, addr=url, data=data.decode())
    except UnicodeDecodeError:
        return Entry(t=kind, ts=ts_ns, conn=connection, addr=url, enc=LATIN, data=data.decode(LATIN))
