"""`quietude db …`: the database from the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from app.db import backup as backups
from app.db.archive import Progress
from app.db.backup import Saved
from app.db.cluster import Cluster
from app.db.migrate import migrate
from app.db.running import drop, keep, running
from app.errors import SettingsError
from app.settings import Settings, load_settings


@click.group()
def db() -> None:
    """Start, stop, migrate, back up and restore the database."""


def _embedded() -> Cluster:
    settings = load_settings()
    if settings.database_url is not None:
        raise SettingsError(
            "QUIETUDE_DATABASE_URL is set: this command is for the embedded database only;"
            " use the tools of your own server (pg_dump, pg_restore as a superuser)"
        )
    return Cluster(settings.var_dir)


def owner_url(settings: Settings) -> str:
    """Where the schema is changed: as the owner role."""
    if settings.migration_database_url or settings.database_url:
        return settings.migration_database_url or str(settings.database_url)
    return Cluster(settings.var_dir).url("owner")


@db.command()
def up() -> None:
    """Start the embedded database and leave it running until `quietude db down`."""
    cluster = _embedded()
    click.echo(f"{'started' if keep(cluster) else 'runs already'}: psql '{cluster.psql_uri('app')}'")


@db.command()
def down() -> None:
    """Stop the embedded database."""
    click.echo("stopped" if drop(_embedded()) else "it did not run")


@db.command("migrate")
def migrate_command() -> None:
    """Bring the schema up to date."""
    settings = load_settings()
    if settings.database_url is None:
        with running(Cluster(settings.var_dir)):
            migrate(owner_url(settings))
    else:
        migrate(owner_url(settings))
    click.echo("the schema is up to date")


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar that learns its length on the way."""
    with click.progressbar(length=1, label="Photos", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

        def show(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield show


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write the embedded database and its photos to FILE; the server may go on, and Ctrl-C leaves nothing."""
    with _progress() as progress:
        saved = backups.backup(_embedded(), file, progress)
    click.echo(
        f"{file}: {saved.size_bytes:,} bytes, {saved.photos:,} photos; restore it with: quietude db restore {file}"
    )
    _say_lost(saved)


@db.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Read FILE, made by `quietude db backup`, into an empty embedded database, and its photos into their folder."""
    cluster = _embedded()
    with running(cluster):
        with _progress() as progress:
            restored = backups.restore(cluster, file, progress)
        migrate(cluster.url("owner"))
    click.echo(f"restored from {file}: database and {restored.photos:,} photos")
    _say_lost(restored)


def _say_lost(saved: Saved) -> None:
    if saved.lost and saved.has_photos:
        click.echo(f"{saved.lost:,} photos have no file any more (`quietude photos clean` names them)", err=True)
    elif saved.lost:
        click.echo(f"this backup holds the database alone: copy {saved.lost:,} photos to var/photos", err=True)


commands = [db]
