"""`quietude import reports …` and `quietude demo load`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import text

from app.cli_context import open_engine
from app.db.session import unit_of_work
from app.errors import ConflictError
from app.nomenclature.actions import seed_default
from app.nomenclature.store import load_nomenclature
from app.people.actor import SYSTEM
from app.places.territory import territory
from app.reports.demo import AFTER_DEMO, load_demo
from app.reports.importing.actions import ImportOutcome, ImportRequest, import_reports
from app.reports.importing.formats import FORMATS
from app.reports.importing.mapping import known_encoding, load_mapping
from app.reports.tasks import escalate_all

_ANY_CITY = text("SELECT EXISTS (SELECT FROM organisation WHERE kind = 'city')")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("import")
def import_group() -> None:
    """Bring in what other systems hold."""


def _encoding(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else known_encoding(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@import_group.command("reports")
@click.argument("file", type=_FILE)
@click.option("--mapping", "mapping_file", required=True, type=_FILE, help="How the columns become a report (TOML).")
@click.option("--dry-run", is_flag=True, help="Check and count everything, write nothing.")
@click.option(
    "--refusals", type=click.Path(dir_okay=False, path_type=Path), help="Write every refused row here, with the reason."
)
@click.option("--limit", type=click.IntRange(min=1), help="Read the first N rows only.")
@click.option("--encoding", callback=_encoding, help="Instead of the mapping's; taken at your word.")
@click.option("--format", type=click.Choice(FORMATS), help="Instead of what the content looks like.")
def reports(file: Path, mapping_file: Path, encoding: str | None, **options: Any) -> None:
    """Import the reports of a CSV, GeoJSON or GeoPackage FILE, all or nothing. What is here already is not doubled."""
    with open_engine() as engine:
        # A register that was never served has no categories yet.
        seed_default(engine)
        with unit_of_work(engine, SYSTEM) as uow:
            nomenclature = load_nomenclature(uow.connection)
            shape = territory(uow.connection)
        mapping = load_mapping(mapping_file, nomenclature=nomenclature)
        if encoding is not None:
            mapping = mapping.model_copy(update={"encoding": encoding})
        request = ImportRequest(file, mapping, insist_on_encoding=encoding is not None, **options)
        with _bar(file) as progress:
            outcome = import_reports(
                engine, request, nomenclature=nomenclature, territory=shape, now=datetime.now(UTC), progress=progress
            )
    _say(outcome, request)


@contextmanager
def _bar(file: Path) -> Iterator[Callable[[int], object]]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(file.name, total=file.stat().st_size)
        yield lambda done: progress.update(task, completed=done)


def _say(outcome: ImportOutcome, request: ImportRequest) -> None:
    done = "would be imported" if request.dry_run else "imported"
    click.echo(f"{outcome.read:,} rows read from {request.path.name} as {request.mapping.source}")
    click.echo(f"{outcome.imported:,} {done}, {outcome.already_there:,} already there, {outcome.refused:,} refused")
    for reason, count in outcome.by_reason.items():
        click.echo(f"  {count:>9,}  {reason}")
    if outcome.refused:
        click.echo(f"Refused rows: {request.refusals}" if request.refusals else "See them all with --refusals FILE.csv")


@click.group("demo")
def demo_group() -> None:
    """Synthetic data to try the product with."""


@demo_group.command("load")
def load() -> None:
    """Fill a database without reports with a year of synthetic ones over the territory."""
    with open_engine() as engine:
        seed_default(engine)
        with unit_of_work(engine, SYSTEM) as uow:
            if not uow.connection.scalar(_ANY_CITY):
                raise ConflictError("nobody is here to answer for reports yet: run `make run` or `quietude serve` once")
        load_demo(engine, click.echo)
        for load_more in AFTER_DEMO:
            load_more(engine, click.echo)


@click.group("reports")
def reports_group() -> None:
    """What is to be done with reports."""


@reports_group.command("escalate")
def escalate() -> None:
    """Flag the open reports whose deadline has passed, once each. Safe to repeat: run it every few minutes."""
    with open_engine() as engine:
        flagged = escalate_all(engine)
    click.echo(f"{flagged:,} {'report' if flagged == 1 else 'reports'} after the deadline flagged")


commands = [import_group, demo_group, reports_group]
