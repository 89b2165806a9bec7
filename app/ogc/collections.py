"""The collections: what each is made of, and what of it can be asked. Pure: SQL texts of ours, no database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from app.db.sql import statement
from app.exports.queryables import intervention_queryables, patrol_queryables, report_queryables
from app.exports.store import patrol_visits
from app.filtering import Queryable
from app.nomenclature.store import Nomenclature
from app.reports.rules import STATES
from geodata.records import KINDS, Kind


@dataclass(frozen=True)
class Words:
    """What the nomenclatures hold at the moment."""

    nomenclature: Nomenclature
    kinds: tuple[str, ...] = ()
    locale: str = "fr"


Names = Mapping[str, Queryable]


@dataclass(frozen=True)
class Collection:
    """One collection.

    statement: (domain, name) of the SQL that writes a feature a row, with its table after FROM on a line of its own;
    table: that table's name; rows: what to read instead of it, an expression of SQL; join: what the conditions of the
    product's own filters need besides; start, end: SQL of when it was; always: a condition; kind: of the places;
    filters: the product's own, with what each means; queryables: the properties in their order, and the geometry.
    """

    id: str
    title: LazyString
    description: LazyString
    statement: tuple[str, str]
    table: str
    queryables: Callable[[Words], Names]
    key_type: Literal["uuid", "bigint"] = "bigint"
    geometry_type: str = "Geometry"
    rows: str = ""
    join: str = ""
    start: str | None = None
    end: str | None = None
    always: str = ""
    kind: Kind | None = None
    filters: tuple[str, ...] = ()
    # Filters that mean more than "equal": said where they are declared.
    meanings: Mapping[str, LazyString] = field(default_factory=dict)

    @property
    def geometry(self) -> str:
        """SQL of a feature's geometry, EPSG:4326."""
        return f"{self.table}.geom_4326"

    @property
    def key(self) -> str:
        """SQL of a feature's id."""
        return f"{self.table}.id"

    def properties(self, words: Words) -> tuple[Queryable, ...]:
        """The features' properties, in their order."""
        return tuple(one for one in self.queryables(words).values() if one.type != "geometry")


def _with_geometry(table: str, properties: tuple[Queryable, ...]) -> Names:
    geometry = Queryable("geometry", f"{table}.geom_4326", "geometry", title=_l("Where it is"), role="primary-geometry")
    return {one.name: one for one in (*properties, geometry)}


def _places(_words: Words) -> Names:
    number = (
        "(CASE jsonb_typeof(place.attributes -> '{0}') WHEN 'number' THEN (place.attributes ->> '{0}')::float8 END)"
    )
    organisation = "(SELECT named.name FROM public.organisation AS named WHERE named.id = place.organisation_id)"
    text = "(place.attributes ->> '{0}')"
    properties = (
        Queryable("id", "place.id", "integer", title=_l("Number of the place"), role="id"),
        Queryable("code", "place.code", "string", title=_l("Its code in the source")),
        Queryable("name", "place.name", "string", title=_l("Its name")),
        Queryable("kind", "place.kind", "string", KINDS, _l("Kind of place")),
        Queryable("organisation", organisation, "string", title=_l("The organisation that it belongs to")),
        Queryable("approximate", "place.approximate", "boolean", title=_l("true: drawn by hand, not official")),
        Queryable("territory", "place.is_territory", "boolean", title=_l("true: part of the register's territory")),
        Queryable("short_name", text.format("short_name"), "string", title=_l("Short name, of a line")),
        Queryable("colour", text.format("colour"), "string", title=_l("Colour on plans, of a line")),
        Queryable("population", number.format("population"), "number", title=_l("Residents, of an IRIS")),
        Queryable("dwellings", number.format("dwellings"), "number", title=_l("Dwellings, of a residence")),
        Queryable("source", "place.source", "string", title=_l("Where it comes from")),
    )
    return _with_geometry("place", properties)


def _statistics(words: Words) -> Names:
    def counted(name: str, title: LazyString | str) -> Queryable:
        return Queryable(name, f"((statistic.properties ->> '{name}')::integer)", "integer", title=title)

    value = "(statistic.properties ->> '{0}')"
    number = "((statistic.properties ->> '{0}')::float8)"
    approximate = "((statistic.properties ->> 'approximate')::boolean)"
    by_state = _l("Reports in this state; empty for whoever may not read them")
    properties = (
        Queryable("id", "statistic.id", "integer", title=_l("Number of the place"), role="id"),
        Queryable("code", value.format("code"), "string", title=_l("Its code in the source")),
        Queryable("name", value.format("name"), "string", title=_l("Its name")),
        Queryable("approximate", approximate, "boolean", title=_l("true: drawn by hand, not official")),
        Queryable("area_km2", number.format("area_km2"), "number", title=_l("Area in km²")),
        counted("reports", _l("Reports; 0 where there are too few to be shown")),
        Queryable(
            "reports_per_km2_30d",
            number.format("reports_per_km2_30d"),
            "number",
            title=_l("Reports per km² and 30 days"),
        ),
        *(counted(f"theme_{theme.code}", theme.label(words.locale)) for theme in words.nomenclature.themes),
        *(counted(f"state_{state}", by_state) for state in STATES),
    )
    return _with_geometry("statistic", properties)


_AT_LEAST = _l("At least this severity, 1 to 4: what the map and the exports call severity")
_ORGANISATION = _l("Name of an organisation, or its slug")
_FROM = _l("First day, YYYY-MM-DD, in Europe/Paris")
_TO = _l("Last day, YYYY-MM-DD, inclusive, in Europe/Paris")
_CODES = _l("Codes, separated by commas")

REPORTS = Collection(
    id="reports",
    title=_l("Reports"),
    description=_l(
        "Observations of defects and nuisances, each at one place and time. What you see depends on who asks: without"
        " a token or a session the collection is empty."
    ),
    statement=("exports", "reports_geojson"),
    table="report",
    queryables=lambda words: report_queryables(words.nomenclature),
    key_type="uuid",
    geometry_type="Point",
    join="JOIN public.category ON category.code = report.category_code",
    start="report.observed_at",
    end="report.observed_at",
    filters=("theme", "category", "from", "to", "state", "severity_min", "due", "organisation"),
    meanings={
        "theme": _CODES, "category": _CODES, "state": _CODES, "severity_min": _AT_LEAST, "from": _FROM, "to": _TO,
        "organisation": _ORGANISATION, "due": _l("soon: due within one working day; over: late"),
    },
)  # fmt: skip
INTERVENTIONS = Collection(
    id="interventions",
    title=_l("Interventions"),
    description=_l(
        "Work or presence of the partners, done or planned. Without a token or a session the collection is empty."
    ),
    statement=("exports", "interventions_geojson"),
    table="intervention",
    queryables=lambda words: intervention_queryables(words.kinds),
    key_type="uuid",
    start="coalesce(intervention.done_start, intervention.planned_start)",
    end="greatest(coalesce(intervention.done_start, intervention.planned_start),"
    " coalesce(intervention.done_end, intervention.planned_end))",
    filters=("kind", "state", "organisation", "from", "to", "neighbourhood"),
    meanings={
        "kind": _CODES, "state": _CODES, "organisation": _ORGANISATION, "from": _FROM, "to": _TO,
        "neighbourhood": _l("Name of a neighbourhood, or its number"),
    },
)  # fmt: skip
PATROLS = Collection(
    id="patrols",
    title=_l("Rounds"),
    description=_l(
        "Where somebody looked on a round, also where there was nothing to report, and stops that nobody has passed."
        " Without a token or a session the collection is empty."
    ),
    statement=("exports", "patrols_geojson"),
    table="patrol_visit",
    rows=patrol_visits(),
    queryables=lambda _words: patrol_queryables(),
    key_type="uuid",
    geometry_type="Point",
    start="patrol_visit.at",
    end="patrol_visit.at",
    filters=("kind", "state", "organisation", "from", "to"),
    meanings={"kind": _CODES, "state": _CODES, "organisation": _ORGANISATION, "from": _FROM, "to": _TO},
)


def _of_kind(id_: str, kind: Kind, geometry_type: str, title: LazyString, description: LazyString) -> Collection:
    return Collection(
        id=id_,
        title=title,
        description=description,
        statement=("ogc", "places"),
        table="place",
        queryables=_places,
        geometry_type=geometry_type,
        always=f"place.kind = '{kind}' AND place.closed_at IS NULL",
        kind=kind,
    )


PLACES = (
    _of_kind("communes", "commune", "MultiPolygon", _l("Communes"), _l("The communes, the territory among them.")),
    _of_kind(
        "neighbourhoods", "neighbourhood", "MultiPolygon", _l("Neighbourhoods"), _l("The neighbourhoods of the city.")
    ),
    _of_kind("iris", "iris", "MultiPolygon", _l("IRIS"), _l("The statistical blocks of INSEE.")),
    _of_kind("qpv", "qpv", "MultiPolygon", _l("Priority neighbourhoods (QPV)"), _l("The priority neighbourhoods.")),
    _of_kind("stops", "stop", "Point", _l("Stops"), _l("The stops of the public transport.")),
    _of_kind("lines", "line", "MultiLineString", _l("Lines"), _l("The lines of the public transport.")),
    _of_kind("residences", "residence", "Point", _l("Residences"), _l("The residences of the social landlords.")),
    _of_kind("schools", "school", "Point", _l("Schools"), _l("The schools.")),
)
STATISTICS = Collection(
    id="neighbourhood_statistics",
    title=_l("Reports by neighbourhood"),
    description=_l(
        "How many reports each neighbourhood has, by theme and state, as in the table beside the heat map. For whoever"
        " may not read the reports, small numbers are hidden and only whole quarters count."
    ),
    statement=("ogc", "statistics"),
    table="statistic",
    rows=statement("ogc", "counted"),
    queryables=_statistics,
    geometry_type="MultiPolygon",
    filters=("from", "to"),
    meanings={"from": _FROM, "to": _TO},
)
COLLECTIONS = {one.id: one for one in (REPORTS, INTERVENTIONS, PATROLS, *PLACES, STATISTICS)}
