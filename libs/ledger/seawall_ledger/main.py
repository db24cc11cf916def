"""Console script: ``seawall-ledger migrate|version|say-again --config <file>``."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tomllib
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path

import msgspec

from .database import close_connection, open_connection
from .errors import LedgerError
from .ledger import connect
from .migrate import migrate
from .schema import SCHEMA_VERSION, schema_version
from .timescale import HOUR_NS

DESCRIPTION = (
    "migrate: bring the database up to date. version: name its version. "
    "say-again: publish once more what was recorded lately, for a ledger stream that lost messages."
)
DEFAULT_URL = "postgresql://seawall@127.0.0.1:5432/seawall"


class _Database(msgspec.Struct, frozen=True):
    url: str = DEFAULT_URL
    password_file: Path | None = None


class _File(msgspec.Struct, frozen=True):
    """The one table of the configuration that this program reads."""

    database: _Database = _Database()


def main(arguments: list[str] | None = None) -> int:
    """Run the console script and return its exit code: 0 done, 1 refused, 2 a wrong argument or file."""
    parser = argparse.ArgumentParser(prog="seawall-ledger", description=DESCRIPTION)
    parser.add_argument("verb", choices=tuple(VERBS))
    parser.add_argument("--config", type=Path, required=True, help="the TOML file; its [database] table is read")
    parser.add_argument("--hours", type=float, default=1.0, help="how far back say-again goes (1)")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        settings = _settings(chosen.config)
        print(asyncio.run(VERBS[chosen.verb](settings, chosen.hours)))
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        print(f"seawall-ledger: {chosen.config}: {error}", file=sys.stderr)
        return 2
    except LedgerError as error:
        print(f"seawall-ledger: {error}", file=sys.stderr)
        return 1
    return 0


def _settings(path: Path) -> _Database:
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return msgspec.convert(table, _File, dec_hook=lambda kind, value: kind(value)).database


async def _migrate(settings: _Database, hours: float) -> str:
    return await migrate(settings)


async def _version(settings: _Database, hours: float) -> str:
    connection = await open_connection(settings, application="seawall-ledger")
    try:
        found = await schema_version(connection)
    finally:
        await close_connection(connection)
    return f"found {found or 'none'}, expected {SCHEMA_VERSION}"


async def _say_again(settings: _Database, hours: float) -> str:
    ledger = await connect(settings, application="seawall-ledger")
    try:
        now_ns = (await ledger.rows("SELECT ns_now()"))[0][0]
        number = await ledger.say_again(now_ns - int(hours * HOUR_NS))
    finally:
        await ledger.close()
    return f"{number} events will be published again"


VERBS: Mapping[str, Callable[[_Database, float], Coroutine[None, None, str]]] = {
    "migrate": _migrate,
    "version": _version,
    "say-again": _say_again,
}


if __name__ == "__main__":
    sys.exit(main())
