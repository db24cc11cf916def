"""Where a running system notes itself, so that other commands find it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from seawall_cli.errors import NotRunningError

FILE = "stack.json"


@dataclass(frozen=True, slots=True)
class StackRecord:
    """The supervisor's process id, the configuration in use, and the services' HTTP ports."""

    pid: int
    config: str
    http_ports: dict[str, int]


def write_record(directory: Path, record: StackRecord) -> None:
    """Note a running system."""
    (directory / FILE).write_bytes(msgspec.json.encode(record))


def forget(directory: Path) -> None:
    """Note that it no longer runs."""
    (directory / FILE).unlink(missing_ok=True)


def read_record(directory: Path) -> StackRecord | None:
    """Return the system that runs in a directory; None where none does."""
    try:
        record = msgspec.json.decode((directory / FILE).read_bytes(), type=StackRecord)
        os.kill(record.pid, 0)
    except (OSError, msgspec.DecodeError):
        return None
    return record


def find_running(data_dir: Path | None) -> StackRecord:
    """Return the running system: the one in ``data_dir``, or the only one under ``.data``.

    Raises NotRunningError where there is none, or more than one to choose from.
    """
    candidates = [data_dir] if data_dir else sorted(path for path in Path(".data").glob("*") if path.is_dir())
    running = [(path, record) for path in candidates if (record := read_record(path))]
    if len(running) == 1:
        return running[0][1]
    if not running:
        where = data_dir or Path(".data").resolve()
        raise NotRunningError(f"no running system under {where}: start one with 'seawall up', or name --config")
    names = ", ".join(str(path) for path, _ in running)
    raise NotRunningError(f"several systems run ({names}): name one with --data-dir")
