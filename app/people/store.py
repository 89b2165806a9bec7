"""Organisations, accounts and tokens in the database: the only SQL of this domain beside Flask-Security's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import Connection, text

if TYPE_CHECKING:
    from app.people.commands import NewOrganisation, NewToken


@dataclass(frozen=True)
class Organisation:
    """A partner."""

    id: int
    slug: str
    name: str
    kind: str
    is_synthetic: bool


@dataclass(frozen=True)
class AccountSummary:
    """An account without its secrets."""

    id: int
    email: str
    display_name: str | None
    role: str
    organisation_slug: str
    active: bool
    is_synthetic: bool


@dataclass(frozen=True)
class Token:
    """A token without its secret, which nobody can show again."""

    id: UUID
    account_id: int
    email: str
    name: str
    scope: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    state: str
    requests_per_minute: int | None


@dataclass(frozen=True)
class TokenBearer:
    """Who a valid token speaks for."""

    token_id: UUID
    scope: str
    account_id: int
    organisation_id: int
    role: str
    use_is_old: bool
    requests_per_minute: int | None


_ORGANISATION = "SELECT id, slug, name, kind, is_synthetic FROM organisation"
_ORGANISATION_BY_SLUG = text(f"{_ORGANISATION} WHERE slug = :slug")
_ORGANISATIONS = text(f"{_ORGANISATION} ORDER BY slug")
_ORGANISATIONS_OF_KIND = text(f"{_ORGANISATION} WHERE kind = :kind ORDER BY is_synthetic, id")
_ADD_ORGANISATION = text(
    "INSERT INTO organisation (slug, name, kind, is_synthetic) VALUES (:slug, :name, :kind, :is_synthetic)"
    " ON CONFLICT (slug) DO NOTHING RETURNING id"
)


def get_organisation(connection: Connection, slug: str) -> Organisation | None:
    """The organisation of that slug, if any."""
    row = connection.execute(_ORGANISATION_BY_SLUG, {"slug": slug}).mappings().one_or_none()
    return Organisation(**row) if row else None


def list_organisations(connection: Connection, kind: str | None = None) -> tuple[Organisation, ...]:
    """All organisations by slug, or those of one kind: real ones first, then by age."""
    rows = connection.execute(_ORGANISATIONS_OF_KIND if kind else _ORGANISATIONS, {"kind": kind} if kind else {})
    return tuple(Organisation(**row) for row in rows.mappings())


def add_organisation(connection: Connection, new: NewOrganisation) -> bool:
    """Add it; False when the slug is taken (nothing is changed then)."""
    return connection.execute(_ADD_ORGANISATION, new.model_dump()).rowcount == 1


_ACCOUNTS = """
    SELECT account.id, email, display_name, role.name AS role, organisation.slug AS organisation_slug, active,
           account.is_synthetic
    FROM account JOIN role ON role.id = role_id JOIN organisation ON organisation.id = organisation_id
"""
_ACCOUNT_BY_EMAIL = text(f"{_ACCOUNTS} WHERE email = :email")
_ALL_ACCOUNTS = text(f"{_ACCOUNTS} ORDER BY email")
_ADD_ACCOUNT = text("""
    INSERT INTO account (email, display_name, password, fs_uniquifier, confirmed_at, organisation_id, role_id,
                         is_synthetic)
    SELECT :email, :display_name, :password, :uniquifier, now(), organisation.id, role.id, :is_synthetic
    FROM organisation, role WHERE organisation.slug = :organisation AND role.name = :role
    ON CONFLICT (email) DO NOTHING
""")
_SET_PASSWORD = text("""
    UPDATE account SET password = :password, fs_uniquifier = :uniquifier, update_datetime = now()
    WHERE id = :id
""")
# A new uniquifier ends every session of the account, also when it is activated again later.
_DEACTIVATE = text("""
    UPDATE account SET active = false, fs_uniquifier = :uniquifier, update_datetime = now()
    WHERE id = :id AND active
""")
_CLEAR_SECOND_FACTOR = text("""
    UPDATE account SET tf_primary_method = NULL, tf_totp_secret = NULL, mf_recovery_codes = NULL,
        fs_uniquifier = :uniquifier, update_datetime = now()
    WHERE id = :id
""")
_PASSWORD_HASH = text("SELECT password FROM account WHERE id = :id")


def get_account(connection: Connection, email: str) -> AccountSummary | None:
    """The account of that (normalised) address, if any."""
    row = connection.execute(_ACCOUNT_BY_EMAIL, {"email": email}).mappings().one_or_none()
    return AccountSummary(**row) if row else None


def list_accounts(connection: Connection) -> tuple[AccountSummary, ...]:
    """All accounts by address."""
    return tuple(AccountSummary(**row) for row in connection.execute(_ALL_ACCOUNTS).mappings())


def add_account(
    connection: Connection,
    *,
    email: str,
    role: str,
    organisation: str,
    display_name: str | None,
    password_hash: str,
    uniquifier: str,
    is_synthetic: bool = False,
) -> bool:
    """Add it; False when the address is taken, or there is no such organisation or role (nothing is changed then)."""
    values = {
        "email": email,
        "role": role,
        "organisation": organisation,
        "display_name": display_name,
        "password": password_hash,
        "uniquifier": uniquifier,
        "is_synthetic": is_synthetic,
    }
    return connection.execute(_ADD_ACCOUNT, values).rowcount == 1


def password_hash(connection: Connection, account_id: int) -> str | None:
    """The stored hash."""
    stored: str | None = connection.execute(_PASSWORD_HASH, {"id": account_id}).scalar_one()
    return stored


def set_password_hash(connection: Connection, account_id: int, hashed: str, uniquifier: str) -> None:
    """Replace the hash; the new uniquifier ends all sessions."""
    connection.execute(_SET_PASSWORD, {"id": account_id, "password": hashed, "uniquifier": uniquifier})


def clear_second_factor(connection: Connection, account_id: int, uniquifier: str) -> None:
    """The password alone signs in again; all sessions end."""
    connection.execute(_CLEAR_SECOND_FACTOR, {"id": account_id, "uniquifier": uniquifier})


def deactivate(connection: Connection, account_id: int, uniquifier: str) -> bool:
    """Nobody signs in with it any more, by password or token; False when that was so already."""
    return connection.execute(_DEACTIVATE, {"id": account_id, "uniquifier": uniquifier}).rowcount == 1


_TOKENS = """
    SELECT api_token.id, account_id, email, name, scope, created_at, expires_at, last_used_at, revoked_at,
           CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired'
                WHEN NOT active THEN 'deactivated' ELSE 'valid' END AS state, requests_per_minute
    FROM api_token JOIN account ON account.id = account_id
"""
_TOKENS_OF = text(f"{_TOKENS} WHERE account_id = :account_id ORDER BY created_at DESC, api_token.id")
_ALL_TOKENS = text(f"{_TOKENS} ORDER BY email, created_at DESC, api_token.id")
_ADD_TOKEN = text("""
    INSERT INTO api_token (account_id, name, token_sha256, scope, expires_at, requests_per_minute)
    VALUES (:account_id, :name, :sha256, :scope, now() + make_interval(days => CAST(:days AS integer)), :limit)
    RETURNING id
""")
_REVOKE = text("""
    UPDATE api_token SET revoked_at = now()
    WHERE id = :id AND revoked_at IS NULL AND (CAST(:account_id AS integer) IS NULL OR account_id = :account_id)
""")
_LIMIT = text("UPDATE api_token SET requests_per_minute = :limit WHERE id = :id")
_BEARER = text("""
    SELECT api_token.id AS token_id, scope, account.id AS account_id, organisation_id, role.name AS role,
           last_used_at IS NULL OR last_used_at < now() - interval '1 minute' AS use_is_old, requests_per_minute
    FROM api_token JOIN account ON account.id = account_id JOIN role ON role.id = role_id
    WHERE token_sha256 = :sha256 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) AND active
""")
_TOUCH = text("""
    UPDATE api_token SET last_used_at = now()
    WHERE id = :id AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
""")


def list_tokens(connection: Connection, account_id: int | None = None) -> tuple[Token, ...]:
    """The tokens of one account, newest first, or of all."""
    rows = (
        connection.execute(_ALL_TOKENS)
        if account_id is None
        else connection.execute(_TOKENS_OF, {"account_id": account_id})
    )
    return tuple(Token(**row) for row in rows.mappings())


def add_token(
    connection: Connection, *, account_id: int, new: NewToken, sha256: bytes, limit: int | None = None
) -> UUID:
    """Store the hash of a token. Without days it does not expire; without limit it has the usual one."""
    values = new.model_dump() | {"account_id": account_id, "sha256": sha256, "limit": limit}
    made: UUID = connection.execute(_ADD_TOKEN, values).scalar_one()
    return made


def revoke_token(connection: Connection, token_id: UUID, account_id: int | None = None) -> bool:
    """Revoke it (only when it is that account's, if one is given); False when there was nothing to revoke."""
    return connection.execute(_REVOKE, {"id": token_id, "account_id": account_id}).rowcount == 1


def limit_token(connection: Connection, token_id: UUID, limit: int | None) -> bool:
    """Let it make so many requests a minute, None for the usual number; False when there is no such token."""
    return connection.execute(_LIMIT, {"id": token_id, "limit": limit}).rowcount == 1


def find_bearer(connection: Connection, sha256: bytes) -> TokenBearer | None:
    """Whom a token speaks for: neither revoked nor expired, and the account active."""
    row = connection.execute(_BEARER, {"sha256": sha256}).mappings().one_or_none()
    return TokenBearer(**row) if row else None


def touch_token(connection: Connection, token_id: UUID) -> None:
    """Note that it was used, at most once a minute."""
    connection.execute(_TOUCH, {"id": token_id})


_END_SESSION = text("INSERT INTO ended_session (session_sha256) VALUES (:sha256) ON CONFLICT DO NOTHING")
_FORGET_SESSIONS = text("DELETE FROM ended_session WHERE ended_at < now() - make_interval(days => :days)")


def end_session(connection: Connection, sha256: bytes, kept_days: int) -> None:
    """Remember that a session signed out, for as long as a copy of its cookie could be valid."""
    connection.execute(_FORGET_SESSIONS, {"days": kept_days})
    connection.execute(_END_SESSION, {"sha256": sha256})
