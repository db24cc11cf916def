"""The account's memory on disk: an append-only journal of changes and, now and then, a snapshot.

A change is on the disk before anyone is told of it. Each line is absolute, so replaying one twice does no harm;
a last line cut short by a crash was never told to anyone and is dropped.

Exception
└── JournalError       the state directory cannot be read or written; says which and why
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import msgspec

from seawall_sim.engine import Delta

# about a day of trading; reading that many lines back takes well under a second
LINES_PER_SNAPSHOT = 20_000


class JournalError(Exception):
    """The state directory cannot be used."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line: its number and what changed. A snapshot is an entry that holds everything up to its number."""

    number: int
    delta: Delta


class Journal:
    """Writes changes of the account and reads them back."""

    def __init__(self, directory: Path, lines_per_snapshot: int = LINES_PER_SNAPSHOT) -> None:
        self._directory = directory
        self._path = directory / "journal.jsonl"
        self._snapshot_path = directory / "snapshot.json"
        self._lines_per_snapshot = lines_per_snapshot
        self._encoder = msgspec.json.Encoder()
        self._file: int | None = None
        self._number = 0
        self._lines = 0
        self._good_bytes = 0
        self._unwritten: list[bytes] = []

    def open(self) -> list[Delta]:
        """Return what was kept, oldest first, and make ready to write. Raises JournalError."""
        try:
            return self._open()
        except BlockingIOError as error:
            self.close()
            raise JournalError(f"{self._directory}: another process writes here") from error
        except OSError as error:
            self.close()
            raise JournalError(f"{self._directory}: {error.strerror}") from error
        except JournalError:
            self.close()
            raise

    def _open(self) -> list[Delta]:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        deltas = self._read_snapshot()
        deltas.extend(self._read_lines())
        os.ftruncate(self._file, self._good_bytes)
        return deltas

    def close(self) -> None:
        """Close the file; nothing is waiting to be written unless the disk refused it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def append(self, delta: Delta, *, durable: bool = True) -> None:
        """Write a change, and return once the disk has it. Raises JournalError; the change is then kept for later.

        Without ``durable`` the change is written with the next one that is.
        """
        self._number += 1
        self._unwritten.append(self._encoder.encode(Entry(number=self._number, delta=delta)) + b"\n")
        if durable:
            self.flush()

    @property
    def directory(self) -> Path:
        """Where the account is kept."""
        return self._directory

    @property
    def behind(self) -> bool:
        """True while something is not on the disk yet."""
        return bool(self._unwritten)

    def flush(self) -> None:
        """Write what waits. Raises JournalError, after which a later call tries again."""
        if self._file is None:
            raise JournalError(f"{self._path}: is not open")
        if not self._unwritten:
            return
        data = b"".join(self._unwritten)
        try:
            # a write that failed half way is overwritten from where the last good line ended
            written = 0
            while written < len(data):
                written += os.pwrite(self._file, data[written:], self._good_bytes + written)
            os.fdatasync(self._file)
        except OSError as error:
            raise JournalError(f"{self._path}: {error.strerror}") from error
        self._good_bytes += len(data)
        self._lines += len(self._unwritten)
        self._unwritten.clear()

    @property
    def wants_snapshot(self) -> bool:
        """True when the journal has grown long enough to be folded into a snapshot."""
        return self._lines >= self._lines_per_snapshot

    def snapshot(self, everything: Delta) -> None:
        """Replace snapshot and journal by one snapshot. Raises JournalError, leaving the old ones as they were."""
        if self._file is None:
            raise JournalError(f"{self._path}: is not open")
        partial = self._snapshot_path.with_suffix(".partial")
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(self._encoder.encode(Entry(number=self._number, delta=everything)))
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._snapshot_path)
            self._sync_directory()
            # a crash before this line leaves entries that the snapshot holds already; their numbers tell
            os.ftruncate(self._file, 0)
            os.fsync(self._file)
        except OSError as error:
            raise JournalError(f"{self._snapshot_path}: {error.strerror}") from error
        self._good_bytes = self._lines = 0
        self._unwritten.clear()

    def _read_snapshot(self) -> list[Delta]:
        if not self._snapshot_path.exists():
            return []
        try:
            entry = msgspec.json.decode(self._snapshot_path.read_bytes(), type=Entry)
        except msgspec.MsgspecError as error:
            raise JournalError(f"{self._snapshot_path}: no snapshot of this version: {error}") from error
        self._number = entry.number
        return [entry.delta]

    def _read_lines(self) -> list[Delta]:
        if not self._path.exists():
            return []
        data = self._path.read_bytes()
        decoder = msgspec.json.Decoder(Entry)
        deltas: list[Delta] = []
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            try:
                entry = decoder.decode(data[start:end])
            except msgspec.MsgspecError as error:
                raise JournalError(f"{self._path}: line at byte {start} is no entry: {error}") from error
            if entry.number > self._number:
                deltas.append(entry.delta)
                self._number = entry.number
            self._lines += 1
            start = end + 1
        self._good_bytes = start
        return deltas

    def _sync_directory(self) -> None:
        descriptor = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
