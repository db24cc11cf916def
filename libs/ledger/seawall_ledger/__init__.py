"""Orders, fills, positions, stops, halts and the outbox in PostgreSQL."""

from .database import DatabaseSettings
from .errors import (
    CommitUnknown,
    InvariantViolated,
    LedgerError,
    LedgerUnavailable,
    MigrationFailed,
    SchemaMismatch,
)
from .explain import Chain, Link
from .ledger import Ledger, connect
from .outbox import OutboxRelay, Publisher
from .schema import SCHEMA_VERSION, schema_version
from .transaction import Tx
