"""`quietude export …`: the exports from the shell, with the same statement and the same rules as over HTTP."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from werkzeug.datastructures import MultiDict

from app.cli_context import open_engine
from app.db.session import unit_of_work
from app.exports.actions import Export, Watch, export_events, export_interventions, export_patrols, export_reports
from app.exports.commands import parse_export, parse_intervention_export, parse_patrol_export
from app.exports.formats import FORMATS, Format
from app.exports.store import count_events, count_interventions, count_patrols, count_reports
from app.heat.takeaway_cli import map_command
from app.interventions.store import kinds
from app.nomenclature.store import load_nomenclature
from app.people.actor import Actor
from app.web.context import services

# Whoever may open the database from the shell may read it; what leaves by default is still what a planner sees.
PLANNER = Actor("planner", user_id=0)
COORDINATOR = Actor("coordinator", user_id=0)
# A pipe's other end may take its time.
STALLED_S = 12 * 3600.0

_FILTERS = {
    "theme": "Theme codes, separated by commas.",
    "category": "Category codes, separated by commas.",
    "from": "First day observed, YYYY-MM-DD.",
    "to": "Last day observed, YYYY-MM-DD, inclusive.",
    "state": "States, separated by commas.",
    "severity": "At least this severity, 1 to 4.",
    "bbox": "west,south,east,north in degrees.",
    "organisation": "Slug of the organisation that answers for them.",
    "datetime": "When observed: a time, a day, or two of them with a slash between.",
    "filter": "What else must hold, in CQL2 (names as the columns, and geometry).",
}
_INTERVENTION_FILTERS = {
    "kind": "Codes of kinds, separated by commas.",
    "state": "States, separated by commas.",
    "organisation": "Slug of the organisation that does them.",
    "from": "First day, YYYY-MM-DD.",
    "to": "Last day, YYYY-MM-DD, inclusive.",
    "neighbourhood": "Number of the place.",
    "bbox": "west,south,east,north in degrees.",
    "datetime": "When planned to begin: a time, a day, or two of them with a slash between.",
    "filter": "What else must hold, in CQL2 (names as the columns, and geometry).",
}


_PATROL_FILTERS = {
    "kind": "Kinds of rounds (round, walk, free), separated by commas.",
    "state": "States of rounds, separated by commas.",
    "organisation": "Slug of the organisation that goes.",
    "from": "First day, YYYY-MM-DD.",
    "to": "Last day, YYYY-MM-DD, inclusive.",
    "bbox": "west,south,east,north in degrees.",
    "datetime": "When passed: a time, a day, or two of them with a slash between.",
    "filter": "What else must hold, in CQL2 (names as the columns, and geometry).",
}


@click.group()
def export() -> None:
    """Data out, in bulk."""


def _options(filters: Mapping[str, str]) -> list[click.Parameter]:
    """FILE, the filters, and whose eyes."""
    return [
        click.Argument(["file"], type=click.Path(dir_okay=False, allow_dash=True)),
        *(click.Option([f"--{name}", f"filter_{name}"], help=what, default="") for name, what in filters.items()),
        click.Option(["--restricted"], is_flag=True, help="Restricted ones too, as a coordinator sees them."),
    ]


def _parameters(filters: Mapping[str, str]) -> MultiDict[str, str]:
    """The options as the query parameters that HTTP has."""
    return MultiDict({name.removeprefix("filter_"): value for name, value in filters.items()})


@export.command("reports", params=_options(_FILTERS))
@click.option("--format", "format_", type=click.Choice([*FORMATS]), default="geojson", show_default=True)
def reports(file: str, restricted: bool, format_: str, **filters: str) -> None:  # noqa: FBT001
    """Write the reports that a planner sees to FILE, `-` for standard output."""
    actor = COORDINATOR if restricted else PLANNER
    with open_engine() as engine:
        with unit_of_work(engine, actor) as uow:
            chosen = parse_export(_parameters(filters), load_nomenclature(uow.connection))
            total = count_reports(uow, chosen)
        with _words(FORMATS[format_]):
            _write(file, partial(export_reports, engine, actor, chosen, FORMATS[format_]), "reports", total)


@export.command("interventions", params=_options(_INTERVENTION_FILTERS))
@click.option("--format", "format_", type=click.Choice([*FORMATS]), default="geojson", show_default=True)
def interventions(file: str, restricted: bool, format_: str, **filters: str) -> None:  # noqa: FBT001
    """Write the interventions that a planner sees to FILE, `-` for standard output."""
    actor = COORDINATOR if restricted else PLANNER
    with open_engine() as engine:
        with unit_of_work(engine, actor) as uow:
            known = {kind.code for kind in kinds(uow.connection)}
            chosen = parse_intervention_export(_parameters(filters), known)
            total = count_interventions(uow, chosen)
        with _words(FORMATS[format_]):
            _write(file, partial(export_interventions, engine, actor, chosen, FORMATS[format_]), "interventions", total)


@export.command("patrols", params=_options(_PATROL_FILTERS))
@click.option("--format", "format_", type=click.Choice([*FORMATS]), default="geojson", show_default=True)
def patrols(file: str, restricted: bool, format_: str, **filters: str) -> None:  # noqa: FBT001
    """Write the rounds' passages, and the stops that nobody has passed, to FILE, `-` for standard output."""
    actor = COORDINATOR if restricted else PLANNER
    with open_engine() as engine:
        chosen = parse_patrol_export(_parameters(filters))
        with unit_of_work(engine, actor) as uow:
            total = count_patrols(uow, chosen)
        with _words(FORMATS[format_]):
            _write(file, partial(export_patrols, engine, actor, chosen, FORMATS[format_]), "patrols", total)


@export.command("events", params=_options(_FILTERS))
def events(file: str, restricted: bool, **filters: str) -> None:  # noqa: FBT001
    """Write the histories of the reports that a planner sees to FILE as CSV, `-` for standard output."""
    actor = COORDINATOR if restricted else PLANNER
    with open_engine() as engine:
        with unit_of_work(engine, actor) as uow:
            chosen = parse_export(_parameters(filters), load_nomenclature(uow.connection))
            total = count_events(uow, chosen)
        _write(file, partial(export_events, engine, actor, chosen), "events", total)


@contextmanager
def _words(format_: Format) -> Iterator[None]:
    """French around the making of a format that has words of its own."""
    if not format_.has_legend:
        yield
        return
    # The whole application takes a second to import, and the other formats have no use for it.
    from flask_babel import force_locale  # noqa: PLC0415

    from app import create_app  # noqa: PLC0415
    from app.settings import load_settings  # noqa: PLC0415

    app = create_app(load_settings())
    with app.app_context(), force_locale("fr"):
        try:
            yield
        finally:
            services().engine.dispose()


def _write(file: str, begin: Callable[[Watch], Export], what: str, total: int) -> None:
    """The whole export into its file, with progress; every mishap is one line."""
    try:
        with _target(file) as target, _shown(what, total) as (on_rows, on_bytes):
            made = begin(Watch(stalled_s=STALLED_S, on_rows=on_rows))
            try:
                for chunk in made:
                    target.write(chunk)
                    on_bytes(len(chunk))
            finally:
                made.close()
    except BrokenPipeError:
        # `quietude export reports - | head`: what reads has enough. Nothing may be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from None


@contextmanager
def _shown(what: str, total: int) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """A progress bar on standard error; it hears how many rows came from the database, and how many bytes went out."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[megabytes]:.0f} MB"),
    )
    size = 0
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total, megabytes=0)

        def on_bytes(count: int) -> None:
            nonlocal size
            size += count
            progress.update(task, megabytes=size / 1e6)

        yield lambda rows: progress.update(task, advance=rows), on_bytes
        progress.update(task, completed=total)


@contextmanager
def _target(file: str) -> Iterator[BinaryIO]:
    """Where the bytes go. A file appears under its name only when it is whole."""
    if file == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(file)
    if path.exists() and not path.is_file():  # a pipe or a device cannot be renamed over
        with path.open("wb") as device:
            yield device
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


export.add_command(map_command)

commands = [export]
