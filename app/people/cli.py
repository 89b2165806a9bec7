"""`quietude user …`, `quietude organisation …`, `quietude token …`."""

from __future__ import annotations

import sys
from typing import Any, get_args
from uuid import UUID

import click

from app.cli_context import open_engine
from app.db.session import unit_of_work
from app.people import actions, store
from app.people.actor import ACCOUNT_ROLES, SYSTEM
from app.people.commands import (
    NewAccount,
    NewOrganisation,
    NewToken,
    OrganisationKind,
    TokenLimit,
    normalise_email,
    parse,
)


def _email(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        return normalise_email(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _read_password(*, from_stdin: bool) -> str:
    """Typed twice without being shown, or one line of standard input."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return password


_email_option = click.option("--email", required=True, callback=_email, help="The address of the account.")
_stdin_option = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


@click.group()
def user() -> None:
    """Accounts: who can sign in."""


@user.command("create")
@_email_option
@click.option("--role", required=True, type=click.Choice(ACCOUNT_ROLES))
@click.option("--organisation", required=True, metavar="SLUG", help="See: quietude organisation list")
@click.option("--name", help="How the account is shown: a function rather than a person's name.")
@_stdin_option
def create_user(email: str, role: str, organisation: str, name: str | None, password_stdin: bool) -> None:  # noqa: FBT001
    """Create an account. One that exists is left as it is."""
    values: dict[str, Any] = {
        "email": email,
        "role": role,
        "organisation": organisation,
        "display_name": name,
        "password": _read_password(from_stdin=password_stdin),
    }
    command = parse(NewAccount, values)
    with open_engine() as engine, unit_of_work(engine, SYSTEM) as uow:
        made = actions.create_account(uow.connection, SYSTEM, command)
    click.echo(f"created {made.email} ({made.role}, {made.organisation_slug})")


@user.command("list")
def list_users() -> None:
    """All accounts: address, role, organisation, state; tab-separated."""
    with open_engine() as engine, unit_of_work(engine, SYSTEM) as uow:
        accounts = store.list_accounts(uow.connection)
    for account in accounts:
        state = "active" if account.active else "deactivated"
        click.echo(f"{account.email}\t{account.role}\t{account.organisation_slug}\t{state}")


@user.command("password")
@_email_option
@_stdin_option
def change_password(email: str, password_stdin: bool) -> None:  # noqa: FBT001
    """Give an account another password; its sessions end."""
    password = _read_password(from_stdin=password_stdin)
    with open_engine() as engine, unit_of_work(engine, SYSTEM) as uow:
        actions.set_password(uow.connection, SYSTEM, email, password)
    click.echo(f"changed the password of {email}")


@user.command("clear-second-factor")
@_email_option
def clear_second_factor(email: str) -> None:
    """Let the password alone sign in again: for who lost the phone and the recovery codes."""
    with open_engine() as engine, unit_of_work(engine, SYSTEM) as uow:
        actions.clear_second_factor(uow.connection, SYSTEM, email)
    click.echo(f"{email} signs in with the password alone")


@user.command("deactivate")
@_email_option
def deactivate_user(email: str) -> None:
    """Close an account: its sessions and tokens stop at once. What it reported stays."""
    with open_engine() as engine, unit_of_work(engine, SYSTEM) as uow:
        done = actions.deactivate_account(uow.connection, SYSTEM, email)
    click.echo(f"{'deactivated' if done else 'was deactivated already:'} {email}")


@click.group()
def organisation() -> None:
    """Organisations: the partners."""


@organisation.command("create")
@click.option("--slug", required=True, help="Short name in lower case, for example ville-amiens.")
@click.option("--name", required=True)
@click.option("--kind", required=True, type=click.Choice(get_args(OrganisationKind)))
def create_organisation(slug: str, name: str, kind: str) -> None:
    """Add an organisation. One that exists is left as it is."""
    command = parse(NewOrganisation, {"slug": slug, "name": name, "kind": kind})
    with open_engine() as engine, unit_of_work(engine, SYSTEM) as uow:
        made = actions.create_organisation(uow.connection, SYSTEM, command)
    click.echo(f"created {made.slug} ({made.kind})")


@organisation.command("list")
def list_organisations() -> None:
    """All organisations: slug, kind, name; tab-separated."""
    with open_engine() as engine, unit_of_work(engine, SYSTEM) as uow:
        found = store.list_organisations(uow.connection)
    for one in found:
        click.echo(f"{one.slug}\t{one.kind}\t{one.name}")


@click.group()
def token() -> None:
    """Tokens: how machines sign in."""


@token.command("create")
@_email_option
@click.option("--scope", required=True, type=click.Choice(["read", "write"]), help="write includes read.")
@click.option("--name", default="command line", show_default=True, help="What it is for.")
@click.option("--days", type=int, help="Expires after so many days; never by itself when left out.")
@click.option("--limit", type=int, help="Requests a minute; the usual number when left out.")
def create_token(email: str, scope: str, name: str, days: int | None, limit: int | None) -> None:
    """Make a token. It alone goes to standard output, and cannot be shown again."""
    command = parse(NewToken, {"name": name, "scope": scope, "days": days})
    with open_engine() as engine, unit_of_work(engine, SYSTEM) as uow:
        most = parse(TokenLimit, {"limit": limit})
        issued = actions.create_token_for(uow.connection, SYSTEM, email, command, most)
    click.echo(f"token {issued.id} for {email}: send it as “Authorization: Bearer TOKEN”", err=True)
    click.echo(issued.secret)


@token.command("list")
@click.option("--email", help="Only those of this account.")
def list_tokens(email: str | None) -> None:
    """Tokens: id, account, scope, name, state, last use, expiry, requests a minute; tab-separated. No secrets."""
    with open_engine() as engine, unit_of_work(engine, SYSTEM) as uow:
        found = store.list_tokens(uow.connection)
    for one in found:
        if email is not None and one.email != email.strip().lower():
            continue
        used, until = (at.isoformat(timespec="minutes") if at else "never" for at in (one.last_used_at, one.expires_at))
        limit = str(one.requests_per_minute or "usual")
        click.echo("\t".join((str(one.id), one.email, one.scope, one.name, one.state, used, until, limit)))


@token.command("limit")
@click.argument("token_id", type=click.UUID)
@click.argument("requests_per_minute", metavar="REQUESTS_PER_MINUTE|usual")
def limit_token(token_id: UUID, requests_per_minute: str) -> None:
    """Say how many requests a minute a token may make; “usual” for the number that every token has."""
    limit = None if requests_per_minute == "usual" else requests_per_minute
    command = parse(TokenLimit, {"limit": limit})
    with open_engine() as engine, unit_of_work(engine, SYSTEM) as uow:
        actions.limit_token(uow.connection, SYSTEM, token_id, command)
    click.echo(f"{token_id}: {requests_per_minute} requests a minute")


@token.command("revoke")
@click.argument("token_id", type=click.UUID)
def revoke_token(token_id: UUID) -> None:
    """Stop a token at once."""
    with open_engine() as engine, unit_of_work(engine, SYSTEM) as uow:
        actions.revoke_token(uow.connection, SYSTEM, token_id)
    click.echo(f"revoked {token_id}")


commands = [user, organisation, token]
