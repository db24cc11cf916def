"""API keys: read from a file that the operator keeps, or made once and kept in the state directory."""

from __future__ import annotations

import os
import secrets
import tomllib
from pathlib import Path
from typing import Any

import msgspec

# a key file is a few lines; anything larger is another file
MAX_KEY_FILE_BYTES = 1_000_000


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key of the account and its secret."""

    key: str
    secret: str
    name: str = ""

    def __repr__(self) -> str:
        return f"ApiKey(name={self.name!r})"


class KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    """The shape of a key file: ``{"keys": [{"name": …, "key": …, "secret": …}]}``, as JSON or TOML.

    A plain table ``{"<key>": "<secret>"}`` is understood as well.
    """

    keys: list[ApiKey]


class KeyFileError(Exception):
    """A key file that cannot be used; says where and why, never what a secret is."""


def read_keys(path: Path) -> dict[str, ApiKey]:
    """Read a key file and return its keys by key. Raises KeyFileError."""
    try:
        if path.stat().st_size > MAX_KEY_FILE_BYTES:
            raise KeyFileError(f"{path}: too large for a key file")
        text = path.read_text(encoding="utf-8")
        table: Any = tomllib.loads(text) if path.suffix == ".toml" else msgspec.json.decode(text)
        found = _convert(table)
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        kind = error if isinstance(error, msgspec.ValidationError) else type(error).__name__
        raise KeyFileError(f"{path}: no key file: {kind}") from error
    if not found:
        raise KeyFileError(f"{path}: holds no key")
    return {each.key: each for each in found}


def _convert(table: Any) -> list[ApiKey]:
    if isinstance(table, dict) and "keys" not in table:
        return [ApiKey(key=key, secret=secret) for key, secret in msgspec.convert(table, dict[str, str]).items()]
    return msgspec.convert(table, KeyFile).keys


def make_keys(path: Path, names: tuple[str, ...]) -> dict[str, ApiKey]:
    """Return the keys kept at ``path``, made at random on the first start and readable by their owner only."""
    if path.exists():
        return read_keys(path)
    made = [ApiKey(name=name, key=secrets.token_hex(32), secret=secrets.token_hex(32)) for name in names]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(KeyFile(keys=made)), indent=2))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return {each.key: each for each in made}
