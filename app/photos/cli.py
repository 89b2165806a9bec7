"""`quietude photos clean`."""

from __future__ import annotations

import time

import click

from app.cli_context import open_engine
from app.errors import ConflictError
from app.photos.actions import archive
from app.photos.actions import clean as clean_archive
from app.settings import load_settings

HOUR_S = 3600.0


@click.group("photos")
def photos_group() -> None:
    """Look after the pictures of reports."""


@photos_group.command("clean")
@click.option(
    "--older-than",
    "hours",
    type=click.IntRange(min=1),
    default=24,
    show_default=True,
    help="Only files that are older, in hours.",
)
@click.option("--dry-run", is_flag=True, help="Say what would go, remove nothing.")
def clean(hours: int, *, dry_run: bool) -> None:
    """Remove picture files that no photo needs (an upload was killed); say which photos lack their file.

    Safe while the server runs. Exit status 1 when files are missing: take them from a backup.
    """
    with open_engine() as engine:
        found = clean_archive(
            archive(engine, load_settings().var_dir), older_than_s=hours * HOUR_S, now_s=time.time(), dry_run=dry_run
        )
    click.echo(f"{found.removed} picture files {'would be removed' if dry_run else 'removed'}")
    for photo_id in found.missing:
        click.echo(f"photo {photo_id}: its file is missing")
    if found.missing:
        raise ConflictError(f"{len(found.missing)} photos lack their file: take them from a backup")


commands = [photos_group]
