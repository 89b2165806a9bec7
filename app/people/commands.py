"""Untrusted input about people → one frozen command each."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext as _
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from app.errors import FieldError, InvalidInputError
from app.people.passwords import MAX_LENGTH, MIN_LENGTH

OrganisationKind = Literal[
    "landlord",
    "transport_operator",
    "city",
    "metropole",
    "prefecture",
    "police",
    "school_authority",
    "health",
    "public_service",
    "association",
]
MAX_TOKEN_DAYS = 3660
MAX_TOKEN_LIMIT = 1_000_000


def normalise_email(value: str) -> str:
    """The address in the one form that is stored: normalised, lower case. No look-up in the DNS.

    Raises:
        ValueError: it is not an address.

    """
    try:
        return validate_email(value.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        raise ValueError("not an e-mail address") from None


Email = Annotated[str, AfterValidator(normalise_email)]
# Control characters have no place in a name, and a null byte would be refused by the database.
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Slug = Annotated[str, StringConstraints(max_length=60, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewOrganisation(_Command):
    """An organisation to create."""

    slug: Slug
    name: Name
    kind: OrganisationKind
    is_synthetic: bool = False


class NewAccount(_Command):
    """An account to create."""

    email: Email
    role: Literal["agent", "partner", "planner", "coordinator", "admin"]
    organisation: Slug
    display_name: Name | None = None
    password: str = Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH, repr=False)


class NewToken(_Command):
    """A token to create, for the account that asks."""

    name: Name
    scope: Literal["read", "write"]
    days: int | None = Field(default=None, ge=1, le=MAX_TOKEN_DAYS)


class TokenLimit(_Command):
    """How many requests a minute a token may make; None: the usual number."""

    limit: int | None = Field(default=None, ge=1, le=MAX_TOKEN_LIMIT)


Command = TypeVar("Command", bound=_Command)


def parse(kind: type[Command], values: dict[str, Any]) -> Command:
    """Read `values` as a command.

    Raises:
        InvalidInputError: one message per field, in the reader's language.

    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        seen = {str(item["loc"][0]): _message(item["type"], item.get("ctx", {})) for item in error.errors()}
        raise InvalidInputError([FieldError(field, message) for field, message in seen.items()]) from None


def _message(kind: str, context: dict[str, Any]) -> str:
    match kind:
        case "string_too_short" if context.get("min_length") == MIN_LENGTH:
            said = _("At least %(count)s characters, please.", count=MIN_LENGTH)
        case "string_too_long":
            said = _("At most %(count)s characters, please.", count=context["max_length"])
        case "literal_error":
            said = _("Choose one of: %(choices)s.", choices=context["expected"])
        case "int_parsing" | "int_from_float" | "greater_than_equal" | "less_than_equal":
            said = _("A whole number from 1 to %(most)s, please.", most=context.get("le", MAX_TOKEN_DAYS))
        case "missing" | "string_too_short":
            said = _("Please fill this in.")
        case "value_error":
            said = _("This is not an e-mail address.")
        case _other:
            said = _("This cannot be accepted.")
    return str(said)
