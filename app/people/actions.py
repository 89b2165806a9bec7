"""Use cases about people. Who may do what is decided here; the edge owns the transaction."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from uuid import UUID, uuid4

from flask_babel import gettext as _
from sqlalchemy import Connection

from app.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from app.people import store
from app.people.actor import Actor
from app.people.commands import NewAccount, NewOrganisation, NewToken, TokenLimit
from app.people.demo import DemoAccount, ensure_demo_accounts
from app.people.guards import require_role, require_signed_in, require_write
from app.people.passwords import MAX_LENGTH, MIN_LENGTH, hash_password

__all__ = [
    "DemoAccount",
    "IssuedToken",
    "clear_second_factor",
    "create_account",
    "create_organisation",
    "create_token",
    "create_token_for",
    "deactivate_account",
    "ensure_demo_accounts",
    "limit_token",
    "own_tokens",
    "revoke_own_token",
    "revoke_token",
    "set_password",
    "token_sha256",
]

TOKEN_PREFIX = "qt_"  # noqa: S105  (lets secret scanners know one of ours when it leaks)


@dataclass(frozen=True)
class IssuedToken:
    """A new token: the only time that its secret is known."""

    id: UUID
    secret: str


def token_sha256(secret: str) -> bytes:
    """What is stored of a token. 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


def create_organisation(connection: Connection, actor: Actor, new: NewOrganisation) -> store.Organisation:
    """Add an organisation (admin).

    Raises:
        ConflictError: the slug is taken.

    """
    require_role(actor, "admin")
    if not store.add_organisation(connection, new):
        raise ConflictError(_("There is already an organisation “%(slug)s”.", slug=new.slug))
    made = store.get_organisation(connection, new.slug)
    assert made is not None
    return made


def create_account(connection: Connection, actor: Actor, new: NewAccount) -> store.AccountSummary:
    """Add an account (admin).

    Raises:
        InvalidInputError: no such organisation.
        ConflictError: the address is taken; nothing is changed.

    """
    require_role(actor, "admin")
    if store.get_organisation(connection, new.organisation) is None:
        message = _("There is no organisation “%(slug)s”.", slug=new.organisation)
        raise InvalidInputError([FieldError("organisation", message)])
    added = store.add_account(
        connection,
        email=new.email,
        role=new.role,
        organisation=new.organisation,
        display_name=new.display_name,
        password_hash=hash_password(new.password),
        uniquifier=uuid4().hex,
    )
    if not added:
        raise ConflictError(_("There is already an account for %(email)s.", email=new.email))
    return _account(connection, new.email)


def set_password(connection: Connection, actor: Actor, email: str, password: str) -> None:
    """Give an account another password (admin); its sessions end.

    Raises:
        NotFoundError: no such account.
        InvalidInputError: too short or too long.

    """
    require_role(actor, "admin")
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        message = _("From %(least)s to %(most)s characters, please.", least=MIN_LENGTH, most=MAX_LENGTH)
        raise InvalidInputError([FieldError("password", message)])
    account = _account(connection, email)
    store.set_password_hash(connection, account.id, hash_password(password), uuid4().hex)


def clear_second_factor(connection: Connection, actor: Actor, email: str) -> None:
    """For who lost the phone and the recovery codes (admin); sessions end.

    Raises:
        NotFoundError: no such account.

    """
    require_role(actor, "admin")
    store.clear_second_factor(connection, _account(connection, email).id, uuid4().hex)


def deactivate_account(connection: Connection, actor: Actor, email: str) -> bool:
    """Close an account (admin): sessions and tokens stop at once. False when it was closed already.

    Raises:
        NotFoundError: no such account.

    """
    require_role(actor, "admin")
    return store.deactivate(connection, _account(connection, email).id, uuid4().hex)


def create_token(connection: Connection, actor: Actor, new: NewToken) -> IssuedToken:
    """Make a token for the account that asks."""
    require_signed_in(actor)
    require_write(actor)
    assert actor.user_id is not None
    return _issue(connection, actor.user_id, new)


def create_token_for(
    connection: Connection, actor: Actor, email: str, new: NewToken, limit: TokenLimit | None = None
) -> IssuedToken:
    """Make a token for somebody's account (admin); it can never do more than that account.

    Raises:
        NotFoundError: no such account.

    """
    require_role(actor, "admin")
    return _issue(connection, _account(connection, email).id, new, limit)


def _issue(connection: Connection, account_id: int, new: NewToken, limit: TokenLimit | None = None) -> IssuedToken:
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    most = None if limit is None else limit.limit
    made = store.add_token(connection, account_id=account_id, new=new, sha256=token_sha256(secret), limit=most)
    return IssuedToken(made, secret)


def limit_token(connection: Connection, actor: Actor, token_id: UUID, limit: TokenLimit) -> None:
    """Say how many requests a minute a token may make (admin).

    Raises:
        NotFoundError: there is no such token.

    """
    require_role(actor, "admin")
    if not store.limit_token(connection, token_id, limit.limit):
        raise NotFoundError("token", token_id)


def own_tokens(connection: Connection, actor: Actor) -> tuple[store.Token, ...]:
    """The tokens of the account that asks, the newest first."""
    require_signed_in(actor)
    return store.list_tokens(connection, actor.user_id)


def revoke_own_token(connection: Connection, actor: Actor, token_id: UUID) -> None:
    """Revoke one of the actor's own tokens.

    Raises:
        NotFoundError: there is no such token, it is somebody else's, or it was revoked before.

    """
    require_signed_in(actor)
    require_write(actor)
    if not store.revoke_token(connection, token_id, actor.user_id):
        raise NotFoundError("token", token_id)


def revoke_token(connection: Connection, actor: Actor, token_id: UUID) -> None:
    """Revoke anybody's token (admin).

    Raises:
        NotFoundError: there is no such token, or it was revoked before.

    """
    require_role(actor, "admin")
    if not store.revoke_token(connection, token_id):
        raise NotFoundError("token", token_id)


def _account(connection: Connection, email: str) -> store.AccountSummary:
    found = store.get_account(connection, email)
    if found is None:
        raise NotFoundError("account", email)
    return found
