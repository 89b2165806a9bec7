"""What the machine views of interventions take and give (app/web/described.py)."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.interventions.commands import MOST_REPORTS, EditCommand, InterventionCommand, MoveCommand
from app.interventions.represent import InterventionCollection, InterventionJson, MovesJson
from app.interventions.rules import STATES
from app.web.described import (
    AFTER,
    BBOX,
    CACHE,
    FROM,
    IF_NONE_MATCH,
    NOT_CHANGED,
    ORGANISATION,
    TO,
    Answer,
    HistoryJson,
    Parameter,
    described,
    limit_of,
    of_list,
)

TAG = "interventions"
ID = "018f3f0e-5c1d-7c5a-9d3e-1f2a3b4c5d6e"
_WHERE = (*CACHE, "Location")
_PLACE = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
_RECORDERS = ("partner", "coordinator")

FILTER = (
    Parameter("kind", _l("Codes of kinds of work."), {**of_list(), "x-codes": "intervention_kind"}, is_list=True),
    Parameter("state", _l("States of the workflow."), of_list(*STATES), is_list=True),
    ORGANISATION,
    FROM,
    TO,
    Parameter("neighbourhood", _l("The number of a neighbourhood."), _PLACE),
    BBOX,
)
_POINT = {"type": "Point", "coordinates": [2.2957, 49.8942]}
_DETAILS = {"kind": "repair", "geometry": _POINT, "planned_start": "2026-05-05T08:00:00+02:00"}
_LINKED = {
    "type": "object",
    "required": ["reports"],
    "properties": {
        "reports": {
            "type": "array",
            "items": {"type": "string", "format": "uuid"},
            "minItems": 1,
            "maxItems": MOST_REPORTS,
        }
    },
}

RECORD = described(
    TAG, _l("Record an intervention"),
    Answer(201, _l("Stored."), InterventionJson, headers=_WHERE),
    Answer(200, _l("This very body was stored before: nothing is changed."), InterventionJson, headers=_WHERE),
    access="write", roles=_RECORDERS, errors=(409,), body=InterventionCommand, body_example={"id": ID, **_DETAILS},
)  # fmt: skip
LIST = described(
    TAG, _l("List interventions"),
    Answer(200, _l("One page, the latest first."), InterventionCollection, ("application/geo+json",), ("Link",)),
    query=(*FILTER, limit_of(500, 1000), AFTER),
)  # fmt: skip
READ = described(
    TAG, _l("Read an intervention"), Answer(200, _l("The intervention."), InterventionJson, headers=CACHE),
    NOT_CHANGED, query=(IF_NONE_MATCH,),
)  # fmt: skip
EDIT = described(
    TAG, _l("Change the details of an intervention"),
    Answer(200, _l("Stored: all details are as they were sent."), InterventionJson, headers=CACHE),
    access="write", roles=_RECORDERS, body=EditCommand, is_change=True, body_example={"version": 1, **_DETAILS},
)  # fmt: skip
MOVES = described(
    TAG, _l("See what may be done with an intervention"),
    Answer(200, _l("The moves of the asker, and the version to name."), MovesJson, headers=("ETag",)),
)  # fmt: skip
MOVE = described(
    TAG, _l("Change the state of an intervention"), Answer(200, _l("Done."), InterventionJson, headers=CACHE),
    access="write", roles=("agent", *_RECORDERS), body=MoveCommand, is_change=True,
    body_example={"move": "start", "version": 1},
)  # fmt: skip
LINK = described(
    TAG, _l("Link reports that an intervention answers"),
    Answer(200, _l("The intervention; linking twice changes nothing."), InterventionJson, headers=CACHE),
    access="write", roles=_RECORDERS, body=_LINKED, errors=(409,), body_example={"reports": [ID]},
)  # fmt: skip
UNLINK = described(
    TAG, _l("Let a report go"), Answer(204, _l("It does not answer this report, or did not before.")),
    access="write", roles=_RECORDERS, errors=(409,),
)  # fmt: skip
HISTORY = described(TAG, _l("Read the history of an intervention"), Answer(200, _l("Oldest first."), HistoryJson))
