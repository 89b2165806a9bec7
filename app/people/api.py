"""What the machine views about who is asking give (app/web/described.py)."""

from __future__ import annotations

from typing import Annotated, NotRequired

from flask_babel import lazy_gettext as _l
from typing_extensions import TypedDict

from app.people.actor import ACCOUNT_ROLES
from app.people.store import Token
from app.web.bodies import rfc3339
from app.web.described import Answer, Id, Moment, described, one_of

TAG = "account"
_SCOPE = Annotated[str, one_of("read", "write")]


class SessionJson(TypedDict):
    """Who is asking. csrf_token: only for a browser's session, to send as X-CSRFToken."""

    signed_in: bool
    role: Annotated[str, one_of("public", *ACCOUNT_ROLES)]
    organisation_id: int | None
    scope: _SCOPE
    csrf_token: NotRequired[str]


class TokenJson(TypedDict):
    """A token without its secret. requests_per_minute: its limit; null: the usual one."""

    id: Id
    name: str
    scope: _SCOPE
    state: Annotated[str, one_of("valid", "expired", "revoked", "deactivated")]
    created_at: Moment
    expires_at: Moment | None
    last_used_at: Moment | None
    revoked_at: Moment | None
    requests_per_minute: int | None


class TokensJson(TypedDict):
    """The tokens of one account, the newest first."""

    tokens: list[TokenJson]


def token_as_json(token: Token) -> TokenJson:
    """A token for machines."""
    return {
        "id": str(token.id),
        "name": token.name,
        "scope": token.scope,
        "state": token.state,
        "created_at": rfc3339(token.created_at),
        "expires_at": rfc3339(token.expires_at),
        "last_used_at": rfc3339(token.last_used_at),
        "revoked_at": rfc3339(token.revoked_at),
        "requests_per_minute": token.requests_per_minute,
    }


SESSION = described(
    TAG, _l("See who is asking"), Answer(200, _l("The account's role and what its token may do."), SessionJson),
    access="public",
)  # fmt: skip
TOKENS = described(TAG, _l("List one's own tokens"), Answer(200, _l("Secrets are not kept."), TokensJson))
