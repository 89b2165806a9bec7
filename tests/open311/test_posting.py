"""A new request: by key, by form, JSON or with pictures; once however often it is sent; residents without a key."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from sqlalchemy.exc import ProgrammingError

from app.db.session import unit_of_work
from app.errors import ForbiddenError
from app.open311 import actions, store
from app.web.logs import configure
from tests.open311.conftest import Api, errors_of, xml_of
from tests.photos.samples import SECRET, tagged
from tests.routing.world import at

PERSON = {
    "email": "jeanne@example.org", "first_name": "Jeanne", "last_name": "Dupontel", "phone": "0612345678",
    "device_id": "device-4711", "account_id": "account-4711", "address_string": "chez Dupontel",
}  # fmt: skip


def test_a_post_lands_as_any_report_with_whoever_answers(api: Api) -> None:
    answer = api.post(**{"attribute[severity]": "3", "attribute[observed_at]": "2026-11-20T08:00:00+01:00"})
    assert answer.status_code == 201
    (said,) = answer.get_json()
    assert (said["account_id"], said["service_notice"]) == (None, "Chez The hlm-a.")
    row = api.row(said["service_request_id"])
    assert (row["state"], row["severity"], row["source"], row["visibility"]) == ("new", 3, "open311", "partner")
    assert row["organisation_id"] == api.world.organisations["hlm-a"]
    assert row["reporter_account_id"] == api.world.actors["agent"].user_id
    assert row["observed_at"] == "2026-11-20T07:00:00+00:00"
    assert answer.headers["Location"].endswith(f"/open311/v2/requests/{said['service_request_id']}.json")


def test_xml_json_and_the_bearer_header(api: Api) -> None:
    root = xml_of(api.post(ending="xml"))
    assert (root.tag, root[0].tag) == ("service_requests", "request")
    lon, lat = at(200)
    body = {"service_code": "lift_out", "lat": lat, "long": lon, "attribute": {"severity": 4}}
    made = api.client.post("/open311/v2/requests.json", json=body, headers=api.world.headers("agent"))
    assert made.status_code == 201, made.text
    assert api.row(made.get_json()[0]["service_request_id"])["severity"] == 4
    assert (
        api.client.post("/open311/v2/requests.json", json=body | {"api_key": api.world.tokens["bus"]}).status_code
        == 201
    )
    assert api.client.post("/open311/v2/requests.json", json=[1], headers=api.world.headers("agent")).status_code == 400


def test_nothing_about_a_person_is_kept_anywhere(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    configure("text")  # to the standard error of this test
    api.made(**PERSON)
    everything = str(api.sql("SELECT to_jsonb(report) FROM report")) + str(
        api.sql("SELECT to_jsonb(report_event) FROM report_event")
    )
    out, err = capsys.readouterr()
    assert "/open311/v2/requests" in out + err  # it was logged
    for value in PERSON.values():
        assert value not in everything
        assert value not in out + err
    assert api.world.tokens["agent"] not in out + err


def test_the_same_within_a_minute_is_the_same(api: Api) -> None:
    first = api.made()
    again = api.post()
    assert (again.status_code, again.get_json()[0]["service_request_id"]) == (200, first)
    assert api.made(description="The right lift") != first
    assert api.made(who="bus") != first
    # A clock minute later it is a new one, and up to sixty seconds it is not, wherever the minute began.
    api.sql("UPDATE report SET received_at = received_at - interval '61 seconds'")
    now = datetime.now(UTC)
    minute = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    ids = [actions._ids("account", moment, has_key=False) for moment in (minute - timedelta(seconds=1), minute)]
    assert ids[0][0] == ids[1][1]
    assert ids[0][0] != ids[1][0]


def test_an_idempotency_key_holds_longer(api: Api) -> None:
    first = api.made(headers={"Idempotency-Key": "4711"})
    api.sql("UPDATE report SET received_at = received_at - interval '3 days'")
    again = api.post(headers={"Idempotency-Key": "4711"})
    assert (again.status_code, again.get_json()[0]["service_request_id"]) == (200, first)
    other = api.post(headers={"Idempotency-Key": "4711"}, description="Something else")
    assert other.status_code == 409
    assert errors_of(other)[0][0] == 409
    assert api.made(who="bus", headers={"Idempotency-Key": "4711"}) != first
    assert api.post(headers={"Idempotency-Key": "x" * 300}).status_code == 400


def test_the_same_from_several_at_once_is_stored_once(api: Api) -> None:
    app = api.client.application

    def post(headers: dict[str, str]) -> tuple[int, str]:
        mine = Api(app.test_client(), api.world, api.engine)
        answer = mine.post(headers=headers)
        return answer.status_code, answer.get_json()[0]["service_request_id"]

    for headers in ({}, {"Idempotency-Key": "at once"}):
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(post, [headers] * 4))
        assert sorted(status for status, _id in answers) == [200, 200, 200, 201]
        assert len({made for _status, made in answers}) == 1
    assert api.sql("SELECT count(*) FROM report") == [(2,)]


def test_a_proxy_s_own_password_does_not_hide_the_key(api: Api) -> None:
    assert api.post(headers={"Authorization": "Basic dTpw"}).status_code == 201
    assert api.post(headers={"Authorization": "Bearer wrong"}, description="x").status_code == 403


def test_what_is_too_large_is_said_in_the_format(api: Api) -> None:
    answer = api.post(ending="xml", description="x" * 16_000_001)
    assert answer.status_code == 413
    assert errors_of(answer)[0][0] == 413


def test_refused_posts_name_the_parameter(api: Api) -> None:
    for changes, code, said in (
        ({"service_code": None}, 400, "service_code"),
        ({"service_code": "nothing"}, 404, "service_code"),
        ({"lat": None}, 400, "lat"),
        ({"lat": None, "long": None, "address_string": "1 rue des Lombards"}, 400, "lat"),
        ({"lat": "north"}, 400, "lat"),
        ({"long": "200"}, 400, "long"),
        ({"lat": "48.85", "long": "2.35"}, 400, "long"),
        ({"lat": "2.3022", "long": "49.8947"}, 400, "lat"),
        ({"description": "x" * 501}, 400, "description"),
        ({"description": "<b>bold</b>"}, 400, "description"),
        ({"attribute[severity]": "5"}, 400, "attribute[severity]"),
        ({"attribute[place_id]": "999999"}, 400, "attribute[place_id]"),
        ({"attribute[observed_at]": "2026-11-20T08:00:00"}, 400, "attribute[observed_at]"),
        ({"attribute[colour]": "red"}, 400, "attribute[colour]"),
        ({"jurisdiction_id": "sfgov.org"}, 404, "jurisdiction_id"),
        ({"api_key": "wrong"}, 403, "api_key"),
        ({"api_key": ""}, 403, "api_key"),
    ):
        for ending in ("json", "xml"):
            answer = api.post(ending=ending, **changes)
            assert answer.status_code == code, changes
            assert any(told == code and description.startswith(said) for told, description in errors_of(answer)), (
                changes
            )
    assert api.post(who=None).status_code == 403
    assert api.post(who="planner").status_code == 403
    assert api.sql("SELECT count(*) FROM report") == [(0,)]


def test_the_messages_are_those_of_the_form(api: Api) -> None:
    body = {"id": "1", "category": "x", "lon": 5, "lat": 49.9}
    form = api.client.post("/api/reports", json=body, headers=api.world.headers("agent"))
    messages = {one["field"]: one["message"] for one in form.get_json()["errors"]}
    told = {description for _code, description in errors_of(api.post(service_code="x", long="5", lat="49.9"))}
    assert told == {f"service_code: {messages['category']}", f"long: {messages['lon']}", f"lat: {messages['lat']}"}


def test_pictures_are_kept_stripped_once_and_a_bad_one_costs_nothing(api: Api) -> None:
    raw = tagged("JPEG")
    key = {"Idempotency-Key": "one"}
    sent = api.post(headers=key, media=(io.BytesIO(raw), "lift.jpg"), media_url="http://169.254.169.254/latest")
    assert sent.status_code == 201, sent.text
    assert "media_url" in sent.get_json()[0]["service_notice"]
    again = api.post(headers=key, media=(io.BytesIO(raw), "lift.jpg"))
    assert again.status_code == 200
    made = sent.get_json()[0]["service_request_id"]
    ((photo_id,),) = api.sql("SELECT id FROM photo WHERE report_id = :id", id=made)
    picture = api.client.get(f"/photos/{photo_id}", headers=api.world.headers("hlm-a"))
    assert picture.mimetype == "image/jpeg"
    assert SECRET.encode() not in picture.data
    broken = api.post(description="another", media=(io.BytesIO(b"no picture"), "x.jpg"))
    assert broken.status_code == 201
    assert "photo" in broken.get_json()[0]["service_notice"]


def test_posts_are_counted(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.client.application.config["RATELIMIT_ENABLED"] = True
    monkeypatch.setattr("app.open311.edge._POSTS", RateLimitItemPerMinute(2))
    assert [api.post(description=str(n)).status_code for n in range(3)] == [201, 201, 429]
    refused = api.post(ending="xml")
    assert errors_of(refused)[0][0] == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 61


# ── residents ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def opened(api: Api) -> Api:
    with api.client.application.app_context(), unit_of_work(api.engine, api.world.actors["admin"]) as uow:
        actions.open_to_residents(uow, api.world.actors["admin"], "city", most_a_day=3)
    return api


def test_residents_are_refused_until_that_is_switched_on_and_after_it_is_off(api: Api) -> None:
    assert api.post(who=None, service_code="graffiti").status_code == 403
    admin = api.world.actors["admin"]
    with api.client.application.app_context(), unit_of_work(api.engine, admin) as uow:
        actions.open_to_residents(uow, admin, "city", most_a_day=3)
    assert api.post(who=None, service_code="graffiti").status_code == 201
    with unit_of_work(api.engine, admin) as uow:
        actions.close_to_residents(uow, admin)
    assert api.post(who=None, service_code="graffiti", description="other").status_code == 403


def test_a_resident_s_report_is_routed_and_seen_by_partners_only(opened: Api) -> None:
    said = "Tag. Call me: 06 12 34 56 78 or a.b@example.org"
    answer = opened.post(who=None, service_code="graffiti", description=said, **PERSON)
    assert answer.status_code == 201, answer.text
    (made,) = answer.get_json()
    assert made["service_notice"].endswith("retirés du texte.")
    row = opened.row(made["service_request_id"])
    assert (row["state"], row["visibility"], row["source"]) == ("new", "partner", "open311:resident")
    assert row["description"] == "Tag. Call me: […] or […]"
    assert row["organisation_id"] == opened.world.organisations["hlm-a"]
    assert opened.get(f"requests/{made['service_request_id']}.json").status_code == 404
    # The account in whose name it is stored opens nothing.
    ((active, password),) = opened.sql("SELECT active, password FROM account WHERE email LIKE 'open311-%'")
    assert (active, password) == (False, None)


def test_a_restricted_category_is_not_for_residents(opened: Api) -> None:
    opened.sql("UPDATE category SET visibility = 'restricted' WHERE code = 'lift_out'")
    opened.client.application.extensions.pop("quietude_nomenclature", None)
    assert opened.post(who=None).status_code == 403
    assert opened.post(who="agent").status_code == 201


def test_a_day_and_an_address_have_their_measure(opened: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    posts = [opened.post(who=None, service_code="graffiti", description=str(n)) for n in range(4)]
    assert [one.status_code for one in posts] == [201, 201, 201, 429]
    assert 0 < int(posts[3].headers["Retry-After"]) <= 25 * 3600
    opened.sql("UPDATE report SET received_at = received_at - interval '1 day'")
    opened.client.application.config["RATELIMIT_ENABLED"] = True
    monkeypatch.setattr("app.open311.edge._RESIDENT_POSTS", RateLimitItemPerHour(1))
    posts = [opened.post(who=None, service_code="graffiti", description=f"x{n}") for n in range(2)]
    assert [one.status_code for one in posts] == [201, 429]
    # One line of IPv6 is one, however many addresses it has; another address is another.
    opened.sql("UPDATE report SET received_at = received_at - interval '1 day'")
    for address, status in (("2001:db8:1:2::a", 201), ("2001:db8:1:2:ffff::b", 429), ("2001:db8:1:3::a", 201)):
        opened.address = address
        assert opened.post(who=None, service_code="graffiti", description=address).status_code == status
    # An account's posts have a measure of their own.
    assert opened.post(who="agent", service_code="graffiti", description="y").status_code == 201


def test_only_administrators_change_the_setting(api: Api) -> None:
    actor = api.world.actors["coordinator"]
    with unit_of_work(api.engine, actor) as uow, pytest.raises(ForbiddenError):
        actions.close_to_residents(uow, actor)
    with pytest.raises(ProgrammingError), unit_of_work(api.engine, actor) as uow:
        store.save_setting(uow.connection, residents=False, account_id=None, most_a_day=1)
