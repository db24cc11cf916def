"""The guardian's own memory on disk: one JSON line a change, synced, compacted at start.

A disk that is full, read-only or slow is reported and never waited for longer than a bound: memory in
the process stays whole, and the file is written anew as soon as the disk takes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from seawall_proto import DecodeError, Event, decode, encode
from seawall_stop_guardian.facts import Memory

MAX_PENDING_EVENTS = 10_000  # some days of stops for one account; then the oldest are dropped and counted
COMPACT_ABOVE_BYTES = 4 << 20  # some hours of trailing; compacting takes milliseconds
MAX_FILE_BYTES = 64 << 20  # a larger file is no journal of ours
RETRY_S = 1.0


class MemoryLine(msgspec.Struct, frozen=True, tag="memory", tag_field="kind"):
    """The newest memory of one symbol."""

    memory: Memory


class EventLine(msgspec.Struct, frozen=True, tag="event", tag_field="kind"):
    """An event that is not in the ledger yet."""

    event: msgspec.Raw


class SentLine(msgspec.Struct, frozen=True, tag="sent", tag_field="kind"):
    """Events that are in the ledger now."""

    ids: tuple[str, ...]


Line = MemoryLine | EventLine | SentLine
_encoder = msgspec.json.Encoder(decimal_format="string")
_decoder = msgspec.json.Decoder(Line)


class Journal:
    """The journal of one account at one venue. ``problem`` is empty while the disk takes what is written."""

    def __init__(self, path: Path, *, on_health: Callable[[str], None]) -> None:
        self.path = path
        self.problem = ""
        self.memories: dict[str, Memory] = {}
        self.pending: dict[str, Event] = {}
        self.dropped_events = 0
        self.unreadable_lines = 0
        self._on_health = on_health
        self._told: str | None = None
        self._lines: list[Line] = []
        self._dirty = True
        self._unreadable = False
        self._file: int | None = None
        self._size = 0
        self._wanted = asyncio.Event()
        self._written = asyncio.Condition()
        self._accepted = 0
        self._synced = 0

    def load(self) -> None:
        """Read what an earlier process left; what cannot be read is counted and passed over."""
        try:
            if self.path.stat().st_size > MAX_FILE_BYTES:
                raise OSError(f"larger than {MAX_FILE_BYTES} bytes")
            data = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            self._unreadable = True
            self._set_problem(f"{self.path} cannot be read: {error.strerror or error}")
            return
        for text in data.split(b"\n"):
            if text:
                self._take(text)

    def _take(self, text: bytes) -> None:
        try:
            line = _decoder.decode(text)
            if isinstance(line, MemoryLine):
                self._keep_memory(line.memory)
            elif isinstance(line, EventLine):
                event = decode(bytes(line.event))
                self.pending[event.id] = event
            else:
                for event_id in line.ids:
                    self.pending.pop(event_id, None)
        except (msgspec.DecodeError, UnicodeDecodeError, DecodeError):
            self.unreadable_lines += 1  # the last line of a process that was killed, or a damaged disk

    def remember(self, memory: Memory) -> None:
        """Note the newest memory of a symbol; ``flushed`` waits until it is on disk."""
        self._keep_memory(memory)
        self._append(MemoryLine(memory))

    def queue(self, events: Iterable[Event]) -> None:
        """Note events that have to reach the ledger; beyond the bound the oldest are dropped."""
        for event in events:
            self.pending[event.id] = event
            self._append(EventLine(msgspec.Raw(encode(event))))
        while len(self.pending) > MAX_PENDING_EVENTS:
            del self.pending[next(iter(self.pending))]
            self.dropped_events += 1
            self._dirty = True

    def sent(self, ids: Sequence[str]) -> None:
        """Note that events are in the ledger."""
        for event_id in ids:
            self.pending.pop(event_id, None)
        self._append(SentLine(tuple(ids)))

    async def flushed(self, timeout_s: float) -> bool:
        """Wait until all that was noted is on disk; False where the bound passed or the disk refuses."""
        target = self._accepted
        try:
            async with asyncio.timeout(timeout_s), self._written:
                await self._written.wait_for(lambda: self._synced >= target or bool(self.problem))
        except TimeoutError:
            return False
        return self._synced >= target

    async def run(self) -> None:
        """Write what is noted, for ever, one batch and one sync at a time."""
        while True:
            if not self._dirty:
                await self._wanted.wait()
            await self.write()
            if self.problem:
                await asyncio.sleep(RETRY_S)

    async def write(self) -> None:
        """Write everything noted so far. After a refusal the next write is a whole new file, so no line is missed."""
        self._wanted.clear()
        accepted, lines, anew = self._accepted, self._lines, self._dirty
        self._lines = []
        try:
            if anew:
                self._size = await asyncio.to_thread(self._rewrite, self._image())
                self._dirty = False
            else:
                data = b"".join(_encoder.encode(line) + b"\n" for line in lines)
                await asyncio.to_thread(self._extend, data)
                self._size += len(data)
                self._dirty = self._size > COMPACT_ABOVE_BYTES
        except OSError as error:
            self._dirty = True
            self._set_problem(f"{self.path} cannot be written: {error.strerror or error}")
        else:
            self._synced = accepted
            self._set_problem("")
        async with self._written:
            self._written.notify_all()

    async def close(self) -> None:
        """Write what is left, and close."""
        if self._lines:
            await self.write()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, line: Line) -> None:
        self._accepted += 1
        self._lines.append(line)
        self._wanted.set()

    def _keep_memory(self, memory: Memory) -> None:
        self.memories.pop(memory.symbol, None)
        if not memory.is_empty:
            self.memories[memory.symbol] = memory

    def _image(self) -> bytes:
        lines: list[Line] = [MemoryLine(memory) for memory in self.memories.values()]
        lines += [EventLine(msgspec.Raw(encode(event))) for event in self.pending.values()]
        return b"".join(_encoder.encode(line) + b"\n" for line in lines)

    def _rewrite(self, data: bytes) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            _write_all(file, data)
            if self._unreadable:
                with contextlib.suppress(FileNotFoundError):
                    os.replace(self.path, self.path.with_suffix(".unreadable"))  # somebody may still want to look
                self._unreadable = False
            os.replace(fresh, self.path)
            _sync_folder(self.path.parent)
        except OSError:
            os.close(file)
            with contextlib.suppress(OSError):
                fresh.unlink()  # on a full disk every byte counts
            raise
        if self._file is not None:
            os.close(self._file)
        self._file = file
        return len(data)

    def _extend(self, data: bytes) -> None:
        assert self._file is not None
        _write_all(self._file, data)

    def _set_problem(self, problem: str) -> None:
        self.problem = problem
        if problem != self._told:
            self._told = problem
            self._on_health(problem)


def _write_all(file: int, data: bytes) -> None:
    view: Any = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
    os.fsync(file)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
