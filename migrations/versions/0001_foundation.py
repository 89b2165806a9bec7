"""Foundation: people, places, nomenclature, reports, row-level security."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

SQL = Path(__file__).parents[1] / "sql" / revision


def upgrade() -> None:
    """Create everything of the first release."""
    # The driver's own cursor: SQLAlchemy would read % and : in these files as placeholders.
    cursor = op.get_bind().connection.cursor()
    for name in ("roles", "tables", "functions", "security", "seed"):
        cursor.execute((SQL / f"{name}.sql").read_text(encoding="utf-8"))
    cursor.close()
