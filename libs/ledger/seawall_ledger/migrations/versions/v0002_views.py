"""Bars by activity, and the view of assets and currencies across venues."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

SQL = Path(__file__).parent


def upgrade() -> None:
    """Run the plain SQL of this revision."""
    op.execute((SQL / "v0002_views.sql").read_text(encoding="utf-8"))
