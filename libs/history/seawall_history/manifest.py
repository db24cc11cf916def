"""What a folder holds, as JSON beside its files: fingerprints, rows, ranges, sources, and what was asked for.

The manifest is written before files change (``pending``: what they will be) and after, so that a
crash in between leaves a file that is either the old one or the one announced.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import msgspec

from .errors import StoreError
from .files import sha256_of, write_whole
from .names import Dataset
from .ranges import Range, join
from .schema import Kind

FILE = "manifest.json"
FORMAT = 1

# A part's name becomes a file's; a manifest that was tampered with must not lead out of the folder.
PartName = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}(-[0-9]{2})?$")]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Parquet file: its fingerprint, its rows, and the times of the first and last of them."""

    sha256: str
    rows: Count
    bytes: Count
    ts_from_ns: int
    ts_to_ns: int
    sources: tuple[str, ...]
    ts_written_ns: int


class Manifest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One folder. ``asked`` are the times for which the venue has given all it has."""

    format: int = FORMAT
    venue: str
    symbol: str
    kind: Kind
    interval_ns: Count = 0
    parts: dict[PartName, Part] = {}
    pending: dict[PartName, Part] = {}
    asked: list[Range] = []

    @property
    def rows(self) -> int:
        """Rows in all parts."""
        return sum(part.rows for part in self.parts.values())

    def add_asked(self, ranges: list[Range]) -> bool:
        """Remember what was asked for; return whether that is news."""
        joined = join([*self.asked, *ranges])
        news = joined != self.asked
        self.asked = joined
        return news


def read_manifest(folder: Path, dataset: Dataset) -> Manifest | None:
    """Return a folder's manifest with what a crash left pending resolved; None where there is none.

    Raises StoreError where it cannot be read, is another history's, or a file is neither of the two it may be.
    """
    path = folder / FILE
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is no manifest: {error}") from error
    if manifest.format != FORMAT:
        raise StoreError(f"{path}: format {manifest.format}, expected {FORMAT}: written by a newer Seawall")
    found = (manifest.venue, manifest.symbol, manifest.kind, manifest.interval_ns)
    if found != (dataset.venue, dataset.symbol, dataset.kind, dataset.interval_ns):
        raise StoreError(f"{path} is that of {' '.join(map(str, found))}, expected {dataset}: the folder was moved")
    _resolve(folder, manifest)
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put a manifest in place, whole. Raises StoreError."""
    manifest.parts = dict(sorted(manifest.parts.items()))
    write_whole(folder / FILE, msgspec.json.format(msgspec.json.encode(manifest), indent=1))


def _resolve(folder: Path, manifest: Manifest) -> None:
    for name, announced in manifest.pending.items():
        path = part_path(folder, name)
        found = sha256_of(path) if path.exists() else ""
        before = manifest.parts.get(name)
        if found == announced.sha256:
            manifest.parts[name] = announced
        elif found != (before.sha256 if before else ""):
            raise StoreError(
                f"{path} is damaged: sha256 {found[:16] or 'of no file'}…,"
                f" expected {announced.sha256[:16]}… or that from before; remove it and import or download it again"
            )
    manifest.pending = {}


def part_path(folder: Path, name: str) -> Path:
    """Return the file of a part."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?", name):
        raise StoreError(f"part {name!r}: expected a month or a day")
    return folder / f"{name}.parquet"
