"""Listen keys: who may hear what happens to the account, and until when. Kept on disk like the account."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

import msgspec

from .journal import JournalError

VALID_MS = 3_600_000  # the venue's 60 minutes
LISTEN_KEY = re.compile(r"^[A-Za-z0-9]{64}$")


class ListenKey(msgspec.Struct, frozen=True, kw_only=True):
    """One API key's listen key."""

    listen_key: str
    expires_ms: int


class ListenKeys:
    """One listen key for each API key; asking again for it prolongs it."""

    def __init__(self, path: Path, valid_ms: int = VALID_MS) -> None:
        self._path = path
        self._valid_ms = valid_ms
        self._of_api_key: dict[str, ListenKey] = {}

    def open(self) -> None:
        """Take up the keys that were valid before a restart. Raises JournalError."""
        try:
            if self._path.exists():
                self._of_api_key = msgspec.json.decode(self._path.read_bytes(), type=dict[str, ListenKey])
        except (OSError, msgspec.MsgspecError) as error:
            raise JournalError(f"{self._path}: cannot be read: {error}") from error

    def active(self) -> list[str]:
        """Return the listen keys that are valid."""
        return [held.listen_key for held in self._of_api_key.values()]

    def is_active(self, listen_key: str) -> bool:
        """True where somebody may listen with this key."""
        return any(held.listen_key == listen_key for held in self._of_api_key.values())

    def of(self, api_key: str) -> str | None:
        """Return the API key's listen key, or None."""
        held = self._of_api_key.get(api_key)
        return held.listen_key if held else None

    def start(self, api_key: str, now_ms: int) -> str:
        """Return the API key's listen key, new or prolonged. Raises JournalError."""
        held = self._of_api_key.get(api_key)
        listen_key = held.listen_key if held else secrets.token_hex(32)
        self._keep(api_key, ListenKey(listen_key=listen_key, expires_ms=now_ms + self._valid_ms))
        return listen_key

    def end(self, api_key: str) -> str | None:
        """Forget the API key's listen key and return it. Raises JournalError."""
        held = self._of_api_key.get(api_key)
        if held is None:
            return None
        self._keep(api_key, None)
        return held.listen_key

    def expire(self, now_ms: int) -> list[str]:
        """Forget listen keys that nobody prolonged and return them. Raises JournalError."""
        due = [api_key for api_key, held in self._of_api_key.items() if held.expires_ms <= now_ms]
        return [ended for ended in map(self.end, due) if ended is not None]

    def _keep(self, api_key: str, held: ListenKey | None) -> None:
        table = {key: value for key, value in self._of_api_key.items() if key != api_key}
        if held is not None:
            table[api_key] = held
        partial = self._path.with_suffix(".partial")
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(table))
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._path)
        except OSError as error:
            raise JournalError(f"{self._path}: {error.strerror}") from error
        self._of_api_key = table
