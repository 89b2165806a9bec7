"""Photos over HTTP: stored once, seen by those who may, refused with a reason."""

from __future__ import annotations

import hashlib
import io
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import Engine, text
from werkzeug.serving import make_server

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.photos.conftest import SMALL, add_report, added, files_in, send
from tests.photos.samples import SECRET, encoded, jpeg, png, tagged
from tests.photos.test_decode import SVG

Headers = Callable[[str], dict[str, str]]


def stored(engine: Engine, query: str, **binds: object) -> list[Any]:
    with unit_of_work(engine, SYSTEM) as uow:
        return list(uow.connection.execute(text(query), binds))


def kinds(engine: Engine) -> list[str]:
    """The history of the one report, after its first line."""
    rows = stored(engine, "SELECT kind FROM report_event WHERE kind LIKE 'photo%' ORDER BY id")
    return [row.kind for row in rows]


def test_a_photo_is_stored_by_its_content_and_its_metadata_is_nowhere(
    client: FlaskClient, report: str, headers: Headers, folder: Path, engine: Engine
) -> None:
    answer = send(
        client, report, headers("agent"), tagged("JPEG"), stage="before", taken_at="2026-05-04T18:30:00+02:00"
    )
    assert answer.status_code == 201, answer.text
    photo = answer.get_json()
    assert (photo["state"], photo["stage"], photo["width_px"], photo["height_px"]) == ("hidden", "before", 640, 480)
    assert photo["taken_at"] == "2026-05-04T16:30:00Z"
    assert photo["subject_id"] == report
    assert answer.headers["Location"] == photo["url"]
    [name] = files_in(folder)
    [path] = folder.glob(f"??/??/{name}")
    content = path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == path.stem
    assert (path.parent.parent.name, path.parent.name) == (name[:2], name[2:4])
    assert oct(path.stat().st_mode)[-3:] == "600"
    for file in folder.rglob("*.jpg"):
        assert SECRET.encode() not in file.read_bytes()
    assert list((folder / "tmp").iterdir()) == []
    assert kinds(engine) == ["photo_added"]
    [event] = stored(engine, "SELECT role, details FROM report_event WHERE kind = 'photo_added'")
    assert (event.role, event.details) == ("agent", {"photo_id": photo["id"]})
    served = client.get(photo["url"], headers=headers("agent"))
    assert served.data == content


def test_how_a_picture_is_served(client: FlaskClient, report: str, headers: Headers) -> None:
    photo_id = added(client, report, headers("agent"), jpeg(1000, 500))
    for path, size in ((f"/photos/{photo_id}", (1000, 500)), (f"/photos/{photo_id}/thumb", (320, 160))):
        answer = client.get(path, headers=headers("agent"))
        assert answer.status_code == 200
        assert answer.content_type == "image/jpeg"
        assert Image.open(io.BytesIO(answer.data)).size == size
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].startswith("inline;")
        again = client.get(path, headers=headers("agent") | {"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")


def test_multipart_and_raw_bodies_are_the_same(client: FlaskClient, report: str, headers: Headers) -> None:
    photo_id = str(uuid4())
    form = {"id": photo_id, "photo": (io.BytesIO(SMALL), "C:\\fakepath\\<b>é.jpg")}
    first = client.post(f"/api/reports/{report}/photos", data=form, headers=headers("agent"))
    assert first.status_code == 201, first.text
    again = send(client, report, headers("agent"), photo_id=photo_id)
    assert (again.status_code, again.get_json()) == (200, first.get_json())


def test_sent_twice_is_stored_once_and_another_body_is_409(
    client: FlaskClient, report: str, headers: Headers, folder: Path, engine: Engine
) -> None:
    photo_id = str(uuid4())
    codes = [send(client, report, headers("agent"), photo_id=photo_id).status_code for _ in range(2)]
    assert codes == [201, 200]
    other = add_report(client, headers("agent"))
    assert send(client, report, headers("agent"), jpeg(60, 60), photo_id).status_code == 409
    assert send(client, report, headers("agent"), photo_id=photo_id, stage="after").status_code == 409
    assert send(client, other, headers("agent"), photo_id=photo_id).status_code == 409
    # Somebody who does not even see the photo learns no more, and leaves no file behind.
    assert send(client, report, headers("ametis"), jpeg(70, 70), photo_id).status_code == 409
    assert len(files_in(folder)) == len(stored(engine, "SELECT id FROM photo")) == 1
    assert kinds(engine) == ["photo_added"]


def test_twice_at_once_is_stored_once(app: Flask, report: str, headers: Headers, folder: Path, engine: Engine) -> None:
    by, photo_id, start, codes = headers("agent"), str(uuid4()), threading.Barrier(4), []

    def post() -> None:
        with app.test_client() as browser:
            start.wait()
            codes.append(send(browser, report, by, photo_id=photo_id).status_code)

    _together([post] * 4)
    assert sorted(codes) == [200, 200, 200, 201]
    assert len(files_in(folder)) == len(stored(engine, "SELECT id FROM photo")) == 1


def test_six_at_most_also_at_once_and_by_organisations_that_do_not_see_each_other(
    client: FlaskClient, report: str, headers: Headers, folder: Path, engine: Engine
) -> None:
    for name in ("agent", "agent", "ametis", "bailleur"):
        added(client, report, headers(name), jpeg(50 + len(files_in(folder)), 50))
    by, start, codes = [headers("agent"), headers("ametis")], threading.Barrier(4), []

    def post(number: int) -> None:
        with client.application.test_client() as browser:
            start.wait()
            codes.append(send(browser, report, by[number % 2], jpeg(80 + number, 50)).status_code)

    _together([lambda n=number: post(n) for number in range(4)])  # type: ignore[misc]
    assert sorted(codes) == [201, 201, 409, 409]
    assert len(files_in(folder)) == len(stored(engine, "SELECT id FROM photo")) == 6
    # One that is removed makes room.
    [mine] = stored(engine, "SELECT photo.id FROM photo JOIN organisation o ON o.id = organisation_id"
                            " WHERE o.kind = 'landlord'")  # fmt: skip
    assert client.delete(f"/api/photos/{mine.id}", headers=headers("bailleur")).status_code == 204
    assert send(client, report, headers("agent"), jpeg(99, 99)).status_code == 201


def _together(jobs: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


HOSTILE = {
    "missing": b"",
    "not_a_picture": SVG,
    "broken": jpeg()[:3000],
    "too_many_pixels": png(60_000, 60_000),
    "heic": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + b"\x00" * 99,
    "too_many_bytes": b"\xff\xd8\xff" + b"\x00" * 12_000_001,
}


def test_hostile_files_are_422_at_their_field_and_leave_nothing(
    client: FlaskClient, report: str, headers: Headers, folder: Path, engine: Engine
) -> None:
    for code, raw in HOSTILE.items():
        answer = send(client, report, headers("agent"), raw)
        assert answer.status_code == 422, answer.text
        assert answer.content_type == "application/problem+json"
        [error] = answer.get_json()["errors"]
        assert (error["field"], error["code"]) == ("photo", code)
        assert len(error["message"]) > 15
    assert not folder.exists()
    assert stored(engine, "SELECT id FROM photo") == []


def test_bad_words_are_422_at_their_field(client: FlaskClient, report: str, headers: Headers) -> None:
    for field, value in [
        ("id", "no-uuid"),
        ("stage", "during"),
        ("taken_at", "2199-01-01T00:00:00Z"),
        ("taken_at", "2026-05-04T18:30"),
        ("taken_at", "2026-05-04T18:30:00+16:00"),
        ("taken_at", "yesterday\x00"),
    ]:
        answer = client.post(
            f"/api/reports/{report}/photos",
            query_string={"id": str(uuid4())} | {field: value},
            data=SMALL,
            content_type="image/png",
            headers=headers("agent"),
        )
        assert answer.status_code == 422, value
        assert [error["field"] for error in answer.get_json()["errors"]] == [field]


def test_unknown_content_types_are_415(client: FlaskClient, report: str, headers: Headers) -> None:
    for kind in ("application/json", "text/html", "application/x-www-form-urlencoded"):
        answer = client.post(f"/api/reports/{report}/photos", data=b"{}", content_type=kind, headers=headers("agent"))
        assert answer.status_code == 415


def test_a_body_of_100_mb_is_refused_before_it_is_sent(app: Flask, report: str, headers: Headers) -> None:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as connection:
        lines = [
            f"POST /api/reports/{report}/photos?id={uuid4()} HTTP/1.1",
            "Host: localhost",
            "Content-Type: image/jpeg",
            "Content-Length: 100000000",
            f"Authorization: {headers('agent')['Authorization']}",
        ]
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        # Not one byte of the body has left: the answer is there all the same.
        answer = connection.recv(4096)
    server.shutdown()
    thread.join()
    server.server_close()
    assert b" 413 " in answer.partition(b"\r\n")[0]


def test_bodies_of_multipart_and_of_the_form_have_their_own_bounds(
    client: FlaskClient, report: str, headers: Headers
) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'

    def post(path: str, size: int) -> int:
        # By hand: the test client would leave a temporary file open.
        sent = head + b"\x00" * size + b"\r\n--x--\r\n"
        return client.post(
            path, data=sent, content_type="multipart/form-data; boundary=x", headers=headers("agent")
        ).status_code

    assert post(f"/api/reports/{report}/photos", 12_200_000) == 413
    assert post(f"/api/reports/{report}/photos", 100) == 422  # the same body without its weight is read
    # Without a session the page's form has no more room than any other: 16 MB.
    assert post("/reports/new", 24_000_000) == 413


# ── who may ─────────────────────────────────────────────────────────────────────────────────────────────────────────

# A report by the city's agent. While hidden: its organisation (agent, admin is no agent), coordinators; bailleur and
# ametis see the report but not the photo; planners neither.
SEEN_HIDDEN = {"agent": 200, "bailleur": 404, "ametis": 404, "planner": 404, "coordinator": 200, "admin": 404}
SEEN_PUBLISHED = dict.fromkeys(SEEN_HIDDEN, 200)


def seen(client: FlaskClient, photo_id: str, headers: Headers) -> dict[str, int]:
    return {name: client.get(f"/photos/{photo_id}/thumb", headers=headers(name)).status_code for name in SEEN_HIDDEN}


def test_who_sees_a_photo_follows_its_state(app: Flask, client: FlaskClient, report: str, headers: Headers) -> None:
    photo_id = added(client, report, headers("agent"))
    assert seen(client, photo_id, headers) == SEEN_HIDDEN
    listed = {
        name: len(client.get(f"/api/reports/{report}/photos", headers=headers(name)).get_json()["photos"])
        for name in SEEN_HIDDEN
    }
    assert listed == {name: int(code == 200) for name, code in SEEN_HIDDEN.items()}
    published = client.patch(f"/api/photos/{photo_id}", json={"state": "published"}, headers=headers("agent"))
    assert published.get_json()["state"] == "published"
    assert seen(client, photo_id, headers) == SEEN_PUBLISHED
    public = app.test_client().get(f"/photos/{photo_id}", headers={"Accept": "image/*"})
    assert public.status_code == 401
    assert client.get(f"/photos/{uuid4()}", headers=headers("agent")).status_code == 404


def test_who_answers_for_the_report_sees_what_is_not_published_yet(
    client: FlaskClient, headers: Headers, engine: Engine, owner_engine: Engine
) -> None:
    report = add_report(client, headers("agent"))
    photo_id = added(client, report, headers("agent"))
    with owner_engine.begin() as connection:
        connection.execute(text("ALTER TABLE report NO FORCE ROW LEVEL SECURITY"))
        connection.execute(text("UPDATE report SET organisation_id ="
                                " (SELECT id FROM organisation WHERE kind = 'transport_operator')"))  # fmt: skip
        connection.execute(text("ALTER TABLE report FORCE ROW LEVEL SECURITY"))
    assert seen(client, photo_id, headers) == SEEN_HIDDEN | {"ametis": 200}
    # It sees, but it is not its photo to change.
    assert client.delete(f"/api/photos/{photo_id}", headers=headers("ametis")).status_code == 403


def test_photos_of_a_restricted_report_stay_with_those_who_read_it(client: FlaskClient, headers: Headers) -> None:
    report = add_report(client, headers("ametis"), category="staff_abuse")
    photo_id = added(client, report, headers("ametis"))
    client.patch(f"/api/photos/{photo_id}", json={"state": "published"}, headers=headers("coordinator"))
    readable = {name: client.get(f"/api/reports/{report}", headers=headers(name)).status_code for name in SEEN_HIDDEN}
    assert set(readable.values()) == {200, 404}
    assert seen(client, photo_id, headers) == readable
    for name in (name for name, code in readable.items() if code == 404):
        expected = 403 if name in {"planner", "admin"} else 404
        assert send(client, report, headers(name)).status_code == expected
        assert client.get(f"/api/reports/{report}/photos", headers=headers(name)).status_code == 404


def test_who_may_add(app: Flask, client: FlaskClient, report: str, headers: Headers, bearer: Any) -> None:
    codes = {name: send(client, report, headers(name)).status_code for name in SEEN_HIDDEN}
    assert codes == {"agent": 201, "bailleur": 201, "ametis": 201, "planner": 403, "coordinator": 201, "admin": 403}
    assert send(client, report, bearer("agent", "read")).status_code == 403
    assert send(app.test_client(), report, {}).status_code == 401
    assert send(client, str(uuid4()), headers("agent")).status_code == 404


def test_who_may_change(client: FlaskClient, headers: Headers) -> None:
    area = {"mode": "black", "areas": [{"x_px": 0, "y_px": 0, "width_px": 20, "height_px": 20}]}
    for name in SEEN_HIDDEN:
        by = headers(name)
        photo_id = added(client, add_report(client, headers("agent")), headers("agent"))
        client.patch(f"/api/photos/{photo_id}", json={"state": "published"}, headers=headers("agent"))
        codes = [
            client.post(f"/api/photos/{photo_id}/cover", json=area, headers=by).status_code,
            client.patch(f"/api/photos/{photo_id}", json={"state": "hidden"}, headers=by).status_code,
            client.delete(f"/api/photos/{photo_id}", headers=by).status_code,
        ]
        assert codes == ([200, 200, 204] if name in {"agent", "coordinator"} else [403, 403, 403]), name
    assert client.delete(f"/api/photos/{uuid4()}", headers=headers("agent")).status_code == 404


def test_a_reading_token_changes_nothing(client: FlaskClient, report: str, headers: Headers, bearer: Any) -> None:
    photo_id = added(client, report, headers("agent"))
    by = bearer("agent", "read")
    assert client.delete(f"/api/photos/{photo_id}", headers=by).status_code == 403
    assert client.patch(f"/api/photos/{photo_id}", json={"state": "published"}, headers=by).status_code == 403
    assert client.get(f"/photos/{photo_id}", headers=by).status_code == 200


# ── covering, hiding, removing ──────────────────────────────────────────────────────────────────────────────────────


def test_the_picture_without_the_cover_is_gone(
    client: FlaskClient, report: str, headers: Headers, folder: Path, engine: Engine
) -> None:
    photo_id = added(client, report, headers("agent"))
    [before] = files_in(folder)
    old = client.get(f"/photos/{photo_id}", headers=headers("agent"))
    area = {"mode": "black", "areas": [{"x_px": 0, "y_px": 0, "width_px": 60, "height_px": 45}]}
    answer = client.post(f"/api/photos/{photo_id}/cover", json=area, headers=headers("agent"))
    assert answer.get_json()["is_covered"] is True
    [after] = files_in(folder)
    assert after != before
    assert len(list(folder.rglob("*.jpg"))) == 2  # the covered picture and its thumbnail
    new = client.get(f"/photos/{photo_id}", headers=headers("agent") | {"If-None-Match": old.headers["ETag"]})
    assert new.status_code == 200
    pixel = Image.open(io.BytesIO(new.data)).getpixel((20, 20))
    assert isinstance(pixel, tuple)
    assert max(pixel) < 20
    [event] = stored(engine, "SELECT details FROM report_event WHERE kind = 'photo_covered'")
    assert event.details == {"photo_id": photo_id, "areas": 1, "mode": "black"}


def test_a_late_retry_brings_nothing_back(client: FlaskClient, report: str, headers: Headers, folder: Path) -> None:
    photo_id = str(uuid4())
    send(client, report, headers("agent"), photo_id=photo_id)
    area = {"areas": [{"x_px": 0, "y_px": 0, "width_px": 60, "height_px": 45}]}
    client.post(f"/api/photos/{photo_id}/cover", json=area, headers=headers("agent"))
    covered = files_in(folder)
    assert send(client, report, headers("agent"), photo_id=photo_id).status_code == 200
    assert files_in(folder) == covered
    assert client.delete(f"/api/photos/{photo_id}", headers=headers("agent")).status_code == 204
    assert send(client, report, headers("agent"), photo_id=photo_id).status_code == 409
    assert files_in(folder) == []
    assert client.get(f"/photos/{photo_id}", headers=headers("agent")).status_code == 404
    assert client.delete(f"/api/photos/{photo_id}", headers=headers("agent")).status_code == 404


def test_two_who_cover_at_once_both_count(app: Flask, client: FlaskClient, report: str, headers: Headers) -> None:
    photo_id = added(client, report, headers("agent"), encoded(Image.new("RGB", (120, 90), "white")))
    by, start, codes = headers("agent"), threading.Barrier(2), []

    def post(x_px: int) -> None:
        area = {"mode": "black", "areas": [{"x_px": x_px, "y_px": 0, "width_px": 40, "height_px": 90}]}
        with app.test_client() as browser:
            start.wait()
            codes.append(browser.post(f"/api/photos/{photo_id}/cover", json=area, headers=by).status_code)

    _together([lambda: post(0), lambda: post(80)])
    assert codes == [200, 200]
    image = Image.open(io.BytesIO(client.get(f"/photos/{photo_id}", headers=by).data)).convert("L")
    both_ends = image.crop((8, 8, 32, 80)).getextrema(), image.crop((88, 8, 112, 80)).getextrema()
    assert all(int(high) < 20 for _low, high in both_ends)  # type: ignore[arg-type]
    assert int(image.crop((50, 8, 70, 80)).getextrema()[0]) > 200  # type: ignore[arg-type]


def test_the_same_picture_in_two_photos_is_one_file_that_lives_as_long_as_either(
    client: FlaskClient, report: str, headers: Headers, folder: Path
) -> None:
    other = add_report(client, headers("ametis"), category="staff_abuse")
    mine, theirs = added(client, report, headers("agent")), added(client, other, headers("ametis"))
    assert len(files_in(folder)) == 1
    # The agent cannot see the other photo, and its file must stay all the same.
    assert client.get(f"/photos/{theirs}", headers=headers("agent")).status_code == 404
    assert client.delete(f"/api/photos/{mine}", headers=headers("agent")).status_code == 204
    assert client.get(f"/photos/{theirs}", headers=headers("ametis")).status_code == 200
    assert client.delete(f"/api/photos/{theirs}", headers=headers("ametis")).status_code == 204
    assert list(folder.rglob("*.jpg")) == []


def test_every_change_is_a_line_in_the_history(
    client: FlaskClient, report: str, headers: Headers, engine: Engine
) -> None:
    photo_id = added(client, report, headers("agent"))
    for state in ("published", "published", "hidden"):
        client.patch(f"/api/photos/{photo_id}", json={"state": state}, headers=headers("coordinator"))
    client.delete(f"/api/photos/{photo_id}", headers=headers("coordinator"))
    assert kinds(engine) == ["photo_added", "photo_published", "photo_hidden", "photo_removed"]
    page = client.get(f"/reports/{report}", headers=headers("agent")).text
    for words in ("Photo ajoutée", "Photo publiée", "Photo de nouveau cachée", "Photo retirée"):
        assert words in page


GOOD = {"x_px": 0, "y_px": 0, "width_px": 9, "height_px": 9}
BAD_COVERS: list[tuple[str, dict[str, Any]]] = [
    ("areas", {}),
    ("areas", {"areas": []}),
    ("areas", {"areas": "all"}),
    ("areas", {"areas": [7]}),
    ("areas", {"areas": [GOOD | {"width_px": 0}]}),
    ("areas", {"areas": [GOOD | {"x_px": -1}]}),
    ("areas", {"areas": [GOOD | {"x_px": "²"}]}),
    ("areas", {"areas": [GOOD | {"x_px": True}]}),
    ("areas", {"areas": [GOOD | {"x_px": 1e400}]}),
    ("areas", {"areas": [GOOD | {"x_px": 120}]}),
    ("areas", {"areas": [GOOD] * 51}),
    ("mode", {"areas": [GOOD], "mode": "blur"}),
    ("mode", {"areas": [GOOD], "mode": ["black"]}),
]


def test_bad_rectangles_are_422_and_the_picture_stays(
    client: FlaskClient, report: str, headers: Headers, folder: Path
) -> None:
    photo_id = added(client, report, headers("agent"))
    before = files_in(folder)
    for field, body in BAD_COVERS:
        answer = client.post(f"/api/photos/{photo_id}/cover", json=body, headers=headers("agent"))
        assert answer.status_code == 422, body
        assert answer.get_json()["errors"][0]["field"] == field
    assert files_in(folder) == before


def test_bodies_that_are_no_object_are_400_or_415(client: FlaskClient, report: str, headers: Headers) -> None:
    url = f"/api/photos/{added(client, report, headers('agent'))}"
    for method, path in ((client.post, f"{url}/cover"), (client.patch, url)):
        for sent in (b"[1]", b"{", b"[" * 100_000, b"\xff"):
            answer = method(path, data=sent, content_type="application/json", headers=headers("agent"))
            assert answer.status_code == 400
        assert method(path, data=b"x", content_type="text/plain", headers=headers("agent")).status_code == 415
    for state in ("removed", "new", 7, None, ["hidden"]):
        assert client.patch(url, json={"state": state}, headers=headers("agent")).status_code == 422


def test_a_missing_file_is_404_not_500(client: FlaskClient, report: str, headers: Headers, folder: Path) -> None:
    photo_id = added(client, report, headers("agent"))
    for path in folder.rglob("*.jpg"):
        path.unlink()
    assert client.get(f"/photos/{photo_id}", headers=headers("agent")).status_code == 404
    area = {"areas": [{"x_px": 0, "y_px": 0, "width_px": 9, "height_px": 9}]}
    assert client.post(f"/api/photos/{photo_id}/cover", json=area, headers=headers("agent")).status_code == 409
