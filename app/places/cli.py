"""`quietude geodata …`: what is there, and official files in."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from sqlalchemy import Engine

from app.cli_context import open_engine
from app.errors import GeodataError
from app.places import actions, store
from app.places.actions import ImportResult
from app.places.importing import RefusedRow
from app.places.population import import_population
from app.settings import load_settings
from geodata.formats import DATASETS
from geodata.manifest import load_manifest

# The terminal shows this many refused rows; the file of --refusals has them all.
SHOWN_REFUSALS = 20


@click.group()
def geodata() -> None:
    """Reference geography: communes, IRIS, stops, residences…"""


@geodata.command("list")
def list_sources() -> None:
    """The official sources, and what is imported."""
    for source in load_manifest().sources:
        click.echo(f"{source.dataset}: {source.title}")
        click.echo(f"    {source.publisher} · {source.licence}\n    {source.url}")
    with open_engine() as engine, engine.connect() as connection:
        imported = store.imported_sources(connection)
    click.echo("\nImported:" if imported else "\nNothing is imported yet.")
    for row in imported:
        when = row.imported_at.strftime("%Y-%m-%d %H:%M")
        edition = f", edition {row.edition}" if row.edition else ""
        click.echo(f"  {row.kind}: {row.open_places} open places from {row.source}{edition} ({when} UTC)")


@geodata.command()
def seed() -> None:
    """Put in the approximate Amiens that the product ships, where nothing official is."""
    with open_engine() as engine:
        changed = actions.seed_approximate(engine)
        if changed:
            run_after_import(engine)
    click.echo(f"{changed} places changed")


@geodata.command("import")
@click.argument("kind", type=click.Choice(list(DATASETS)))
@click.argument("file", metavar="FILE_OR_URL")
@click.option("--source", help="Name of the source, when it is not the official one: polygons of your own, say.")
@click.option("--edition", help="Which edition this is, for the list.")
@click.option("--only", multiple=True, metavar="INSEE", help="Only these communes (repeat, or separate by commas).")
@click.option(
    "--addresses", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="BAN CSV for residences."
)
@click.option("--crs", metavar="EPSG:N", help="Reference system, when the file does not say or says it wrong.")
@click.option("--territory", is_flag=True, help="These communes, and no others, become the territory.")
@click.option("--add-territory", is_flag=True, help="These communes are added to the territory.")
@click.option("--close-many", is_flag=True, help="Yes, close most places of the source: they are really gone.")
@click.option("--refusals", type=click.Path(dir_okay=False, path_type=Path), help="Write every refused row here (CSV).")
def import_command(kind: str, file: str, only: tuple[str, ...], refusals: Path | None, **options: Any) -> None:
    """Import FILE_OR_URL (a file, a GTFS folder, or an address). All of it or nothing; safe to repeat."""
    codes = [code for part in only for code in part.split(",")]
    cache_dir = load_settings().var_dir / "cache" / "geodata"
    try:
        with open_engine() as engine:
            with _bars() as (rows, size):
                result = actions.import_places(
                    engine, kind, file, only=codes, cache_dir=cache_dir, progress=rows, downloading=size, **options
                )
            _say(result)
            _say_refused(list(result.refused), refusals)
            run_after_import(engine)
    except GeodataError as error:
        _say_refused([row for row in error.refused if isinstance(row, RefusedRow)], refusals)
        raise


@geodata.command("population")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--only", multiple=True, metavar="INSEE", help="Only these communes (repeat, or separate by commas).")
@click.option("--refusals", type=click.Path(dir_okay=False, path_type=Path), help="Write every refused row here (CSV).")
def population_command(file: Path, only: tuple[str, ...], refusals: Path | None) -> None:
    """Residents of the imported IRIS from Insee's base-ic-evol-struct-pop (CSV), for rates on the heat map."""
    with open_engine() as engine:
        result = import_population(engine, file, only=[code for part in only for code in part.split(",")])
    click.echo(
        f"population: {result.updated} IRIS updated, {result.unchanged} unchanged, {result.unknown} not imported here;"
        f" {result.skipped} rows skipped, {len(result.refused)} refused"
    )
    _say_refused(list(result.refused), refusals)


def run_after_import(engine: Engine) -> None:
    """What the domains above asked for: reports find their places again."""
    for action in actions.AFTER_IMPORT:
        action(engine)


def _say(result: ImportResult) -> None:
    for kind in result.kinds:
        click.echo(
            f"{kind.kind} ({result.source}): {kind.read} rows read, {kind.added} places added, {kind.updated} updated"
            f" ({kind.reopened} reopened), {kind.unchanged} unchanged, {kind.closed} closed; "
            f"{kind.skipped} rows skipped, {kind.refused} refused"
        )


def _say_refused(refused: list[RefusedRow], file: Path | None) -> None:
    for row in refused[:SHOWN_REFUSALS]:
        click.echo(f"  refused: {row.kind} row {row.row}: {row.reason}", err=True)
    if len(refused) > SHOWN_REFUSALS:
        where = f"see {file}" if file else "write them all with --refusals FILE"
        click.echo(f"  … and {len(refused) - SHOWN_REFUSALS} more; {where}", err=True)
    if file is not None:
        _write_refused(refused, file)


def _write_refused(refused: list[RefusedRow], file: Path) -> None:
    try:
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["kind", "row", "code", "reason"])
            writer.writerows([row.kind, row.row, row.code or "", row.reason] for row in refused)
    except OSError as error:
        raise GeodataError(f"{file}: {error.strerror}") from None


Report = Callable[[int, int | None], None]


@contextmanager
def _bars() -> Iterator[tuple[Report, Report]]:
    """Two ways to report progress: rows, bytes. On a terminal they are bars; elsewhere nothing is printed."""
    console = Console(stderr=True)
    parts = (TextColumn("{task.description}"), BarColumn())
    options: Any = {"console": console, "transient": True, "disable": not console.is_terminal}
    rows = Progress(*parts, MofNCompleteColumn(), TimeElapsedColumn(), **options)
    size = Progress(*parts, DownloadColumn(), TimeElapsedColumn(), **options)

    def reporter(progress: Progress, description: str) -> Report:
        tasks: list[TaskID] = []

        def report(done: int, total: int | None) -> None:
            if not tasks:
                progress.start()
                tasks.append(progress.add_task(description, total=total))
            progress.update(tasks[0], completed=done, total=total)

        return report

    try:
        yield reporter(rows, "rows"), reporter(size, "download")
    finally:
        rows.stop()
        size.stop()


commands = [geodata]
