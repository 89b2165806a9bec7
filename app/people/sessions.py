"""Sessions: a signed cookie whose end is remembered, so that a copy of it is worth nothing after signing out."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response, after_this_request, g, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_login import user_logged_in, user_logged_out
from flask_security.utils import set_request_attr
from sqlalchemy import select, text

from app.db.session import unit_of_work
from app.people import identity, store
from app.people.actor import SYSTEM
from app.people.tables import Account
from app.web.context import services

if TYPE_CHECKING:
    from sqlalchemy.orm import Session, scoped_session

MAX_DAYS = 14
_ID = "sid"

_LIVE = text("NOT EXISTS (SELECT FROM ended_session WHERE session_sha256 = :session_sha256)")


def load_account(orm: scoped_session[Session], uniquifier: str) -> Account | None:
    """The account of the session that is asking, with role and organisation: one query.

    None when the account is closed, its password was changed since, or this session signed out.
    """
    session_id = session.get(_ID)
    if not isinstance(session_id, str) or request.environ.get("quietude.session_failed"):
        return None
    query = select(Account).where(Account.fs_uniquifier == uniquifier, Account.active, _LIVE)
    # If the database is away the error page is made without asking it again.
    request.environ["quietude.session_failed"] = True
    found = orm.scalar(query, {"session_sha256": _sha256(session_id)}, execution_options={"populate_existing": True})
    orm.commit()
    request.environ["quietude.session_failed"] = False
    if found is not None:  # what Flask-Security's own loader leaves for its views
        set_request_attr("fs_authn_via", "session")
        set_request_attr("fs_paa", session.get("fs_paa", 0))
    return found


def _sha256(session_id: str) -> bytes:
    return hashlib.sha256(session_id.encode()).digest()


def _signed_in(_app: Flask, **_: Any) -> None:
    """A new identity, and a new CSRF token: whatever was planted in this browser before is worth nothing now."""
    session[_ID] = secrets.token_urlsafe(24)
    session.pop("csrf_token", None)
    g.pop("csrf_token", None)
    # "Keep me signed in" makes this cookie last instead of adding a second one, which the server could never expire.
    if session.pop("_remember", None) == "set":
        session.permanent = True
    identity.forget()


def _signed_out(_app: Flask, **_: Any) -> None:
    session_id = session.get(_ID)
    if isinstance(session_id, str):
        with unit_of_work(services().engine, SYSTEM) as uow:
            store.end_session(uow.connection, _sha256(session_id), MAX_DAYS + 1)
    session.clear()
    identity.forget()

    @after_this_request
    def empty_cache(response: Response) -> Response:
        """Pictures and pages that this browser was shown: the next person finds none of them on its disk."""
        response.headers["Clear-Site-Data"] = '"cache"'
        return response


class _Cookies(SecureCookieSessionInterface):
    """Flask's own, without the work for a cookie that was neither sent nor asked for: machines have none."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session of this request; machines have none."""
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Nothing to say about a session that nobody looked into and that holds nothing, nor of one's static files.

        Those are the same for everybody: `Vary: Cookie` would have a browser ask again for what it has.
        """
        if session.modified or ((session or session.accessed) and request.endpoint != "static"):
            super().save_session(app, session, response)


def init_app(app: Flask) -> None:
    """Follow signing in and out on this application."""
    app.session_interface = _Cookies()
    user_logged_in.connect(_signed_in, app)
    user_logged_out.connect(_signed_out, app)
