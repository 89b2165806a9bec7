"""Files without rows, rows without files, and what a kill leaves between the two."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import text

from app.db.session import unit_of_work
from app.errors import ConflictError
from app.people.actor import Actor
from app.photos import actions, cli, sandbox, store
from app.photos.actions import Archive
from app.photos.cli import photos_group
from app.photos.files import PhotoFiles
from app.photos.store import SUBJECTS
from tests.photos.conftest import added, files_in, send
from tests.photos.samples import jpeg
from tests.photos.test_row_security import row

Headers = Callable[[str], dict[str, str]]
DAY_S = 86_400.0
_WAITING = text("SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)")


def age(folder: Path, seconds: float = 2 * DAY_S) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - seconds,) * 2)


def cleaned(kept: Archive, **options: bool) -> actions.Cleaning:
    return actions.clean(kept, older_than_s=DAY_S, now_s=time.time(), **options)


class Killed(BaseException):
    """What a kill looks like from inside: nothing after it runs but the rollback."""


def test_a_kill_between_file_and_row_leaves_an_orphan_and_a_retry_heals_it(
    client: FlaskClient, report: str, headers: Headers, kept: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, photo_id = kept.files.root, "018f3f0e-5c1d-4c5a-9d3e-1f2a3b4c5d6e"

    def die(*_arguments: object) -> bool:
        raise Killed

    monkeypatch.setattr(store, "add_photo", die)
    with pytest.raises(Killed):
        send(client, report, headers("agent"), photo_id=photo_id)
    monkeypatch.undo()
    assert len(files_in(folder)) == 1
    assert client.get(f"/photos/{photo_id}", headers=headers("agent")).status_code == 404
    assert cleaned(kept) == actions.Cleaning(0, ())  # too young: its row may be on the way
    assert send(client, report, headers("agent"), photo_id=photo_id).status_code == 201
    age(folder)
    assert cleaned(kept) == actions.Cleaning(0, ())
    assert client.get(f"/photos/{photo_id}", headers=headers("agent")).status_code == 200


def test_orphans_and_unfinished_files_go_when_they_are_old(
    client: FlaskClient, report: str, headers: Headers, kept: Archive
) -> None:
    folder = kept.files.root
    photo_id = added(client, report, headers("agent"))
    [wanted] = files_in(folder)
    kept.files.write(bytes(32), actions._decoded(jpeg(40, 40)))
    (folder / "tmp" / "half").write_bytes(b"half a picture")
    assert cleaned(kept).removed == 0
    age(folder)
    assert cleaned(kept, dry_run=True) == actions.Cleaning(2, ())
    assert len(files_in(folder)) == 2
    assert cleaned(kept) == actions.Cleaning(2, ())
    assert files_in(folder) == [wanted]
    assert list((folder / "tmp").iterdir()) == []
    assert client.get(f"/photos/{photo_id}/thumb", headers=headers("agent")).status_code == 200


def test_a_row_whose_file_is_lost_is_reported(
    client: FlaskClient, report: str, headers: Headers, kept: Archive
) -> None:
    photo_id = added(client, report, headers("agent"))
    next(kept.files.root.rglob("*.thumb.jpg")).unlink()
    assert [str(found) for found in cleaned(kept).missing] == [photo_id]


def test_a_file_that_gets_its_row_during_the_cleaning_stays(
    client: FlaskClient, report: str, headers: Headers, kept: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of needed files is read before the row is there: the second look, under the lock, must see it."""
    photo_id = added(client, report, headers("agent"))
    age(kept.files.root)
    monkeypatch.setattr(store, "needed_files", lambda _connection: {})
    assert cleaned(kept).removed == 0
    assert client.get(f"/photos/{photo_id}", headers=headers("agent")).status_code == 200


def test_cleaning_waits_for_an_upload_of_the_same_picture(
    client: FlaskClient, report: str, headers: Headers, kept: Archive, actor_of: Callable[[str], Actor]
) -> None:
    """The file is old and nobody needs it yet; whoever is about to need it holds the lock."""
    agent = actor_of("agent")
    picture = actions._decoded(jpeg(40, 40))
    sha256 = hashlib.sha256(picture.jpeg).digest()
    kept.files.write(sha256, picture)
    age(kept.files.root)
    done: list[actions.Cleaning] = []
    cleaner = threading.Thread(target=lambda: done.append(cleaned(kept)))
    with unit_of_work(kept.engine, agent) as uow:
        store.lock_file(uow.connection, sha256)
        cleaner.start()
        while not uow.connection.execute(_WAITING).scalar_one():
            cleaner.join(0.02)
            assert cleaner.is_alive(), "it did not wait"
        assert store.add_photo(uow.connection, SUBJECTS["reports"], row(report, agent, sha256=sha256))
    cleaner.join()
    assert done == [actions.Cleaning(0, ())]
    assert kept.files.has(sha256)


def test_no_room_and_no_turn_are_503_and_leave_neither_file_nor_row(
    client: FlaskClient, report: str, headers: Headers, kept: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    answer = send(client, report, headers("agent"))
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert "Retry-After" in answer.headers
    monkeypatch.undo()
    assert [path for path in kept.files.root.rglob("*") if path.is_file()] == []
    monkeypatch.setattr(sandbox, "WAIT_S", 0.0)
    with sandbox._turn:
        assert send(client, report, headers("agent")).status_code == 503
    listed = client.get(f"/api/reports/{report}/photos", headers=headers("agent"))
    assert listed.get_json() == {"photos": []}


def test_the_command_says_what_it_did(
    client: FlaskClient, report: str, headers: Headers, kept: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    added(client, report, headers("agent"))
    kept.files.write(bytes(32), actions._decoded(jpeg(40, 40)))
    age(kept.files.root)
    url = kept.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("QUIETUDE_DATABASE_URL", url)
    monkeypatch.setenv("QUIETUDE_VAR_DIR", str(kept.files.root.parent))
    run = CliRunner()
    assert "1 picture files would be removed" in run.invoke(photos_group, ["clean", "--dry-run"]).output
    done = run.invoke(photos_group, ["clean"])
    assert (done.exit_code, done.output) == (0, "1 picture files removed\n")
    for path in kept.files.root.rglob("*.jpg"):
        path.unlink()
    lost = run.invoke(photos_group, ["clean"])
    assert isinstance(lost.exception, ConflictError)
    assert "its file is missing" in lost.output
    assert run.invoke(photos_group, ["clean", "--older-than", "0"]).exit_code == 2
    assert cli.HOUR_S == 3600


def test_a_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = PhotoFiles(tmp_path / "photos")
    picture = actions._decoded(jpeg(40, 40))

    def die(_self: Path, _target: Path) -> Path:
        raise Killed

    monkeypatch.setattr(Path, "rename", die)
    with pytest.raises(Killed):
        files.write(bytes(32), picture)
    monkeypatch.undo()
    assert not files.has(bytes(32))
    files.write(bytes(32), picture)
    files.write(bytes(32), picture)
    assert files.has(bytes(32))
    assert files.path(bytes(32)).read_bytes() == picture.jpeg
