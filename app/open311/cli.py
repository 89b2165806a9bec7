"""`quietude open311 …`: residents without an account, and servers of others."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import click
from flask import Flask
from flask_babel import force_locale
from sqlalchemy import Engine

from app.cli_context import open_engine
from app.db.session import unit_of_work
from app.nomenclature.store import load_nomenclature
from app.open311 import actions, remotes_actions, store
from app.open311.remotes_commands import parse_remote
from app.open311.remotes_store import Counts
from app.people.actor import SYSTEM
from app.settings import Settings, load_settings
from app.web import language


@contextmanager
def _opened() -> Iterator[tuple[Engine, Settings]]:
    """The database and the settings, with messages in English."""
    app = Flask("app.web")
    language.init_app(app)
    with open_engine() as engine, app.app_context(), force_locale("en"):
        yield engine, load_settings()


@click.group()
def open311() -> None:
    """Open311 GeoReport v2: who may report, and which other servers get reports."""


@open311.command("residents")
@click.argument("wanted", type=click.Choice(["on", "off", "show"]), default="show")
@click.option("--organisation", metavar="SLUG", help="Whose reports they count as; needed to switch it on.")
@click.option("--most-a-day", type=click.IntRange(1, 100_000), default=200, show_default=True)
def residents(wanted: str, organisation: str | None, most_a_day: int) -> None:
    """Whether residents may report without an account (off unless you switch it on)."""
    if wanted == "on" and organisation is None:
        raise click.UsageError("say whose reports they count as: --organisation SLUG")
    with _opened() as (engine, _settings), unit_of_work(engine, SYSTEM) as uow:
        if wanted == "on" and organisation is not None:
            actions.open_to_residents(uow, SYSTEM, organisation, most_a_day=most_a_day)
        elif wanted == "off":
            actions.close_to_residents(uow, SYSTEM)
        setting = store.get_setting(uow.connection)
    if setting.residents:
        click.echo(f"on: in the name of {setting.organisation}, at most {setting.most_a_day} a day")
    else:
        click.echo("off")


@open311.group()
def remote() -> None:
    """Servers of others that get an organisation's reports."""


@remote.command("add")
@click.argument("name")
@click.option("--url", required=True, help="Up to and without /services.xml.")
@click.option("--organisation", required=True, metavar="SLUG", help="Whose reports go there.")
@click.option("--jurisdiction", default="", help="Its jurisdiction_id, if it wants one.")
@click.option("--api-key-stdin", is_flag=True, help="Read its api_key from standard input.")
@click.option("--service", "services", multiple=True, required=True, metavar="CATEGORY=CODE", help="Once for each.")
def add(  # noqa: PLR0917
    name: str,
    url: str,
    organisation: str,
    jurisdiction: str,
    api_key_stdin: bool,  # noqa: FBT001
    services: tuple[str, ...],
) -> None:
    """Add a server. What its organisation is given from now on goes there."""
    values = {
        "name": name,
        "url": url,
        "organisation": organisation,
        "jurisdiction_id": jurisdiction,
        "api_key": sys.stdin.readline().strip() if api_key_stdin else "",
        "services": "\n".join(services),
    }
    with _opened() as (engine, settings), unit_of_work(engine, SYSTEM) as uow:
        nomenclature = load_nomenclature(uow.connection)
        command = parse_remote(values, nomenclature, allow_private=settings.webhook_private)
        remotes_actions.add_remote(uow, SYSTEM, command, secret_key=settings.secret_key)
    click.echo(f"added {name}: try it with “quietude open311 remote test {name}”")


@remote.command("list")
def list_remotes() -> None:
    """Each server: name, state, organisation, address, waiting, sent, failed, last poll, last error; tab-separated."""
    with _opened() as (engine, _settings), unit_of_work(engine, SYSTEM) as uow:
        shown = remotes_actions.overview(uow, SYSTEM)
    for one in shown.remotes:
        count = shown.counts.get(one.id, Counts())
        polled = one.polled_at.isoformat(timespec="seconds") if one.polled_at else "never"
        state = "on" if one.active else "off"
        numbers = (str(count.waiting), str(count.sent), str(count.failed))
        click.echo("\t".join((one.name, state, one.organisation_slug, one.base_url, *numbers, polled, one.error or "")))


@remote.command("test")
@click.argument("name")
def test(name: str) -> None:
    """Ask a server for its services, and look for the mapped codes among them."""
    with _opened() as (engine, settings):
        with unit_of_work(engine, SYSTEM) as uow:
            found = remotes_actions.remote_named(uow, SYSTEM, name)
        tried = remotes_actions.try_remote(engine, SYSTEM, found.id, settings)
    if tried.error is not None:
        raise click.ClickException(f"{name}: {tried.error}")
    if tried.missing:
        raise click.ClickException(f"{name} does not know these services: {', '.join(tried.missing)}")
    click.echo(f"{name} answers: {tried.services} services, and all mapped codes are among them")


@remote.command("push")
@click.argument("name")
@click.argument("report_id", type=click.UUID, required=False)
def push(name: str, report_id: UUID | None) -> None:
    """Send one report, or all open ones of the organisation that are not there yet; the worker does it."""
    with _opened() as (engine, settings):
        with unit_of_work(engine, SYSTEM) as uow:
            found = remotes_actions.remote_named(uow, SYSTEM, name)
        count = remotes_actions.push_now(engine, SYSTEM, found, report_id, demo_sends=settings.demo_sends)
    click.echo(f"{count} on their way to {name}")


@remote.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Nothing goes there any more; its api_key is forgotten."""
    with _opened() as (engine, _settings), unit_of_work(engine, SYSTEM) as uow:
        remotes_actions.remove_remote(uow, SYSTEM, remotes_actions.remote_named(uow, SYSTEM, name).id)
    click.echo(f"removed {name}")


commands = [open311]
