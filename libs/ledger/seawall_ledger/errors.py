"""Errors of the ledger.

LedgerError
├── LedgerUnavailable      no answer from PostgreSQL within the patience given
│   └── CommitUnknown      the connection was lost while committing: it may or may not have happened
├── SchemaMismatch         the schema is older or newer than this program knows
├── InvariantViolated      the database refused a row that would break a money rule
└── MigrationFailed        the schema could not be brought up to date
"""


class LedgerError(Exception):
    """Anything that keeps the ledger from being read or written."""


class LedgerUnavailable(LedgerError):
    """PostgreSQL did not answer in time; nothing was written."""


class CommitUnknown(LedgerUnavailable):
    """The connection was lost while committing: read before believing either way."""


class SchemaMismatch(LedgerError):
    """The schema found is not the schema expected; the message names both."""


class InvariantViolated(LedgerError):
    """A constraint refused the row; ``constraint`` is its name. Nothing was written."""

    def __init__(self, message: str, *, constraint: str) -> None:
        super().__init__(message)
        self.constraint = constraint


class MigrationFailed(LedgerError):
    """The schema could not be brought up to date; the database is as it was."""
