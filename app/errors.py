"""The one tree of errors. An error names a fact; STATUS says which HTTP status it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field


class QuietudeError(Exception):
    """Base of every error that the product raises on purpose."""


class SettingsError(QuietudeError):
    """A setting is unknown, missing or wrong; the text is one line for the terminal."""


class ClusterError(QuietudeError):
    """The embedded PostGIS cluster cannot be made, started or stopped; one line for the terminal."""


@dataclass
class GeodataError(QuietudeError):
    """A file of reference geography is not imported, and nothing was changed; one line for the terminal.

    `refused` has the rows that were refused until then (app.places.importing.RefusedRow).
    """

    message: str
    refused: tuple[object, ...] = ()

    def __str__(self) -> str:
        return self.message


class NoTerritoryError(QuietudeError):
    """No commune is marked as the territory, so no report can be placed; one line for the terminal."""


@dataclass
class NotFoundError(QuietudeError):
    """No such thing, or none that this actor may see (the two are never told apart)."""

    what: str
    key: object = None


@dataclass
class ForbiddenError(QuietudeError):
    """Who is asking may not do this."""

    what: str


@dataclass
class NotSignedInError(QuietudeError):
    """Nobody is signed in and the thing asked for needs an account or a token."""


@dataclass
class ConflictError(QuietudeError):
    """The request contradicts what is already stored."""

    message: str


class ChangedError(ConflictError):
    """What is to be changed is no longer as it was seen: somebody else changed it meanwhile."""


@dataclass(frozen=True)
class FieldError:
    """One refused field: its name as the client sent it, and a sentence in the reader's language."""

    field: str
    message: str
    code: str = "invalid"


@dataclass
class InvalidInputError(QuietudeError):
    """Untrusted input was refused; one message per field."""

    errors: list[FieldError] = field(default_factory=list)


@dataclass
class BadRequestError(QuietudeError):
    """A query parameter is out of range; the parameter is named."""

    parameter: str
    message: str


STATUS: dict[type[QuietudeError], int] = {
    NotSignedInError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    InvalidInputError: 422,
    BadRequestError: 400,
}
