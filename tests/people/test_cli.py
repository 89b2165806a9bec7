"""`quietude user|organisation|token …`, through the real command line on a real database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from app.errors import ConflictError, InvalidInputError, NotFoundError
from app.people.cli import organisation, token, user
from app.people.passwords import verify_password

PASSWORD = "douze-caracteres"
Run = Callable[..., Result]


@pytest.fixture
def run(app_url: str, engine: Engine, clean: None, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("QUIETUDE_DATABASE_URL", app_url)
    monkeypatch.setenv("QUIETUDE_SECRET_KEY", "x")
    groups = {"user": user, "organisation": organisation, "token": token}

    def go(*words: str, given: str | None = None, fails: type[Exception] | None = None) -> Result:
        result = CliRunner().invoke(groups[words[0]], words[1:], input=given)
        if fails is not None:
            assert isinstance(result.exception, fails), result.output
        else:
            assert result.exit_code == 0, (result.output, result.exception)
        return result

    go("organisation", "create", "--slug", "ville", "--name", "Ville", "--kind", "city")
    return go


def _create(run: Run, email: str = "Marie@Example.org", given: str | None = PASSWORD + "\n", **more: Any) -> Result:
    words = ("user", "create", "--email", email, "--role", "agent", "--organisation", "ville", "--password-stdin")
    return run(*words, given=given, **more)


def test_create_user_and_list(run: Run, engine: Engine) -> None:
    _create(run)
    assert run("user", "list").stdout == "marie@example.org\tagent\tville\tactive\n"
    with engine.connect() as connection:
        assert verify_password(connection.scalar(text("SELECT password FROM account")), PASSWORD)


def test_nothing_is_made_twice(run: Run, engine: Engine) -> None:
    _create(run)
    _create(run, "marie@EXAMPLE.org", given="another-password\n", fails=ConflictError)
    run("organisation", "create", "--slug", "ville", "--name", "Other", "--kind", "police", fails=ConflictError)
    with engine.connect() as connection:
        assert verify_password(connection.scalar(text("SELECT password FROM account")), PASSWORD)
    assert run("organisation", "list").stdout == "ville\tcity\tVille\n"


def test_password_is_asked_twice_and_not_shown(run: Run) -> None:
    words = ("user", "create", "--email", "a@example.org", "--role", "agent", "--organisation", "ville")
    result = run(*words, given=f"{PASSWORD}\n{PASSWORD}\n")
    assert PASSWORD not in result.output
    CliRunner().invoke(user, words[1:], input=f"{PASSWORD}\nother\n")
    assert run("user", "list").stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("email", "given"),
    [("no-address", PASSWORD), ("a@example.org", "too-short"), ("a@example.org", "x" * 129), ("a@example.org", "")],
)
def test_bad_input_makes_nothing(run: Run, email: str, given: str) -> None:
    words = ("create", "--email", email, "--role", "agent", "--organisation", "ville", "--password-stdin")
    assert CliRunner().invoke(user, words, input=given).exit_code != 0
    assert run("user", "list").stdout == ""


def test_unknown_organisation_is_named(run: Run) -> None:
    words = ("user", "create", "--email", "a@example.org", "--role", "agent", "--organisation", "nowhere")
    result = run(*words, "--password-stdin", given=PASSWORD, fails=InvalidInputError)
    assert isinstance(result.exception, InvalidInputError)
    assert result.exception.errors[0].field == "organisation"
    assert "nowhere" in result.exception.errors[0].message


def test_token_alone_on_stdout(run: Run, engine: Engine) -> None:
    _create(run)
    result = run("token", "create", "--email", "MARIE@example.org", "--scope", "read", "--name", "QGIS", "--days", "7")
    secret = result.stdout.rstrip("\n")
    assert secret.startswith("qt_")
    assert len(secret) == 46
    assert "Authorization" in result.stderr
    listed = run("token", "list").stdout.rstrip("\n").split("\t")
    assert listed[1:6] == ["marie@example.org", "read", "QGIS", "valid", "never"]
    assert listed[6].startswith("20")
    assert listed[7] == "usual"
    assert secret not in listed
    run("token", "revoke", listed[0])
    assert "revoked" in run("token", "list").stdout
    run("token", "revoke", listed[0], fails=NotFoundError)


def test_a_token_gets_a_limit_of_its_own(run: Run) -> None:
    _create(run)
    run("token", "create", "--email", "marie@example.org", "--scope", "read", "--limit", "1200")

    def shown() -> list[str]:
        return run("token", "list", "--email", "marie@example.org").stdout.rstrip("\n").split("\t")

    assert shown()[6:] == ["never", "1200"]
    token_id = shown()[0]
    run("token", "limit", token_id, "60")
    assert shown()[7] == "60"
    run("token", "limit", token_id, "usual")
    assert shown()[7] == "usual"
    for bad in ("0", "-1", "many", "1000001"):
        run("token", "limit", "--", token_id, bad, fails=InvalidInputError)
    run("token", "limit", "018f3f0e-5c1d-7c5a-9d3e-1f2a3b4c5d6e", "60", fails=NotFoundError)
    assert run("token", "list", "--email", "paul@example.org").stdout == ""


def test_token_for_nobody(run: Run) -> None:
    run("token", "create", "--email", "nobody@example.org", "--scope", "read", fails=NotFoundError)


def test_deactivate_and_new_password(run: Run, engine: Engine) -> None:
    _create(run)
    run("user", "password", "--email", "marie@example.org", "--password-stdin", given="another-password\n")
    with engine.connect() as connection:
        assert verify_password(connection.scalar(text("SELECT password FROM account")), "another-password")
    run(
        "user", "password", "--email", "marie@example.org", "--password-stdin", given="short\n", fails=InvalidInputError
    )
    with engine.connect() as connection:
        assert verify_password(connection.scalar(text("SELECT password FROM account")), "another-password")
    assert run("user", "deactivate", "--email", "marie@example.org").stdout == "deactivated marie@example.org\n"
    assert "already" in run("user", "deactivate", "--email", "marie@example.org").stdout
    assert run("user", "list").stdout.endswith("deactivated\n")
    run("user", "deactivate", "--email", "nobody@example.org", fails=NotFoundError)


def test_they_are_part_of_the_command_line() -> None:
    from app.people.cli import commands

    assert [command.name for command in commands] == ["user", "organisation", "token"]
