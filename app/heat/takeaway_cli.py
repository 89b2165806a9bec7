"""`quietude export map FILE`: the map to take along from the shell, as HTML, PNG or PDF by the file's ending."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from app.heat.takeaway import Kind

_FILTERS = {
    "theme": "Theme codes, separated by commas.",
    "category": "Category codes, separated by commas.",
    "from": "First day observed, YYYY-MM-DD.",
    "to": "Last day observed, YYYY-MM-DD, inclusive.",
    "state": "States, separated by commas.",
    "severity": "At least this severity, 1 to 4.",
    "organisation": "Slug of the organisation that answers.",
    "measure": "count, weighted, per_exposure, significance or change.",
    "exposure": "For per_exposure: residents, dwellings, stops or patrols.",
    "half_life": "For weighted: days after which a report counts half.",
    "against": "For change: before or year.",
    "bandwidth": "Smoothing in metres.",
    "by": "What the table goes by: neighbourhood, iris, qpv or stop.",
    "bbox": "What to show: west,south,east,north in degrees.",
    "size": "Of a PNG: WIDTHxHEIGHT in pixels.",
}
_SCOPES = {"public": "public", "partners": "partner", "coordination": "coordinator"}
_OPTIONS = [
    click.Option([f"--{name.replace('_', '-')}", f"filter_{name}"], help=what, default="")
    for name, what in _FILTERS.items()
]


@click.command("map", params=_OPTIONS)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--scope", type=click.Choice(list(_SCOPES)), default="public", show_default=True, help="Who it is made for."
)
@click.option("--language", type=click.Choice(["fr", "en"]), default="fr", show_default=True)
def map_command(file: Path, scope: str, language: str, **filters: str) -> None:
    """Write the heat map to FILE: .html (one file that needs no network), .png or .pdf."""
    kind = file.suffix.lower().removeprefix(".")
    if kind not in {"html", "png", "pdf"}:
        raise click.BadParameter("choose a name that ends in .html, .png or .pdf", param_hint="FILE")
    args = {name.removeprefix("filter_"): value for name, value in filters.items() if value}
    body = _made(kind, scope, language, args)  # type: ignore[arg-type]
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        part.write_bytes(body)
        part.replace(file)
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    click.echo(f"{file}: {len(body) / 1000:,.0f} kB", err=True)


def _made(kind: Kind, scope: str, language: str, args: dict[str, str]) -> bytes:
    # What draws takes a second to import, and `quietude export reports` has no use for it.
    from flask_babel import force_locale  # noqa: PLC0415

    from app import create_app  # noqa: PLC0415
    from app.cli_context import open_engine  # noqa: PLC0415
    from app.heat.takeaway import made  # noqa: PLC0415
    from app.heat.takeaway_routes import order_of  # noqa: PLC0415
    from app.heat.viewer import COORDINATOR, PARTNER, PUBLIC  # noqa: PLC0415
    from app.settings import load_settings  # noqa: PLC0415
    from app.web.context import services  # noqa: PLC0415

    viewers = {viewer.name: viewer for viewer in (PUBLIC, PARTNER, COORDINATOR)}
    with open_engine() as engine:
        app = create_app(load_settings())
        with app.app_context(), force_locale(language):
            try:
                return made(order_of(args, viewers[_SCOPES[scope]]), kind, engine)  # type: ignore[index]
            finally:
                services().engine.dispose()
