"""A page of fifty of the desk and of the list, at 1,000,000 reports against the same page at 10,000, over HTTP."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator, Mapping

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from benchmarks.measure import Line, in_turn
from benchmarks.register import Register, running_register
from benchmarks.serving import serving_ours

SMALL = 10_000
ROUNDS = 9
_OWN = text(
    "SELECT slug FROM organisation JOIN account ON organisation_id = organisation.id"
    " WHERE email = 'bailleur@demo.quietude'"
)
# An agent's, a landlord's and the coordination's daily pages; the dashboard only informs, as it reads the whole period.
PAGES = (
    ("desk, to do", "bailleur", "/desk", "≤ 3"),
    ("desk, to verify", "bailleur", "/desk?tab=verify", "≤ 3"),
    ("desk, to verify by the coordination", "coordinator", "/desk?tab=verify", "≤ 3"),
    ("desk, waiting on others", "bailleur", "/desk?tab=waiting", "≤ 3"),
    ("list of reports", "bailleur", "/reports", "≤ 3"),
    ("list of late reports of one organisation", "bailleur", "/reports?due=over&organisation={own}", "≤ 3"),
    ("dashboard of 90 days", "coordinator", "/dashboard?from=2025-06-01&to=2025-08-29", ""),
)
# What the generator leaves out, for a quarter of the reports: how long it took, who else reported it, open questions,
# reports that were sent on.
_AFTERWARDS = """
    UPDATE report SET
        reporter_organisation_id = ids[1 + number % cardinality(ids)],
        acknowledged_at = CASE WHEN state <> 'new' THEN received_at + (number % 90) * interval '1 hour' END,
        resolved_at = CASE WHEN state IN ('resolved', 'verified')
            THEN received_at + (number % 99) * interval '4 hours' END,
        paused_at = CASE WHEN state = 'assigned' AND number % 40 = 0 THEN received_at END,
        asked_organisation_id = CASE WHEN state = 'assigned' AND number % 40 = 0
            THEN ids[1 + number % cardinality(ids)] END,
        passed_by_organisation_id = CASE WHEN state = 'new' AND number % 40 = 0
            THEN ids[1 + number % cardinality(ids)] END
    FROM (SELECT array_agg(id ORDER BY id) AS ids FROM organisation) AS organisations
    WHERE number % 4 = 0 AND acknowledged_at IS NULL AND passed_by_organisation_id IS NULL
"""


def run(_register: Register, sizes: list[int]) -> Iterator[Line]:
    """One line a page: the larger register's ÷ the smaller's, each the median of several in one run.

    In a register of its own: the others' is never as small again as on the first days.
    """
    with running_register() as register:
        tokens = {who: register.token(who) for _what, who, _path, _target in PAGES}
        small = _measured(register, SMALL, tokens)
        for size in sorted(sizes):
            large = _measured(register, size, tokens)
            for what, _who, _path, target in PAGES:
                yield Line(
                    f"{what}: {size:,} reports ÷ {SMALL:,}", f"{large[what] * 1000:.0f} ms",
                    f"{small[what] * 1000:.0f} ms", large[what] / small[what], target,
                )  # fmt: skip


def _measured(register: Register, size: int, tokens: Mapping[str, Mapping[str, str]]) -> dict[str, float]:
    register.fill(size)
    _prepare(register)
    with register.engine.connect() as connection:
        own = str(connection.scalar(_OWN))
    with serving_ours("quietude", register.cluster.url("app"), register.var_dir) as server:

        def page(who: str, path: str) -> Callable[[], None]:
            return lambda: _get(server.port, path.format(own=own), tokens[who])

        return in_turn({what: page(who, path) for what, who, path, _target in PAGES}, ROUNDS)


def _prepare(register: Register) -> None:
    engine = create_engine(register.cluster.url("superuser"), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(_AFTERWARDS))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE, FREEZE) report"))
    engine.dispose()


def _get(port: int, path: str, headers: Mapping[str, str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers={"Accept": "text/html", **headers})
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == http.HTTPStatus.OK, body[:500]
    connection.close()
