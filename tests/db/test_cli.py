"""The command line as a person meets it: a process, its two outputs and its exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from app.cli import main

from .conftest import Make

Run = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).parents[2]


def quietude(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command from another folder, with a var directory inside `folder`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("QUIETUDE_")}
    settings = {"QUIETUDE_VAR_DIR": str(folder / "var"), "PYTHONPATH": "/nonexistent"}
    return subprocess.run(
        [sys.executable, "-P", str(ROOT / "tools/quietude.py"), *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env=kept | settings | environment,
        timeout=120,
    )


def said(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    *arguments: str,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """The same in this process: starting Python anew for every wrong setting takes its time."""
    for key in [key for key in os.environ if key.startswith("QUIETUDE_")]:
        monkeypatch.delenv(key)
    for key, value in ({"QUIETUDE_VAR_DIR": str(folder / "var")} | environment).items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(sys, "argv", ["quietude", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    return subprocess.CompletedProcess(arguments, int(ended.value.code or 0), out, err)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> Run:
    """`run("db", "up", QUIETUDE_X="…")`."""
    return partial(said, capsys, monkeypatch, folder)


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("quietude: ")
    for word in words:
        assert word in done.stderr


def test_up_migrate_backup_restore_down(make: Make, folder: Path) -> None:
    make()  # only its files: the commands start and stop it
    up = quietude(folder, "db", "up")
    assert (up.returncode, up.stderr) == (0, "")
    assert up.stdout.startswith("started: psql 'postgresql://quietude_app@/quietude")
    assert quietude(folder, "db", "up").stdout.startswith("runs already: ")
    assert quietude(folder, "db", "migrate").stdout == "the schema is up to date\n"
    assert quietude(folder, "db", "backup", "b.dump").stdout.startswith("b.dump: ")
    assert_one_line(quietude(folder, "db", "backup", "b.dump"), "exists already")
    assert quietude(folder, "db", "restore", "b.dump").stdout == "restored from b.dump: database and 0 photos\n"
    assert quietude(folder, "db", "down").stdout == "stopped\n"
    assert quietude(folder, "db", "down").stdout == "it did not run\n"


def test_a_file_that_is_not_a_backup_is_one_line(make: Make, run: Run, folder: Path) -> None:
    make()
    missing = run("db", "restore", "missing.dump")
    assert missing.returncode == 2
    assert "does not exist" in missing.stderr
    (folder / "not-a.dump").write_text("hello")
    assert_one_line(run("db", "restore", str(folder / "not-a.dump")), "not-a.dump is not a whole backup")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("QUIETUDE_PORT", "eighty", ["QUIETUDE_PORT"]),
        ("QUIETUDE_PORT", "70000", ["QUIETUDE_PORT", "65535"]),
        ("QUIETUDE_PROT", "8000", ["QUIETUDE_PROT", "no such setting"]),
        ("QUIETUDE_DATABASE_URL", "mysql://x/y", ["QUIETUDE_DATABASE_URL", "postgresql://"]),
        ("QUIETUDE_VAR_DIR", "/proc/nowhere", ["QUIETUDE_VAR_DIR"]),
        ("QUIETUDE_DEMO_PASSWORD", "short", ["QUIETUDE_DEMO_PASSWORD"]),
    ],
)
def test_a_wrong_setting_is_one_line(run: Run, name: str, value: str, words: list[str]) -> None:
    for command in (["serve"], ["db", "migrate"]):
        assert_one_line(run(*command, **{name: value}), *words)


def test_secrets_are_not_repeated_in_errors(run: Run) -> None:
    done = run("db", "migrate", QUIETUDE_DEMO_PASSWORD="seven77")
    assert_one_line(done, "QUIETUDE_DEMO_PASSWORD")
    assert "seven77" not in done.stderr


def test_a_server_of_ones_own_that_does_not_answer_is_one_line(run: Run, folder: Path) -> None:
    url = f"postgresql://nobody@/nothing?host={folder}"
    assert_one_line(run("db", "migrate", QUIETUDE_DATABASE_URL=url), "the database does not answer")
    for command in (["up"], ["down"], ["backup", "x"]):
        done = run("db", *command, QUIETUDE_DATABASE_URL=url)
        assert_one_line(done, "QUIETUDE_DATABASE_URL is set", "embedded")


def test_a_broken_data_directory_is_one_line(make: Make, run: Run) -> None:
    cluster = make()
    (cluster.data_dir / "PG_VERSION").write_text("99\n")
    assert_one_line(run("db", "up"), "made by PostgreSQL 99", "apt install")
    (cluster.data_dir / "PG_VERSION").write_text("fifteen\n")
    assert_one_line(run("db", "up"), "damaged")


def test_help_names_every_command_of_the_contract(run: Run) -> None:
    said = run("--help").stdout
    for command in ("serve", "db", "geodata", "demo", "user", "organisation", "token", "import", "export"):
        assert f"\n  {command} " in said
    said = run("db", "--help").stdout
    for command in ("up", "down", "migrate", "backup", "restore"):
        assert f"\n  {command} " in said


def test_an_unknown_command_says_so(run: Run) -> None:
    done = run("fly")
    assert done.returncode == 2
    assert "No such command 'fly'" in done.stderr
