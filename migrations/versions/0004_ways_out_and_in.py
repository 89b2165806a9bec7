"""Ways out and in: OGC API, Open311, imports, tokens, open data; and the field form without a network."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"

SQL = Path(__file__).parents[1] / "sql" / revision
ORDER = ("submit", "tokens", "offline", "confirmations", "ogc", "open311", "imports", "opendata")


def upgrade() -> None:
    """Add one file a domain, in the order of the layers."""
    cursor = op.get_bind().connection.cursor()
    for name in ORDER:
        # The driver refuses a text without a statement, which a file is until its domain has tables.
        cursor.execute("SELECT;\n" + (SQL / f"{name}.sql").read_text(encoding="utf-8"))
    cursor.close()
