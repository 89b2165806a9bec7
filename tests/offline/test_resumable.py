"""A picture in pieces: what arrived stays, the end of it is the same as in one piece, and it is stored once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.people import limits
from app.photos import resumable
from tests.photos.conftest import added
from tests.photos.samples import jpeg

RAW = jpeg(320, 240)
Headers = Callable[[str], dict[str, str]]


class Phone:
    """Sends pieces of one picture."""

    def __init__(self, client: FlaskClient, report: str, by: dict[str, str], raw: bytes = RAW) -> None:
        self.client, self.by, self.raw, self.id = client, by, raw, str(uuid4())
        self.url = f"/api/reports/{report}/photos/{self.id}"
        self.sha256 = hashlib.sha256(raw).hexdigest()

    def put(self, first: int | None, last: int | None = None, **changes: str) -> TestResponse:
        piece = b"" if first is None else self.raw[first : None if last is None else last + 1]
        said = "*" if first is None else f"{first}-{first + len(piece) - 1}"
        headers = {**self.by, "Content-Range": changes.get("range", f"bytes {said}/{len(self.raw)}")}
        query = {"sha256": changes.get("sha256", self.sha256)}
        return self.client.put(self.url, query_string=query, data=piece, headers=headers)


def test_three_pieces_make_one_photo(client: FlaskClient, headers: Headers, report: str, folder: Path) -> None:
    phone = Phone(client, report, headers("agent"))
    answers = [phone.put(0, 999), phone.put(1000, 1999), phone.put(2000)]
    assert [answer.status_code for answer in answers] == [202, 202, 201]
    assert [answer.get_json().get("offset") for answer in answers[:2]] == [1000, 2000]
    listed = client.get(f"/api/reports/{report}/photos", headers=headers("agent")).get_json()["photos"]
    assert [photo["id"] for photo in listed] == [phone.id]
    assert list((folder / "tmp").iterdir()) == []


def test_lost_answer_is_given_again_whatever_the_offset(client: FlaskClient, headers: Headers, report: str) -> None:
    phone = Phone(client, report, headers("agent"))
    first = phone.put(0)
    again = [phone.put(None), phone.put(0), phone.put(500, 600)]
    assert first.status_code == 201
    assert [answer.status_code for answer in again] == [200, 200, 200]
    assert {answer.get_json()["id"] for answer in again} == {phone.id}


def test_piece_that_does_not_fit_changes_nothing_and_says_where_to_go_on(
    client: FlaskClient, headers: Headers, report: str
) -> None:
    phone = Phone(client, report, headers("agent"))
    assert phone.put(None).get_json()["offset"] == 0
    phone.put(0, 999)
    assert phone.put(0, 999).get_json()["offset"] == 1000
    assert phone.put(1500).get_json()["offset"] == 1000
    assert phone.put(None).get_json()["offset"] == 1000
    assert phone.put(1000).status_code == 201


def test_server_that_died_before_the_last_step_finishes_it(
    client: FlaskClient, headers: Headers, report: str, folder: Path
) -> None:
    phone = Phone(client, report, headers("agent"))
    phone.put(0, 999)
    (part,) = (folder / "tmp").iterdir()
    part.write_bytes(RAW)
    assert phone.put(None).get_json()["offset"] == len(RAW)
    assert phone.put(len(RAW) - 1).status_code == 201


def test_damaged_part_starts_again(client: FlaskClient, headers: Headers, report: str, folder: Path) -> None:
    phone = Phone(client, report, headers("agent"))
    phone.put(0, 999)
    (part,) = (folder / "tmp").iterdir()
    part.write_bytes(b"\0" * 1000)
    answer = phone.put(1000)
    assert (answer.status_code, answer.get_json()["offset"]) == (202, 0)
    assert phone.put(0).status_code == 201


def test_what_is_no_picture_is_refused_and_not_kept(
    client: FlaskClient, headers: Headers, report: str, folder: Path
) -> None:
    phone = Phone(client, report, headers("agent"), b"no picture at all")
    answer = phone.put(0)
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "photo")
    assert list((folder / "tmp").iterdir()) == []


def test_other_picture_under_the_same_id_is_a_conflict(client: FlaskClient, headers: Headers, report: str) -> None:
    phone = Phone(client, report, headers("agent"))
    phone.put(0)
    phone.raw = jpeg(200, 100)
    phone.sha256 = hashlib.sha256(phone.raw).hexdigest()
    assert phone.put(0).status_code == 409


def test_seventh_photo_is_a_conflict(client: FlaskClient, headers: Headers, report: str) -> None:
    for number in range(6):
        added(client, report, headers("agent"), jpeg(60 + number, 40))
    assert Phone(client, report, headers("agent")).put(0).status_code == 409


def test_wrong_ranges_name_the_header(client: FlaskClient, headers: Headers, report: str) -> None:
    phone = Phone(client, report, headers("agent"))
    for said in ("", "bytes 0-1", "bytes 5-4/10", f"bytes 0-5/{len(RAW)}", f"bytes */{len(RAW)}", "bytes 0-/9"):
        answer = phone.put(0, range=said)
        assert answer.status_code == 400, said
        assert answer.get_json()["errors"][0]["field"] == "Content-Range"


def test_too_large_and_unnamed_pictures_name_the_field(client: FlaskClient, headers: Headers, report: str) -> None:
    phone = Phone(client, report, headers("agent"))
    large = phone.put(0, 99, range="bytes 0-99/12000001")
    assert (large.status_code, large.get_json()["errors"][0]["field"]) == (422, "photo")
    unnamed = phone.put(0, sha256="abc")
    assert (unnamed.status_code, unnamed.get_json()["errors"][0]["field"]) == (422, "sha256")


def test_who_may_not(client: FlaskClient, headers: Headers, report: str) -> None:
    assert Phone(client, report, {}).put(0).status_code == 401
    assert Phone(client, report, headers("planner")).put(0).status_code == 403
    assert Phone(client, str(uuid4()), headers("agent")).put(0).status_code == 404


def test_pieces_of_one_account_have_a_limit(client: FlaskClient, headers: Headers, report: str) -> None:
    before = resumable.MOST_WAITING_BYTES
    resumable.MOST_WAITING_BYTES = 900
    try:
        assert Phone(client, report, headers("agent")).put(0, 999).status_code == 202
        assert Phone(client, report, headers("agent")).put(0, 999).status_code == 409
        assert Phone(client, report, headers("bailleur")).put(0, 999).status_code == 202
    finally:
        resumable.MOST_WAITING_BYTES = before


def test_pieces_of_a_begun_picture_do_not_use_up_the_changes(
    client: FlaskClient, headers: Headers, report: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue of photos comes back with its phone: only the first piece of each is a change. Pieces end too."""
    phone, another = (Phone(client, report, headers("agent"), jpeg(320, 240 + more)) for more in (0, 1))
    assert phone.put(0, 99).status_code == 202
    monkeypatch.setattr(limits, "API_WRITES", 1)  # the report and the first piece were two
    assert [phone.put(start, start + 99).status_code for start in (100, 200, 300)] == [202] * 3
    assert phone.put(None).status_code == 202
    assert another.put(0, 99).status_code == 429
    monkeypatch.setattr(limits, "PIECES", 1)
    refused = phone.put(400, 499)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 120
