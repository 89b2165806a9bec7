"""The plain form asks before it stores: confirm what is there, or go on, with all that was typed and every photo."""

from __future__ import annotations

import io
import re
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from tests.photos.samples import jpeg
from tests.reports.duplicate_samples import Register
from tests.routing.world import World, body_at, make_world


@pytest.fixture
def world(engine: Engine, clean: None) -> World:
    return make_world(engine)


@pytest.fixture
def register(client: FlaskClient, world: World, engine: Engine) -> Register:
    return Register(client, world, engine)


def post(register: Register, form: dict[str, object], who: str = "agent") -> TestResponse:
    return register.client.post("/reports/new", data=form, headers=register.world.headers(who))


def typed(east_m: float, **more: object) -> dict[str, object]:
    body = body_at(east_m, id=str(uuid4()), severity="3", description="Deuxième étage", return_to="/map")
    return {name: str(value) if isinstance(value, float) else value for name, value in body.items()} | more


def hidden(page: TestResponse) -> dict[str, object]:
    """The hidden fields of the question, as a browser sends them back."""
    found: dict[str, object] = {}
    form = page.text[page.text.index('action="/reports/new"') :]
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form):
        if name == "held":
            found.setdefault("held", []).append(value)  # type: ignore[attr-defined]
        else:
            found[name] = value.replace("&#39;", "'")
    return found


def count(register: Register) -> int:
    return int(register.sql("SELECT count(*) FROM report")[0][0])


def photos_of(register: Register, report_id: str) -> int:
    answer = register.get("agent", f"/api/reports/{report_id}/photos")
    return len(answer.get_json()["photos"])


def test_nothing_near_is_stored_at_once(register: Register) -> None:
    answer = post(register, typed(0))
    assert (answer.status_code, count(register)) == (303, 1)


def test_it_is_the_same(register: Register) -> None:
    there = register.report(5)
    page = post(register, typed(0, photos=(io.BytesIO(jpeg()), "porte.jpg")))
    assert (page.status_code, count(register)) == (200, 1)
    assert "Déjà signalé" in page.text
    assert "1 photo est gardée" in page.text
    answer = post(register, hidden(page) | {"same": there})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/map")
    assert (count(register), register.told(there)[1][0], photos_of(register, there)) == (1, "still_there", 1)


def test_no_it_is_something_else(register: Register) -> None:
    there = register.report(5)
    page = post(register, typed(0, photos=(io.BytesIO(jpeg()), "porte.jpg")))
    different = {"not_duplicate_of": there}
    assert f'name="not_duplicate_of" value="{there}"' in page.text
    form = hidden(page) | different
    for _sent_twice in range(2):
        answer = post(register, form)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/map")
    stored = str(form["id"])
    row = register.sql("SELECT severity, description FROM report WHERE id = :id", id=stored)[0]
    assert tuple(row) == (3, "Deuxième étage")
    assert (count(register), photos_of(register, stored), photos_of(register, there)) == (2, 1, 0)


def test_what_appears_meanwhile_is_asked_too(register: Register) -> None:
    first = register.report(5)
    page = post(register, typed(0))
    second = register.report(8)
    page = post(register, hidden(page) | {"not_duplicate_of": first})
    assert page.status_code == 200
    assert second in page.text
    answer = post(register, hidden(page) | {"not_duplicate_of": f"{first},{second}"})
    assert (answer.status_code, count(register)) == (303, 3)


def test_what_closes_meanwhile_loses_nothing(register: Register) -> None:
    there = register.report(5)
    page = post(register, typed(0, photos=(io.BytesIO(jpeg()), "porte.jpg")))
    register.move("hlm-a", there, "reject", reason="no_problem")
    page = post(register, hidden(page) | {"same": there})
    assert page.status_code == 200
    assert "vient d'être clos" in page.text or "vient d&#39;être clos" in page.text
    form = hidden(page)
    answer = post(register, form | {"not_duplicate_of": str(form["id"])})
    assert (answer.status_code, count(register), photos_of(register, str(form["id"]))) == (303, 2, 1)


def test_a_photo_of_somebody_else_is_not_added(register: Register) -> None:
    there = register.report(5)
    page = post(register, typed(0, photos=(io.BytesIO(jpeg()), "porte.jpg")))
    answer = post(register, hidden(page) | {"same": there}, who="hlm-b")
    assert answer.status_code == 303
    assert register.sql("SELECT count(*) FROM photo")[0][0] == 0
    answer = post(register, typed(0) | {"same": there, "held": ["x.y.z"]})
    assert answer.status_code == 303
    assert register.sql("SELECT count(*) FROM photo")[0][0] == 0


def test_an_answer_that_is_none(register: Register) -> None:
    register.report(5)
    for bad in ({"same": "x"}, {"not_duplicate_of": "x,y"}):
        assert post(register, typed(0) | bad).status_code == 400


def test_the_question_shows_what_the_asker_may_see(register: Register) -> None:
    register.report(5, who="police", category="suspected_dealing")
    answer = post(register, typed(0, category="noise"), who="hlm-b")
    assert answer.status_code == 303


def test_photos_of_a_merged_report_are_reached_from_the_kept_one(register: Register) -> None:
    """As far as each may see them: hidden ones by who answers and the coordination, published ones by all readers."""
    kept, other = register.report(0), register.report(5)
    headers = register.world.headers("agent")
    form = {"id": str(uuid4()), "photo": (io.BytesIO(jpeg()), "porte.jpg")}
    answer = register.client.post(f"/api/reports/{other}/photos", data=form, headers=headers)
    assert answer.status_code == 201, answer.text
    register.merged(other, kept)
    thumb = answer.get_json()["thumb_url"]
    seen = {who: thumb in register.get(who, f"/reports/{kept}").text for who in ("coordinator", "hlm-a", "planner")}
    assert seen == {"coordinator": True, "hlm-a": True, "planner": False}
    body = {"state": "published"}
    photo = answer.get_json()["url"]
    coordinator = register.world.headers("coordinator")
    assert register.client.patch(f"/api{photo}", json=body, headers=coordinator).status_code == 200
    assert thumb in register.get("planner", f"/reports/{kept}").text
