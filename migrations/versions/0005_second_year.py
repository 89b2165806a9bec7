"""What daily use asked for: each file says what for."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"

SQL = Path(__file__).parents[1] / "sql" / revision
ORDER = ("submit", "ogc", "opendata")


def upgrade() -> None:
    """Add one file a domain, in the order of the layers."""
    cursor = op.get_bind().connection.cursor()
    for name in ORDER:
        cursor.execute((SQL / f"{name}.sql").read_text(encoding="utf-8"))
    cursor.close()
