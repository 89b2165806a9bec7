"""The data dictionary: every column of the exports in its order, with its type and its meaning. Pure.

GeoJSON has the columns without `csv_only` as properties and the rest as its geometry; CSV has all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l


@dataclass(frozen=True)
class Column:
    """One column. type: as a GIS would name it; csv_only: not a property of the GeoJSON feature.

    title: a few words for the head of a column or a form, of every column that a GIS gets.
    """

    name: str
    type: str
    meaning: LazyString
    csv_only: bool = False
    title: LazyString | str = ""


def _state_times(*states: tuple[str, LazyString]) -> tuple[Column, ...]:
    return tuple(Column(f"{state}_at", "datetime", meaning, csv_only=True) for state, meaning in states)


_LON = Column("lon", "real", _l("Longitude in degrees (EPSG:4326); of a line or an area a point on it"), csv_only=True)
_LAT = Column("lat", "real", _l("Latitude in degrees (EPSG:4326)"), csv_only=True)
# What more than one table has.
_STATE = Column("state", "text", _l("Where it stands in the workflow"), title=_l("State"))
_VISIBILITY = Column("visibility", "text", _l("Who may read it: public, partner, restricted"), title=_l("Visibility"))
_NEIGHBOURHOOD = Column("neighbourhood", "text", _l("The neighbourhood that it lies in"), title=_l("Neighbourhood"))
_DESCRIPTION = Column("description", "text", _l("A short text about the place or the thing"), title=_l("Description"))
_QPV = Column("qpv", "text", _l("The priority neighbourhood (QPV) that it lies in"), title=_l("QPV"))
_SOURCE = Column("source", "text", _l("How it came in: form, api, or import and its name"), title=_l("Origin"))
_CATEGORY = Column("category", "text", _l("Code of the category"), title=_l("Category"))
_EVENT = Column("event", "integer", _l("Number of the step: their order is the order in which they were stored"))
_HAPPENED = Column("kind", "text", _l("What happened: created, a move, a merger…"))
_SYNTHETIC = Column(
    "is_synthetic", "boolean", _l("true: invented for the demonstration, it never happened"), title=_l("Synthetic")
)

_STEP = (
    Column("from_state", "text", _l("State before")),
    Column("to_state", "text", _l("State after")),
    Column("at", "datetime", _l("When it happened (UTC)")),
    Column("role", "text", _l("In which role")),
    Column("organisation", "text", _l("Of which organisation")),
    Column("details", "text", _l("What else is known of it, as JSON")),
)

COLUMNS: dict[str, tuple[Column, ...]] = {
    "reports": (
        Column("id", "uuid", _l("Identifies the report for ever"), title=_l("Identifier")),
        _CATEGORY,
        Column("theme", "text", _l("Code of the theme that the category belongs to"), title=_l("Theme")),
        Column("kind", "text", _l("defect: of public space; disorder: against tranquillity"), title=_l("Kind")),
        Column("severity", "integer", _l("1 nuisance, 2 damage, 3 serious, 4 immediate danger"), title=_l("Severity")),
        _STATE,
        _VISIBILITY,
        Column("observed_at", "datetime", _l("When it was seen (UTC)"), title=_l("Observed at")),
        Column("received_at", "datetime", _l("When the register received it (UTC)"), title=_l("Received at")),
        Column("due_at", "datetime", _l("Until when it should be answered (UTC)"), title=_l("Due at")),
        Column("organisation", "text", _l("The organisation that answers for it"), title=_l("Organisation")),
        _NEIGHBOURHOOD,
        _DESCRIPTION,
        Column("place", "text", _l("The stop, residence or school that it was linked to"), title=_l("Linked place")),
        Column("nearest_stop", "text", _l("The nearest stop within 250 m"), title=_l("Nearest stop")),
        Column("iris", "text", _l("The IRIS (statistical block of INSEE) that it lies in"), title=_l("IRIS")),
        _QPV,
        _SYNTHETIC,
        _SOURCE,
        Column("duplicate_of", "uuid", _l("The report that it was merged into"), title=_l("Duplicate of")),
        _LON,
        _LAT,
        *_state_times(
            ("acknowledged", _l("When it was last acknowledged (UTC)")),
            ("assigned", _l("When it was last assigned (UTC)")),
            ("in_progress", _l("When the work last began (UTC)")),
            ("resolved", _l("When it was last resolved (UTC)")),
            ("verified", _l("When the repair was last verified (UTC)")),
            ("rejected", _l("When it was last rejected (UTC)")),
            ("duplicate", _l("When it was last merged into another one (UTC)")),
            ("reopened", _l("When it was last reopened (UTC)")),
        ),
    ),
    "interventions": (
        Column("id", "uuid", _l("Identifies the intervention for ever"), title=_l("Identifier")),
        Column("kind", "text", _l("Code of the kind of work"), title=_l("Kind of work")),
        _STATE,
        _VISIBILITY,
        Column("planned_start", "datetime", _l("When it was to begin (UTC)"), title=_l("Planned start")),
        Column("planned_end", "datetime", _l("When it was to end (UTC)"), title=_l("Planned end")),
        Column("done_start", "datetime", _l("When it began (UTC)"), title=_l("Actual start")),
        Column("done_end", "datetime", _l("When it ended (UTC)"), title=_l("Actual end")),
        Column("organisation", "text", _l("The organisation that does it"), title=_l("Organisation")),
        _NEIGHBOURHOOD,
        _DESCRIPTION,
        _QPV,
        Column(
            "teams", "text", _l("Codes of the teams; a list in GeoJSON, separated by semicolons in CSV"),
            title=_l("Teams"),
        ),
        Column("team_size", "integer", _l("How many people were at work"), title=_l("People at work")),
        Column("cost_eur", "real", _l("Cost in euros"), title=_l("Cost in euros")),
        Column("hours", "real", _l("Hours of work"), title=_l("Hours of work")),
        Column("reports", "integer", _l("How many reports it answers"), title=_l("Reports answered")),
        _SYNTHETIC,
        _SOURCE,
        _LON,
        _LAT,
        Column("wkt", "text", _l("The whole geometry as WKT (EPSG:4326)"), csv_only=True),
        *_state_times(
            ("in_progress", _l("When the work last began (UTC)")),
            ("done", _l("When it was last done (UTC)")),
            ("verified", _l("When the repair was last verified (UTC)")),
            ("cancelled", _l("When it was last cancelled (UTC)")),
        ),
    ),
    "patrols": (
        Column("id", "uuid", _l("Identifies the passage, or the stop that nobody has passed"), title=_l("Identifier")),
        Column("patrol", "uuid", _l("Identifies the round for ever"), title=_l("Round")),
        Column("kind", "text", _l("round: along a list; walk: of several partners; free"), title=_l("Kind of round")),
        Column("title", "text", _l("What the round is called"), title=_l("Title")),
        Column("state", "text", _l("planned, open, closed, cancelled"), title=_l("State")),
        Column("organisation", "text", _l("The organisation that goes"), title=_l("Organisation")),
        Column("planned_at", "datetime", _l("When the round was to begin (UTC)"), title=_l("Planned start")),
        Column("started_at", "datetime", _l("When the round began (UTC)"), title=_l("Actual start")),
        Column("ended_at", "datetime", _l("When the round ended (UTC)"), title=_l("Actual end")),
        Column("passed_at", "datetime", _l("When somebody looked here (UTC)"), title=_l("Passed at")),
        Column(
            "outcome", "text", _l("nothing: to report; found: something; not_passed: nobody has looked"),
            title=_l("Outcome"),
        ),
        Column("position", "integer", _l("Which stop of the list it is"), title=_l("Stop number")),
        Column("place", "text", _l("The place, as it was called then"), title=_l("Place")),
        Column("reports", "integer", _l("How many reports were made here"), title=_l("Reports")),
        _SYNTHETIC,
        _SOURCE,
        _LON,
        _LAT,
    ),
    "events": (
        _EVENT,
        Column("report", "uuid", _l("The report that it belongs to")),
        _CATEGORY,
        _HAPPENED,
        *_STEP,
    ),
    "intervention_events": (
        _EVENT,
        Column("intervention", "uuid", _l("The intervention that it belongs to")),
        Column("work", "text", _l("Code of the kind of work")),
        _HAPPENED,
        *_STEP,
    ),
}  # fmt: skip


def csv_header(what: str) -> bytes:
    """The first line of a CSV."""
    return (",".join(column.name for column in COLUMNS[what]) + "\n").encode()
