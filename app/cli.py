"""The `quietude` command: the commands of every domain, and errors in one line."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec

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

MODULES = (
    "app.serve",
    "app.db.cli",
    "app.people.cli",
    "app.places.cli",
    "app.nomenclature.cli",
    "app.reports.cli",
    "app.exports.cli",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=None, version="0.1.0", prog_name="quietude")
def quietude() -> None:
    """Quiétude: a register of public-space defects and tranquillity issues, with heat maps."""


def compose() -> click.Group:
    """The whole command line. Two domains may share a group by giving it the same name."""
    for module in MODULES:
        if find_spec(module) is None:
            continue
        for command in import_module(module).commands:
            existing = quietude.commands.get(command.name)
            if isinstance(existing, click.Group) and isinstance(command, click.Group):
                for part in command.commands.values():
                    existing.add_command(part)
            else:
                quietude.add_command(command)
    return quietude


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
        status = compose().main(prog_name="quietude", standalone_mode=False)
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
