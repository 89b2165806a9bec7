"""What the machine views of patrols take and give (app/web/described.py)."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from app.patrols.commands import MoveCommand, PassageCommand, PatrolCommand
from app.patrols.represent import PassageJson, PatrolJson, PatrolPage, WholePatrolJson
from app.patrols.rules import KINDS, STATES
from app.web.described import (
    AFTER,
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

TAG = "patrols"
ID = "018f3f0e-5c1d-7c5a-9d3e-1f2a3b4c5d6e"
_WHERE = (*CACHE, "Location")
_WALKERS = ("agent", "partner", "coordinator")
_LOOKERS = (*_WALKERS, "planner")
_SAME = _l("This very body was stored before: nothing is changed.")

FILTER = (
    Parameter("kind", _l("Kinds of rounds."), of_list(*KINDS), is_list=True),
    Parameter("state", _l("States of rounds."), of_list(*STATES), is_list=True),
    ORGANISATION,
    FROM,
    TO,
)

RECORD = described(
    TAG, _l("Record a round"),
    Answer(201, _l("Stored."), WholePatrolJson, headers=_WHERE),
    Answer(200, _SAME, WholePatrolJson, headers=_WHERE),
    access="write", roles=_WALKERS, errors=(409,), body=PatrolCommand,
    body_example={"id": ID, "kind": "free", "title": "Quartier Saint-Leu", "state": "open"},
)  # fmt: skip
LIST = described(
    TAG, _l("List rounds"), Answer(200, _l("One page, the latest first."), PatrolPage, headers=("Link",)),
    roles=_LOOKERS,
    query=(
        Parameter("state", _l("A state."), {"type": "string", "enum": list(STATES)}),
        Parameter("kind", _l("A kind of round."), {"type": "string", "enum": list(KINDS)}),
        limit_of(50, 200),
        AFTER,
    ),
)  # fmt: skip
READ = described(
    TAG, _l("Read a round with its stops and passages"),
    Answer(200, _l("Everything that a phone needs to go on without a network."), WholePatrolJson, headers=CACHE),
    NOT_CHANGED, roles=_LOOKERS, query=(IF_NONE_MATCH,),
)  # fmt: skip
MOVE = described(
    TAG, _l("Start, end or cancel a round"), Answer(200, _l("Done."), PatrolJson, headers=CACHE),
    access="write", roles=_WALKERS, body=MoveCommand, is_change=True, body_example={"move": "start", "version": 1},
)  # fmt: skip
PASS_BY = described(
    TAG, _l("Say what was seen at a stop"),
    Answer(201, _l("Stored."), PassageJson, headers=("Cache-Control",)),
    Answer(200, _SAME, PassageJson, headers=("Cache-Control",)),
    access="write", roles=_WALKERS, errors=(409,), body=PassageCommand,
    body_example={"id": ID, "outcome": "nothing", "lon": 2.2957, "lat": 49.8942},
)  # fmt: skip
TAKE_BACK = described(
    TAG, _l("Take back what was said by mistake"), Answer(204, _l("It is gone; the history says so.")),
    access="write", roles=_WALKERS, errors=(409,),
)  # fmt: skip
HISTORY = described(
    TAG, _l("Read the history of a round"),
    Answer(200, _l("Oldest first."), HistoryJson, headers=("Cache-Control",)), roles=_LOOKERS,
)  # fmt: skip
