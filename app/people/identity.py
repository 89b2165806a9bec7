"""Who is asking: `current_actor()`, from a bearer token, else from the signed-in session, else the public.

Looked up at most once a request and kept in the request's own environ, which dies with it: `flask.g` can outlive a
request when an application context is pushed around it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from flask import current_app, g, request
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from app.db.session import unit_of_work
from app.errors import NotSignedInError, QuietudeError
from app.people import store
from app.people.actions import TOKEN_PREFIX, token_sha256
from app.people.actor import PUBLIC, SYSTEM, Actor, Role
from app.people.guards import require_role, require_signed_in, require_write
from app.web.context import services
from app.web.logs import get_logger

if TYPE_CHECKING:
    from typing import Literal
    from uuid import UUID

    from flask import Response

    from app.people.tables import Account

__all__ = ["bearer_token", "current_actor", "require_role", "require_signed_in", "require_write", "via_token"]

_KEY = "quietude.identity"
# How long a process remembers whom a token speaks for. Only views that confirm it in their own statement may use that.
KEPT_S = 30.0
MOST_KEPT = 1000

P = ParamSpec("P")
R = TypeVar("R")

_READING = ("GET", "HEAD")
_TOKEN = re.compile(TOKEN_PREFIX + r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class TokenQuota:
    """Which token came, and how many requests a minute it may make; None: the usual number."""

    token_id: UUID
    requests_per_minute: int | None


@dataclass(frozen=True)
class _Identity:
    actor: Actor
    token_id: UUID | None = None
    use_is_old: bool = False
    token_sha256: bytes | None = None
    is_remembered: bool = False
    requests_per_minute: int | None = None


def current_actor() -> Actor:
    """Who makes this request.

    Raises:
        NotSignedInError: a bearer token was sent, and it is unknown, expired, revoked or its account is closed.
            It never counts as no token: a machine must notice.

    """
    return _identity().actor


def via_token() -> bool:
    """Whether this request came with a valid bearer token."""
    return _identity().token_id is not None


def token_quota() -> TokenQuota | None:
    """The quota of this request's valid token, None without one."""
    if bearer_token() is None:
        return None
    identity = _identity()
    return None if identity.token_id is None else TokenQuota(identity.token_id, identity.requests_per_minute)


def bearer_token() -> str | None:
    """What was sent as `Authorization: Bearer …`, as it is; to read, also as the password of `Authorization: Basic …`.

    QGIS before 3.24 knows no other header. Browsers repeat Basic by themselves, also for forms of other sites: it never
    writes. A password that is no token of ours is not for us: it may be meant for a proxy in front.
    """
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic" and request.method in _READING:
        password = (request.authorization.password if request.authorization else None) or ""
        return password if password.startswith(TOKEN_PREFIX) else None
    return None


def rate_key() -> str:
    """Whom a rate counts for: the account, else the address."""
    actor = current_actor()
    return f"account:{actor.user_id}" if actor.is_signed_in else f"address:{request.remote_addr}"


def _identity() -> _Identity:
    known = cast("_Identity | None", request.environ.get(_KEY))
    if known is None:
        token = bearer_token()
        known = _from_session() if token is None else _from_token(token)
        request.environ[_KEY] = known
    return known


def _from_token(token: str) -> _Identity:
    if not _TOKEN.fullmatch(token):
        raise NotSignedInError
    digest = token_sha256(token)
    if _view_confirms():
        at, kept = _kept().get(digest, (0.0, None))
        if kept is not None and time.monotonic() - at < KEPT_S:
            return kept
    # One statement on tables without row-level security: it needs no actor, and no transaction of its own.
    with services().engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        bearer = store.find_bearer(connection, digest)
    if bearer is None:
        _kept().pop(digest, None)
        raise NotSignedInError
    actor = Actor(
        role=cast("Role", bearer.role),
        user_id=bearer.account_id,
        organisation_id=bearer.organisation_id,
        scope=cast("Literal['read', 'write']", bearer.scope),
    )
    found = _Identity(
        actor,
        bearer.token_id,
        bearer.use_is_old,
        digest,
        requests_per_minute=bearer.requests_per_minute,
    )
    if len(_kept()) >= MOST_KEPT:
        _kept().clear()
    _kept()[digest] = (time.monotonic(), replace(found, use_is_old=False, is_remembered=True))
    return found


def _kept() -> dict[bytes, tuple[float, _Identity]]:
    """By the token's hash: when it was looked up, and what was found. Of this process."""
    kept: dict[bytes, tuple[float, _Identity]] = current_app.extensions.setdefault("quietude_bearers", {})
    return kept


def _view_confirms() -> bool:
    return hasattr(current_app.view_functions.get(request.endpoint or ""), "confirms_actor")


def confirms_actor(view: Callable[P, R]) -> Callable[P, R]:
    """A view whose own statement confirms `bearer_sha256()`: it need not look the token up before.

    Whatever it refuses is refused to whoever the token speaks for now: the token is looked up, and when that is
    somebody else than was remembered, the view runs again for them.
    """

    @wraps(view)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return view(*args, **kwargs)
        except QuietudeError:
            remembered = _identity()
            if not remembered.is_remembered:
                raise
            _kept().pop(cast("bytes", remembered.token_sha256), None)
            forget()
            if current_actor() == remembered.actor:
                raise
            return view(*args, **kwargs)

    run.confirms_actor = True  # type: ignore[attr-defined]
    return run


def bearer_sha256() -> bytes | None:
    """The hash of this request's valid token, None without one."""
    return _identity().token_sha256


def _from_session() -> _Identity:
    if not current_user.is_authenticated:
        return _Identity(PUBLIC)
    account = cast("Account", current_user)
    return _Identity(Actor(cast("Role", account.role.name), account.id, account.organisation_id))


def forget() -> None:
    """Ask again from here on: somebody has just signed in or out."""
    request.environ.pop(_KEY, None)


def start_request() -> None:
    """Before every request: nobody of an earlier one, and a bad token is refused wherever it is sent."""
    g.pop("_login_user", None)
    if bearer_token() is not None:
        current_actor()


def note_use(response: Response) -> Response:
    """After the answer is made: when the token was last used. A failure here must not cost the caller the answer."""
    identity = cast("_Identity | None", request.environ.get(_KEY))
    if identity is not None and identity.token_id is not None and identity.use_is_old:
        try:
            with unit_of_work(services().engine, SYSTEM) as uow:
                store.touch_token(uow.connection, identity.token_id)
        except SQLAlchemyError:
            get_logger().warning("token use not noted")
    return response
