"""What the machine views of reports take and give (app/web/described.py)."""

from __future__ import annotations

from dataclasses import replace

from flask_babel import lazy_gettext as _l
from typing_extensions import TypedDict

from app.reports.commands import ReportCommand
from app.reports.confirmations_commands import ConfirmationCommand
from app.reports.duplicates_commands import MergeCommand, UnmergeCommand
from app.reports.filters import DUE
from app.reports.moves_commands import MoveCommand
from app.reports.represent import MovesJson, ReportCollection, ReportJson, ReportWithMovesJson, SubmittedJson
from app.reports.rules import STATES
from app.web.described import (
    AFTER,
    BBOX,
    CACHE,
    FROM,
    IF_NONE_MATCH,
    LAT,
    LON,
    NOT_CHANGED,
    ORGANISATION,
    TO,
    Answer,
    HistoryJson,
    Id,
    Moment,
    Parameter,
    described,
    limit_of,
    of_list,
)

TAG = "reports"
ID = "018f3f0e-5c1d-7c5a-9d3e-1f2a3b4c5d6e"
_SEVERITY = {"type": "integer", "minimum": 1, "maximum": 4}
_WHERE = ("Location", "Link")

# The one filter language of the map, the heat, the lists and the exports (app/reports/filters.py).
THEME = Parameter("theme", _l("Codes of themes."), {**of_list(), "x-codes": "theme"}, is_list=True)
CATEGORY = Parameter(
    "category", _l("Codes of categories (as in ReportCommand)."), {**of_list(), "x-codes": "category"}, is_list=True
)
STATE = Parameter("state", _l("States of the workflow."), of_list(*STATES), is_list=True)
SEVERITY = Parameter("severity", _l("The least severity."), _SEVERITY)
FILTER = (THEME, CATEGORY, FROM, TO, STATE, SEVERITY, ORGANISATION)
DUE_PARAMETER = Parameter(
    "due", _l("Open reports that are due within a working day (soon), or late (over)."),
    {"type": "string", "enum": list(DUE)},
)  # fmt: skip
_IDS = {"type": "array", "items": {"type": "string", "format": "uuid"}}
_SPOT = (
    LON,
    LAT,
    replace(
        CATEGORY, schema={"type": "string", "x-codes": "category"}, required=True, is_list=False, example="bulky_waste"
    ),
    Parameter("except", _l("Ids of reports to leave out."), _IDS, is_list=True),
)


class SimilarReportJson(TypedDict):
    """An open report of the same theme at the same place."""

    id: Id
    category: str
    label: str
    state: str
    state_label: str
    organisation: str | None
    observed_at: Moment
    age: str
    distance_m: float
    confirmations: int
    merged: int
    thumb_url: str | None
    url: str


class SimilarJson(TypedDict):
    """What is reported already. distance_m: up to where it counts as the same place."""

    theme: str
    distance_m: float
    reports: list[SimilarReportJson]


class ConfirmedJson(TypedDict):
    """What was said. is_new: false when it was said before."""

    id: Id
    report: Id
    seen: str
    is_new: bool


SUBMIT = described(
    TAG, _l("Submit a report"),
    Answer(201, _l("Stored."), SubmittedJson, headers=_WHERE),
    Answer(200, _l("This very body was stored before: nothing is changed."), SubmittedJson, headers=_WHERE),
    access="write", roles=("agent", "partner", "coordinator"), errors=(409,), body=ReportCommand,
    body_example={"id": ID, "category": "bulky_waste", "lon": 2.2957, "lat": 49.8942, "severity": 2,
                  "observed_at": "2026-05-04T18:30:00+02:00", "description": "Canapé sur le trottoir"},
)  # fmt: skip
LIST = described(
    TAG, _l("List reports"),
    Answer(200, _l("One page, the newest first."), ReportCollection, ("application/geo+json",), ("Link",)),
    query=(*FILTER, DUE_PARAMETER, BBOX, limit_of(500, 1000), AFTER),
)  # fmt: skip
READ = described(
    TAG, _l("Read a report"), Answer(200, _l("The report."), ReportJson, headers=CACHE), NOT_CHANGED,
    query=(IF_NONE_MATCH,),
)  # fmt: skip
SIMILAR = described(
    TAG, _l("Find what is reported already at a place"),
    Answer(200, _l("Up to three, the nearest first."), SimilarJson),
    query=_SPOT,
)  # fmt: skip
MOVES = described(
    TAG, _l("See what may be done with a report"),
    Answer(200, _l("The moves of the asker, and the version to name."), MovesJson, headers=CACHE),
)  # fmt: skip
MOVE = described(
    TAG, _l("Change the state of a report"), Answer(200, _l("Done."), ReportWithMovesJson, headers=("ETag",)),
    access="write", roles=("agent", "partner", "coordinator"), body=MoveCommand, is_change=True,
    body_example={"move": "acknowledge", "version": 1},
)  # fmt: skip
CONFIRM = described(
    TAG, _l("Say that a report is still there, or gone"),
    Answer(201, _l("Written into the history; the state stays as it is."), ConfirmedJson),
    Answer(200, _l("It was said before: nothing is changed."), ConfirmedJson),
    access="write", roles=("agent", "partner", "coordinator"), errors=(409,), body=ConfirmationCommand,
    body_example={"id": ID, "seen": "gone", "at": "2026-05-04T18:30:00+02:00"},
)  # fmt: skip
HISTORY = described(TAG, _l("Read the history of a report"), Answer(200, _l("Oldest first."), HistoryJson))
MERGE = described(
    TAG, _l("Merge a report into another one"),
    Answer(200, _l("The report, now a duplicate."), ReportWithMovesJson, headers=("ETag",)),
    access="write", roles=("partner", "coordinator"), body=MergeCommand, is_change=True,
    body_example={"into": ID, "version": 1},
)  # fmt: skip
UNMERGE = described(
    TAG, _l("Take a report out of the one that it was merged into"),
    Answer(200, _l("The report, as it was before."), ReportWithMovesJson, headers=("ETag",)),
    access="write", roles=("partner", "coordinator"), body=UnmergeCommand, is_change=True,
    body_example={"version": 2},
)  # fmt: skip
