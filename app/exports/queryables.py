"""The names of the filter language for what goes out: those of the exports' columns, each with its SQL.

The expressions stand on `report`, `intervention` or `patrol_visit` alone, whatever else a statement joins or calls by
another name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from flask_babel import lazy_gettext as _l

from app.exports.dictionary import COLUMNS
from app.filtering import Cells, Queryable
from app.filtering.queryables import Type
from app.interventions.rules import STATES as INTERVENTION_STATES
from app.nomenclature.store import Nomenclature
from app.patrols.rules import KINDS, NOT_PASSED, OUTCOMES
from app.patrols.rules import STATES as PATROL_STATES
from app.places.lattice import cell_ranges_of_bbox
from app.reports.rules import STATES

TIME_PROPERTY = {"reports": "observed_at", "interventions": "planned_start", "patrols": "passed_at"}
_TYPES: dict[str, Type] = {
    "uuid": "uuid", "text": "string", "integer": "integer", "real": "number", "boolean": "boolean",
    "datetime": "timestamp",
}  # fmt: skip
_VISIBILITIES = ("public", "partner", "restricted")


def _place(column: str) -> str:
    return f"(SELECT named.name FROM public.place AS named WHERE named.id = {column})"  # noqa: S608  (ours, never a value)


def _organisation(column: str) -> str:
    return f"(SELECT named.name FROM public.organisation AS named WHERE named.id = {column})"  # noqa: S608


def _category(column: str) -> str:
    return f"(SELECT known.{column} FROM public.category AS known WHERE known.code = report.category_code)"  # noqa: S608


_REPORT_SQL = {
    "id": "report.id",
    "category": "report.category_code",
    "theme": _category("theme_code"),
    "kind": _category("kind"),
    "severity": "report.severity",
    "state": "report.state",
    "visibility": "report.visibility",
    "observed_at": "report.observed_at",
    "received_at": "report.received_at",
    "due_at": "report.due_at",
    "organisation": _organisation("report.organisation_id"),
    "neighbourhood": _place("report.neighbourhood_id"),
    "description": "report.description",
    "place": _place("report.place_id"),
    "nearest_stop": _place("report.nearest_stop_id"),
    "iris": _place("report.iris_id"),
    "qpv": _place("report.qpv_id"),
    "is_synthetic": "report.is_synthetic",
    "source": "report.source",
    "duplicate_of": "report.duplicate_of",
}
_INTERVENTION_SQL = {
    "id": "intervention.id",
    "kind": "intervention.kind_code",
    "state": "intervention.state",
    "visibility": "intervention.visibility",
    "planned_start": "intervention.planned_start",
    "planned_end": "intervention.planned_end",
    "done_start": "intervention.done_start",
    "done_end": "intervention.done_end",
    "organisation": _organisation("intervention.organisation_id"),
    "neighbourhood": _place("intervention.neighbourhood_id"),
    "description": "intervention.description",
    "qpv": _place("intervention.qpv_id"),
    "teams": "intervention.teams",
    "team_size": "intervention.team_size",
    "cost_eur": "intervention.cost_eur",
    "hours": "intervention.hours",
    "reports": "(SELECT count(*) FROM public.intervention_report AS answer"
    " WHERE answer.intervention_id = intervention.id)",
    "is_synthetic": "intervention.is_synthetic",
    "source": "intervention.source",
}


# Names as the columns of patrol_visits.sql, but for these.
_PATROL_SQL = {column.name: f"patrol_visit.{column.name}" for column in COLUMNS["patrols"] if not column.csv_only} | {
    "patrol": "patrol_visit.patrol_id",
    "organisation": _organisation("patrol_visit.organisation_id"),
    "place": "patrol_visit.name",
    "reports": "(SELECT count(*) FROM public.patrol_passage_report AS found JOIN public.report AS seen"
    " ON seen.id = found.report_id WHERE found.passage_id = patrol_visit.id)",
}


def report_queryables(nomenclature: Nomenclature) -> Mapping[str, Queryable]:
    """The names for reports, `geometry` last."""
    enums = {
        "category": tuple(nomenclature.category_by_code),
        "theme": tuple(nomenclature.theme_by_code),
        "kind": ("defect", "disorder"),
        "state": tuple(STATES),
        "visibility": _VISIBILITIES,
    }
    cells = Cells("report.cell_25m", cell_ranges_of_bbox)
    return _named("reports", _REPORT_SQL, enums) | _geometry("report.geom_4326", cells)


def intervention_queryables(kinds: Collection[str]) -> Mapping[str, Queryable]:
    """The names for interventions, `geometry` last. kinds: their codes.

    Their cell is that of one point of the geometry: it cannot stand for the rest of a line or an area.
    """
    enums = {"kind": tuple(sorted(kinds)), "state": tuple(INTERVENTION_STATES), "visibility": _VISIBILITIES}
    return _named("interventions", _INTERVENTION_SQL, enums) | _geometry("intervention.geom_4326", None)


def patrol_queryables() -> Mapping[str, Queryable]:
    """The names for places of rounds, `geometry` last."""
    enums = {"kind": KINDS, "state": PATROL_STATES, "outcome": (*OUTCOMES, NOT_PASSED)}
    return _named("patrols", _PATROL_SQL, enums) | _geometry("patrol_visit.geom_4326", None)


def _named(what: str, sql: Mapping[str, str], enums: Mapping[str, tuple[str, ...]]) -> dict[str, Queryable]:
    roles = {"id": "id", TIME_PROPERTY[what]: "primary-instant"}
    columns = (column for column in COLUMNS[what] if column.name in sql)
    return {
        column.name: Queryable(
            column.name,
            sql[column.name],
            "array" if column.name == "teams" else _TYPES[column.type],
            enums.get(column.name, ()),
            column.meaning,
            role=roles.get(column.name, ""),
        )
        for column in columns
    }


def _geometry(sql: str, cells: Cells | None) -> dict[str, Queryable]:
    where = Queryable("geometry", sql, "geometry", (), _l("Where it is"), cells, "primary-geometry")
    return {where.name: where}
