"""Events that broke a decision: how often each was tried, and what was given up, in one file.

The file survives the crash that follows each failure, so a poison message costs a bounded number of
restarts. A copy of every ledger message also stays in its stream, which cannot be deleted from.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

MAX_ATTEMPTS = 3  # a ledger message may fail for a passing reason; after three restarts it does not pass
READ_BYTES = 8 << 20  # the tail of the file that is read at start; older failures are history


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the file."""

    ts_ns: int
    key: str
    attempt: int
    given_up: bool
    subject: str
    error: str
    data: str


class DeadLetters:
    """The failures of one service instance. A directory that cannot be written is told, not fatal."""

    def __init__(self, path: Path, log: Any) -> None:
        self.path = path
        self._log = log
        self._attempts: Counter[str] = Counter()
        self._given_up: set[str] = set()
        self._separator = b"\n"
        self._read()

    def is_given_up(self, key: str) -> bool:
        """True for an event that must not be tried again."""
        return key in self._given_up

    def note(self, key: str, *, ts_ns: int, subject: str, error: str, data: bytes, final: bool) -> bool:
        """Count one failure and keep the event; True where it is now given up."""
        self._attempts[key] += 1
        given_up = final or self._attempts[key] >= MAX_ATTEMPTS
        if given_up:
            self._given_up.add(key)
        failure = Failure(
            ts_ns=ts_ns,
            key=key,
            attempt=self._attempts[key],
            given_up=given_up,
            subject=subject,
            error=error[:2_000],
            data=data.decode("utf-8", "backslashreplace"),
        )
        self._append(failure)
        return given_up

    def _append(self, failure: Failure) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                # a crash may have cut the last line short: the first write begins a line of its own
                file.write(self._separator + msgspec.json.encode(failure) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            self._separator = b""
        except OSError as error:
            self._log.error(f"cannot keep a failure in {self.path}: {error}; its event: {failure.data[:2_000]}")

    def _read(self) -> None:
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - READ_BYTES))
                lines = file.read().splitlines()
        except FileNotFoundError:
            return
        except OSError as error:
            self._log.error(f"cannot read {self.path}: {error}")
            return
        for line in lines:
            try:
                failure = msgspec.json.decode(line, type=Failure)
            except msgspec.DecodeError:
                continue  # the line that a crash cut short, or the half line at the tail's start
            self._attempts[failure.key] += 1
            if failure.given_up:
                self._given_up.add(failure.key)
