"""Connections: opened with bounded patience, their losses told as LedgerError."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import asyncpg
from asyncpg import Connection

from .errors import InvariantViolated, LedgerError, LedgerUnavailable

CONNECT_TIMEOUT_S = 5.0
STATEMENT_TIMEOUT_S = 10.0  # no statement of the money path comes near it; a lock held longer is a fault
CLOSE_TIMEOUT_S = 0.5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0

Result = TypeVar("Result")

# What a lost, restarting, full or switched-over server looks like, and a deadlock: nothing was
# written, and the same call may work in a moment. Everything else is an answer.
CONNECTION_LOST: tuple[type[Exception], ...] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # asyncpg's own state when a connection dies in the middle of an answer
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,
)


class DatabaseSettings(Protocol):
    """Where PostgreSQL is; ``password_file`` keeps the secret out of the URL."""

    @property
    def url(self) -> str: ...

    @property
    def password_file(self) -> Path | None: ...


def connect_arguments(
    settings: DatabaseSettings | str, *, application: str, statement_timeout_s: float = STATEMENT_TIMEOUT_S
) -> dict[str, Any]:
    """Return what asyncpg needs to connect. Raises LedgerError where the password file cannot be read."""
    arguments: dict[str, Any] = {
        "dsn": settings if isinstance(settings, str) else settings.url,
        "timeout": CONNECT_TIMEOUT_S,
        "command_timeout": statement_timeout_s,
        "server_settings": {"application_name": application},
    }
    if not isinstance(settings, str) and settings.password_file is not None:
        try:
            arguments["password"] = settings.password_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise LedgerError(f"password file {settings.password_file}: {error.strerror}") from error
    return arguments


async def open_connection(
    settings: DatabaseSettings | str,
    *,
    application: str,
    patience_s: float = 10.0,
    statement_timeout_s: float = STATEMENT_TIMEOUT_S,
) -> Connection:
    """Open one connection, trying again for ``patience_s``. Raises LedgerUnavailable."""
    arguments = connect_arguments(settings, application=application, statement_timeout_s=statement_timeout_s)

    async def attempt() -> Connection:
        return await asyncpg.connect(**arguments)

    return await with_patience(attempt, patience_s=patience_s, what="connecting")


async def close_connection(connection: Connection) -> None:
    """Say goodbye, and leave without waiting long for an answer."""
    try:
        await connection.close(timeout=CLOSE_TIMEOUT_S)
    except CONNECTION_LOST:
        connection.terminate()


async def with_patience(attempt: Callable[[], Awaitable[Result]], *, patience_s: float, what: str) -> Result:
    """Run something that may be run again, until it works or ``patience_s`` is over.

    Only a lost connection is tried again. Raises LedgerUnavailable, and LedgerError for a server
    that answers with a refusal (no such database, wrong password).
    """
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + patience_s, FIRST_PAUSE_S
    while True:
        try:
            return await attempt()
        except CONNECTION_LOST as error:
            if loop.time() + pause > deadline:
                raise LedgerUnavailable(
                    f"{what}: PostgreSQL gave no answer in {patience_s:g} s: {_words(error)}"
                ) from error
        except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError, ssl.SSLError) as error:
            raise LedgerError(f"{what}: PostgreSQL refused: {error}") from error
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_S)


@contextmanager
def told_as_ledger_errors(what: str) -> Iterator[None]:
    """Translate what asyncpg raises: losses to LedgerUnavailable, refused rows to InvariantViolated."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        constraint = error.constraint_name or "unnamed"
        raise InvariantViolated(f"{what}: {constraint}: {error}", constraint=constraint) from error
    except asyncpg.DataError as error:  # a number too large, a text with a NUL
        raise InvariantViolated(f"{what}: {error}", constraint="value") from error
    except CONNECTION_LOST as error:
        raise LedgerUnavailable(f"{what}: PostgreSQL could not: {_words(error)}") from error
    except asyncpg.PostgresError as error:
        raise LedgerError(f"{what}: {error}") from error


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
