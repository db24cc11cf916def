"""The money tables, the outbox and the history tables."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

SQL = Path(__file__).parent


def upgrade() -> None:
    """Run the plain SQL of this revision."""
    for name in ("v0001_money.sql", "v0001_history.sql"):
        op.execute((SQL / name).read_text(encoding="utf-8"))
