"""Files that are there whole or not at all, and their fingerprints."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import polars as pl

from .errors import StoreError

TEMPORARY = ".tmp"

# What reading a damaged file raises; polars panics on some.
UNREADABLE = (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException)


def write_whole(path: Path, data: bytes) -> None:
    """Put ``data`` in place of a file: after a crash the old content is there, or the new. Raises StoreError."""
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(temporary, path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error


def write_parquet(path: Path, frame: pl.DataFrame) -> Path:
    """Write a frame beside ``path`` and onto the disk; ``put_in_place`` makes it the file. Raises StoreError."""
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        frame.write_parquet(temporary, compression="zstd", statistics=True)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"{path} cannot be written: {error}") from error
    return temporary


def put_in_place(temporary: Path, path: Path) -> None:
    """Rename a written file over its place, and have the folder remember it. Raises OSError."""
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
