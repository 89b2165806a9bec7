"""The `quietude` command: the commands of every domain, and errors in one line."""

from __future__ import annotations

import sys
from importlib import import_module

import click
from sqlalchemy.exc import OperationalError

from app.errors import (
    BadRequestError,
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    NotSignedInError,
    QuietudeError,
    SettingsError,
)

# Each command is imported when it is asked for: `quietude db up` needs neither Flask nor GDAL.
COMMANDS = {
    "serve": "app.serve",
    "db": "app.db.cli",
    "user": "app.people.cli",
    "organisation": "app.people.cli",
    "token": "app.people.cli",
    "geodata": "app.places.cli",
    "import": "app.reports.cli",
    "demo": "app.reports.cli",
    "reports": "app.reports.cli",
    "export": "app.exports.cli",
    "photos": "app.photos.cli",
    "worker": "app.worker",
    "jobs": "app.jobs.cli",
    "open311": "app.open311.cli",
}


class LazyGroup(click.Group):
    """The commands of every domain, by name."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """In the order above."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        commands: list[click.Command] = import_module(COMMANDS[cmd_name]).commands
        if cmd_name == "geodata":
            _locate_reports_after_imports()
        if cmd_name == "demo":
            _load_more_after_demo()
        return next(command for command in commands if command.name == cmd_name)


def _locate_reports_after_imports() -> None:
    """New geography means new neighbourhoods: said here, because places do not know what lies on them."""
    after_import = import_module("app.places.actions").AFTER_IMPORT
    for domain in ("reports", "interventions"):
        locate_again = import_module(f"app.{domain}.actions").locate_again
        if locate_again not in after_import:
            after_import.append(locate_again)


def _load_more_after_demo() -> None:
    """What is synthetic besides reports: said here, because reports do not know what stands on them."""
    after_demo = import_module("app.reports.demo").AFTER_DEMO
    for domain in ("interventions", "patrols"):
        load_more = getattr(import_module(f"app.{domain}.demo"), f"load_demo_{domain}")
        if load_more not in after_demo:
            after_demo.append(load_more)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version="0.1.0", prog_name="quietude")
def quietude() -> None:
    """Quiétude: a register of public-space defects and tranquillity issues, with heat maps."""


def describe(error: QuietudeError) -> str:
    """An error as one line for the terminal."""
    match error:
        case InvalidInputError():
            said = "; ".join(f"{refused.field}: {refused.message}" for refused in error.errors)
        case BadRequestError():
            said = f"{error.parameter}: {error.message}"
        case NotFoundError():
            said = f"no such {error.what}" + ("" if error.key is None else f": {error.key}")
        case ForbiddenError():
            said = f"not allowed: {error.what}"
        case NotSignedInError():
            said = "this needs an account"
        case ConflictError():
            said = error.message
        case SettingsError() | ClusterError() | _:
            said = str(error)
    return " ".join(said.split()) or type(error).__name__


def main() -> None:
    """Entry point of .venv/bin/quietude: what goes wrong on purpose is one line on stderr and exit status 1."""
    try:
        status = quietude.main(prog_name="quietude", standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except QuietudeError as error:
        click.echo(f"quietude: {describe(error)}", err=True)
        sys.exit(1)
    except OperationalError as error:
        said = " ".join(str(error.orig).split())
        click.echo(f"quietude: the database does not answer or refuses: {said}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
