"""The pages of photos as people without JavaScript use them: a session, CSRF tokens, forms."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from app.db.session import unit_of_work
from app.people.actor import SYSTEM
from tests.photos.conftest import SMALL, add_report, added, files_in
from tests.photos.samples import jpeg
from tests.photos.test_decode import SVG
from tests.reports.samples import LAT, LON

Headers = Callable[[str], dict[str, str]]
PASSWORD = "a password for tests"


def token(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found is not None
    return found[1]


@pytest.fixture
def browser(client: FlaskClient, places: dict[str, int]) -> FlaskClient:
    """The agent, signed in by session."""
    page = client.get("/login")
    values = {"email": "agent@demo.quietude", "password": PASSWORD, "csrf_token": token(page.text)}
    assert client.post("/login", data=values).status_code == 302
    return client


def form(**values: Any) -> dict[str, Any]:
    return {"id": str(uuid4()), "category": "overflowing_bin", "lon": str(LON), "lat": str(LAT)} | values


def pictures(*raws: bytes) -> list[tuple[io.BytesIO, str]]:
    return [(io.BytesIO(raw), f"photo {number}.jpg") for number, raw in enumerate(raws)]


def post(browser: FlaskClient, path: str, **values: Any) -> TestResponse:
    page = browser.get("/reports/new").text
    return browser.post(path, data={"csrf_token": token(page)} | values, content_type="multipart/form-data")


def test_photos_come_in_the_same_post_as_the_report(browser: FlaskClient, engine: Engine) -> None:
    sent = form(photos=pictures(SMALL, SVG, jpeg(90, 90)))
    answer = post(browser, "/reports/new", **sent)
    assert answer.status_code == 303, answer.text[:500]
    page = browser.get(answer.headers["Location"]).text
    assert page.count('class="photo-open"') == 2
    assert "photo 1.jpg" in page  # the refused one, by its name, with the reason
    with unit_of_work(engine, SYSTEM) as uow:
        assert uow.connection.execute(text("SELECT count(*) FROM photo")).scalar_one() == 2


def test_a_refused_report_asks_for_its_photos_again(browser: FlaskClient, folder: Path) -> None:
    answer = post(browser, "/reports/new", **form(lon="2.6", photos=pictures(SMALL)))
    assert answer.status_code == 422
    assert "photos-error" in answer.text
    assert not folder.exists()
    assert "photos-error" not in post(browser, "/reports/new", **form(lon="2.6")).text


def test_more_photos_on_the_page_up_to_six(browser: FlaskClient, report: str, folder: Path) -> None:
    answer = post(browser, f"/reports/{report}/photos", photos=pictures(*(jpeg(50 + i, 50) for i in range(7))))
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/reports/{report}#photos")
    page = browser.get(f"/reports/{report}").text
    assert page.count('class="photo-open"') == len(files_in(folder)) == 6
    assert "photo 6.jpg" in page
    assert 'id="photo-add"' not in page


def test_publish_hide_and_remove_with_buttons(browser: FlaskClient, report: str, headers: Headers) -> None:
    photo_id = added(browser, report, headers("agent"))
    for state, words in [("published", "Cacher de nouveau"), ("hidden", "À vérifier"), ("removed", "Photo retirée")]:
        answer = post(browser, f"/photos/{photo_id}/state", state=state)
        assert answer.status_code == 303
        assert words in browser.get(f"/reports/{report}").text
    assert post(browser, f"/photos/{photo_id}/state", state="hidden").status_code == 404
    assert browser.post(f"/photos/{photo_id}/state", data={"state": "hidden"}).status_code == 400  # no CSRF token


def test_cover_with_numbers_and_publish(browser: FlaskClient, report: str, headers: Headers, folder: Path) -> None:
    photo_id = added(browser, report, headers("agent"))
    [before] = files_in(folder)
    page = browser.get(f"/photos/{photo_id}/cover")
    assert page.status_code == 200
    assert page.text.count('name="x_px"') == 4  # three empty lines, and the one for JavaScript
    lines = {"x_px": ["0", ""], "y_px": ["0", ""], "width_px": ["60", ""], "height_px": ["45", ""]}
    answer = post(browser, f"/photos/{photo_id}/cover", mode="black", then="publish", **lines)
    assert answer.headers["Location"] == f"/reports/{report}#photos"
    assert before not in files_in(folder)
    assert "Masquée et publiée" in browser.get(f"/reports/{report}").text


def test_a_bad_rectangle_comes_back_with_what_was_typed(browser: FlaskClient, report: str, headers: Headers) -> None:
    photo_id = added(browser, report, headers("agent"))
    lines = {"x_px": ["7"], "y_px": ["8"], "width_px": ["many"], "height_px": ["9"]}
    answer = post(browser, f"/photos/{photo_id}/cover", then="publish", **lines)
    assert answer.status_code == 422
    assert 'value="many"' in answer.text
    assert post(browser, f"/photos/{photo_id}/cover", then="publish").status_code == 422
    assert post(browser, f"/photos/{photo_id}/state", state="gone").status_code == 400


def test_pages_of_others_photos_are_403_or_404(browser: FlaskClient, headers: Headers) -> None:
    theirs = added(browser, add_report(browser, headers("ametis")), headers("ametis"))
    assert browser.get(f"/photos/{theirs}/cover").status_code == 404
    browser.patch(f"/api/photos/{theirs}", json={"state": "published"}, headers=headers("ametis"))
    assert browser.get(f"/photos/{theirs}").status_code == 200
    assert browser.get(f"/photos/{theirs}/cover").status_code == 403
    assert post(browser, f"/photos/{theirs}/state", state="removed").status_code == 403
    assert post(browser, f"/reports/{uuid4()}/photos", photos=pictures(SMALL)).status_code == 404


def test_a_form_of_many_pictures_has_room_for_somebody_signed_in(browser: FlaskClient, report: str) -> None:
    head = (
        f'--x\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{token(browser.get("/reports/new").text)}\r\n'
    )
    part = b'--x\r\nContent-Disposition: form-data; name="photos"; filename="a.jpg"\r\n\r\n'
    for size, expected in ((24_000_000, 303), (41_000_000, 413)):
        sent = head.encode() + part + b"\x00" * size + b"\r\n--x--\r\n"
        answer = browser.post(f"/reports/{report}/photos", data=sent, content_type="multipart/form-data; boundary=x")
        assert answer.status_code == expected
