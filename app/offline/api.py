"""What the views for the form without a network give (app/web/described.py)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from flask_babel import lazy_gettext as _l
from typing_extensions import TypedDict

from app.patrols.rules import KINDS, OUTCOMES, WALKERS
from app.people.actor import ACCOUNT_ROLES
from app.web.described import CACHE, IF_NONE_MATCH, NOT_CHANGED, Answer, Id, Moment, Parameter, described, one_of

TAG = "offline"


class OwnPhoneJson(TypedDict):
    """Who is signed in by session. key: of the queue that this browser keeps."""

    signed_in: bool
    csrf_token: str
    page: str
    account: NotRequired[Id]
    key: NotRequired[str]
    role: NotRequired[Annotated[str, one_of(*ACCOUNT_ROLES)]]


class ReferenceJson(TypedDict):
    """Places as [id, kind, name, lon, lat], themes and categories: lists, to save bytes."""

    format: Literal[1]
    places: list[list[Any]]
    themes: list[list[Any]]
    categories: list[list[Any]]


class OpenReportsJson(TypedDict):
    """Open reports as [id, category, lon, lat, severity, state, observed_at, version]. partial: there are more."""

    format: Literal[1]
    partial: bool
    reports: list[list[Any]]


class RoundStopJson(TypedDict):
    """One stop; `stop` is the number that a passage names. EPSG:4326 degrees."""

    stop: int
    name: str
    note: str | None
    place_id: int | None
    lon: float
    lat: float


class RoundPassageJson(TypedDict):
    """Somebody looked there and then; stop: null elsewhere on the way."""

    id: Id
    stop: int | None
    name: str | None
    outcome: Annotated[str, one_of(*OUTCOMES)]
    passed_at: Moment


class RoundJson(TypedDict):
    """A round as a phone walks it."""

    id: Id
    kind: Annotated[str, one_of(*KINDS)]
    title: str
    state: Annotated[str, one_of("planned", "open")]
    starts_at: Moment
    stops: list[RoundStopJson]
    passages: list[RoundPassageJson]


class RoundsJson(TypedDict):
    """The rounds of one's organisation, the latest first."""

    format: Literal[1]
    rounds: list[RoundJson]


SESSION = described(
    TAG, _l("See whose phone it is"), Answer(200, _l("For a browser's session; never with a token."), OwnPhoneJson),
    access="public", errors=(403,),
)  # fmt: skip
REFERENCE = described(
    TAG, _l("Take the words and places along"),
    Answer(200, _l("What the form needs without a network."), ReferenceJson, headers=CACHE), NOT_CHANGED,
    query=(IF_NONE_MATCH,),
)  # fmt: skip
REPORTS = described(
    TAG, _l("Take the open reports along"),
    Answer(200, _l("Up to 1,000, the newest first."), OpenReportsJson, headers=CACHE), NOT_CHANGED,
    query=(IF_NONE_MATCH, Parameter("first", _l("Given: 100 at most, for a phone that has none yet."))),
)  # fmt: skip
ROUNDS = described(
    TAG, _l("Take the rounds along"),
    Answer(200, _l("Rounds under way or planned for the next three days, up to 30."), RoundsJson, headers=CACHE),
    NOT_CHANGED, roles=WALKERS, query=(IF_NONE_MATCH,),
)  # fmt: skip
