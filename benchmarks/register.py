"""A register to measure: the product's own embedded cluster in a temporary folder, fsync on, as in `make run`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text

from app.db.cluster import Cluster
from app.db.migrate import migrate
from app.db.session import make_engine, unit_of_work
from app.nomenclature.actions import seed_default
from app.people.actions import create_token, ensure_demo_accounts
from app.people.actor import SYSTEM, Actor, Role
from app.people.commands import NewToken
from app.places.actions import seed_approximate
from benchmarks.data import fill_reports

# Of the demo accounts of a register that lives as long as a run.
PASSWORD = "only for benchmarks"  # noqa: S105
_ACCOUNT = text(
    "SELECT account.id, organisation_id, role.name FROM account JOIN role ON role.id = role_id WHERE email = :email"
)


@dataclass(frozen=True)
class Register:
    """A running, migrated cluster with reference geography and accounts."""

    var_dir: Path
    cluster: Cluster
    engine: Engine

    def fill(self, rows: int) -> None:
        """Bring it to that many synthetic reports."""
        fill_reports(self.cluster.url("superuser"), rows)

    def psql(self) -> list[str]:
        """The start of a psql command line as the application's role."""
        program = self.cluster.installation().program("psql")
        where = ["-h", str(self.cluster.socket_dir()), "-d", "quietude", "-U", "quietude_app"]
        return [program, "-XqAt", "-v", "ON_ERROR_STOP=1", *where]

    def token(self, name: str) -> dict[str, str]:
        """Headers with a writing token of a demo account, by the name before its @."""
        with unit_of_work(self.engine, SYSTEM) as uow:
            row = uow.connection.execute(_ACCOUNT, {"email": f"{name}@demo.quietude"}).one()
            role: Role = row.name
            actor = Actor(role, row.id, row.organisation_id)
            issued = create_token(uow.connection, actor, NewToken(name="benchmark", scope="write"))
        return {"Authorization": f"Bearer {issued.secret}"}


@contextmanager
def running_register() -> Iterator[Register]:
    """Made for one run, and deleted."""
    var_dir = Path(tempfile.mkdtemp(prefix="quietude-bench-"))
    cluster = Cluster(var_dir)
    try:
        cluster.up()
        migrate(cluster.url("owner"))
        engine = make_engine(cluster.url("app"))
        seed_default(engine)
        seed_approximate(engine)
        ensure_demo_accounts(engine, PASSWORD)
        try:
            yield Register(var_dir, cluster, engine)
        finally:
            engine.dispose()
    finally:
        cluster.down()
        shutil.rmtree(var_dir, ignore_errors=True)
