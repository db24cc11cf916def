"""Console script: ``seawall-ledger migrate|version --config <file>``."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tomllib
from pathlib import Path

import msgspec

from .database import close_connection, open_connection
from .errors import LedgerError
from .migrate import migrate
from .schema import SCHEMA_VERSION, schema_version

DEFAULT_URL = "postgresql://seawall@127.0.0.1:5432/seawall"


class _Database(msgspec.Struct, frozen=True):
    url: str = DEFAULT_URL
    password_file: Path | None = None


class _File(msgspec.Struct, frozen=True):
    """The one table of the configuration that this program reads."""

    database: _Database = _Database()


def main(arguments: list[str] | None = None) -> int:
    """Run the console script and return its exit code: 0 done, 1 refused, 2 a wrong argument or file."""
    parser = argparse.ArgumentParser(
        prog="seawall-ledger", description="Bring the database up to date, or name its version."
    )
    parser.add_argument("verb", choices=("migrate", "version"))
    parser.add_argument("--config", type=Path, required=True, help="the TOML file; its [database] table is read")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        settings = _settings(chosen.config)
        print(asyncio.run(migrate(settings) if chosen.verb == "migrate" else _version(settings)))
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


async def _version(settings: _Database) -> str:
    connection = await open_connection(settings, application="seawall-ledger")
    try:
        found = await schema_version(connection)
    finally:
        await close_connection(connection)
    return f"found {found or 'none'}, expected {SCHEMA_VERSION}"


if __name__ == "__main__":
    sys.exit(main())
