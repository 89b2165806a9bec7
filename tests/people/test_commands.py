"""Untrusted input about people."""

from __future__ import annotations

import re

import pytest

from app.errors import InvalidInputError
from app.people.commands import NewAccount, NewOrganisation, NewToken, normalise_email, parse

GOOD = {"email": "a@example.org", "role": "agent", "organisation": "ville", "password": "douze-caracteres"}


@pytest.mark.parametrize(
    ("given", "stored"),
    [("A@Example.ORG", "a@example.org"), (" agent@demo.quietude ", "agent@demo.quietude")],
)
def test_addresses_are_stored_in_one_form(given: str, stored: str) -> None:
    assert normalise_email(given) == stored


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "a@b@c"),
        ("email", "a\x00@example.org"),
        ("email", ""),
        ("role", "public"),
        ("role", "system"),
        ("organisation", "Ville d'Amiens"),
        ("password", "onze-lettre"),
        ("display_name", "line\nbreak"),
        ("display_name", "   "),
        ("is_admin", "1"),
    ],
)
def test_refusals_name_the_field(field: str, value: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse(NewAccount, {**GOOD, field: value})
    assert [error.field for error in refused.value.errors] == [field]
    assert refused.value.errors[0].message


def test_password_is_not_in_the_text_of_a_command() -> None:
    assert GOOD["password"] not in repr(parse(NewAccount, GOOD))


def test_days_and_kind() -> None:
    assert parse(NewToken, {"name": "x", "scope": "read", "days": "7"}).days == 7
    with pytest.raises(InvalidInputError):
        parse(NewToken, {"name": "x", "scope": "read", "days": 3661})
    with pytest.raises(InvalidInputError):
        parse(NewOrganisation, {"slug": "x", "name": "X", "kind": "circus"})


def test_what_is_too_long_is_told_how_long_it_may_be() -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse(NewAccount, {**GOOD, "password": "x" * 5_000})
    [error] = refused.value.errors
    assert error.field == "password"
    assert re.fullmatch(r"At most \d+ characters, please\.", error.message)
