"""API keys: read from files, never shown."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from seawall_venues.port import VenueError

MAX_KEY_BYTES = 8_192  # an RSA private key in PEM is about 1.7 KiB; anything larger is the wrong file


class KeyFiles(Protocol):
    """Where one API key lies: two files, never values."""

    @property
    def key_file(self) -> Path:
        """The file that holds the key."""

    @property
    def secret_file(self) -> Path:
        """The file that holds the secret."""


class ApiKey:
    """A key and its secret; neither appears in ``repr``, ``str`` or an error."""

    __slots__ = ("key", "secret")

    def __init__(self, key: str, secret: str) -> None:
        self.key = key
        self.secret = secret

    def __repr__(self) -> str:
        return "ApiKey(<redacted>)"

    def __reduce__(self) -> str:
        raise TypeError("an API key does not travel")


def read_key(files: KeyFiles) -> ApiKey:
    """Read both files. Raises VenueError, naming the file but never its content."""
    return ApiKey(_read(files.key_file, "key"), _read(files.secret_file, "secret"))


def _read(path: Path, what: str) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_KEY_BYTES + 1)
    except OSError as error:
        raise VenueError(f"the API {what} file {path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_KEY_BYTES:
        raise VenueError(f"the API {what} file {path} is larger than {MAX_KEY_BYTES} bytes: not a {what}")
    try:
        text = data.decode("ascii").strip()
    except UnicodeDecodeError:
        raise VenueError(f"the API {what} file {path} is not plain ASCII text") from None
    if not text:
        raise VenueError(f"the API {what} file {path} is empty")
    return text
