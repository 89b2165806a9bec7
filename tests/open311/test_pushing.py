"""Reports of an organisation go to another city's server over real HTTP: once, also when killed; refusals are said."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from app.db.session import unit_of_work
from app.errors import ConflictError
from app.open311 import remotes_actions, tasks
from app.photos.actions import archive, change_state, upload
from app.photos.commands import UploadCommand
from tests.open311.conftest import ERRORS, Town
from tests.photos.samples import jpeg

MADE = b"<service_requests><request>%s</request></service_requests>"


def test_what_the_organisation_is_given_goes_there_and_nothing_else(town: Town) -> None:
    before = town.report("before the server was known")
    town.add_remote()
    report_id = town.report()
    town.report("another's", east_m=200)
    town.report("not mapped", category="graffiti")
    town.report("without words is fine", category="lift_out", severity=4)
    town.report(None, east_m=1)
    town.tell()
    theirs = town.neighbour.reports()
    assert sorted(one["description"] for one in theirs) == [
        "Ascenseur en panne",  # the category's name: many servers want a description
        "The left lift",
        "without words is fine",
    ]
    (arrived,) = (one for one in theirs if one["description"] == "The left lift")
    assert (arrived["state"], arrived["category_code"], arrived["source"]) == ("new", "lift_out", "open311")
    assert town.pushes() == [("sent", None)] * 3
    assert town.history(report_id) == [("created", "new"), ("open311_sent", None)]
    ((kept,),) = town.sql("SELECT service_request_id FROM open311_push WHERE report_id = :id", id=report_id)
    assert kept == arrived["id"]
    # Looking again, and again from the start, sends nothing twice.
    tasks._SEEN.clear()
    town.tell()
    assert town.neighbour.door.posts == 3
    assert town.history(before) == [("created", "new")]


def test_a_transfer_brings_it_there_too(town: Town) -> None:
    town.add_remote()
    report_id = town.report("at the other door", east_m=200)
    town.tell()
    assert town.pushes() == []
    town.move("hlm-b", report_id, "transfer", organisation="hlm-a", reason="other_place")
    town.tell()
    assert town.pushes() == [("sent", None)]


def test_what_stays_here(town: Town) -> None:
    town.add_remote()
    restricted, circle, closed = town.report("restricted"), town.report("circle"), town.report("closed")
    town.sql("UPDATE report SET visibility = 'restricted' WHERE id = :id", id=restricted)
    town.sql("UPDATE report SET source = 'open311' WHERE id = :id", id=circle)
    town.sql("UPDATE report SET state = 'rejected' WHERE id = :id", id=closed)
    synthetic = town.report("synthetic")
    town.sql("UPDATE report SET is_synthetic = true WHERE id = :id", id=synthetic)
    town.tell()
    assert town.pushes() == []
    assert town.neighbour.door.posts == 0


def test_moved_on_before_it_was_sent(town: Town) -> None:
    town.add_remote()
    one, other = town.report("one"), town.report("other")
    town.office.look()
    town.sql("UPDATE report SET state = 'resolved' WHERE id = :id", id=one)
    town.sql("UPDATE report SET visibility = 'restricted' WHERE id = :id", id=other)
    town.office.do()
    assert sorted(town.pushes()) == [("withheld", "moved_on"), ("withheld", "not_visible")]
    assert town.neighbour.door.posts == 0


def test_only_a_published_photo_goes_along(town: Town) -> None:
    town.add_remote()
    kept = archive(town.office.engine, town.office.settings.var_dir)
    actor = town.world.actors["agent"]
    for name, is_published in (("hidden", False), ("published", True)):
        report_id = town.report(name)
        now, command = datetime.now(UTC), UploadCommand(report_id, "none", None, jpeg(80, 60))
        photo, _new = upload(kept, actor, "reports", report_id, command, now=now)
        if is_published:
            change_state(kept, actor, photo.id, "published", now=now)
    town.tell()
    assert town.pushes() == [("sent", None)] * 2
    assert town.neighbour.photos() == 1


# ── once ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_killed_between_their_storing_it_and_our_note(town: Town, tmp_path: Path) -> None:
    town.add_remote()
    report_id = town.report()
    door = town.neighbour.door
    door.hold = threading.Event()
    worker = town.office.process(tmp_path, WEBHOOK_PRIVATE="1")
    try:
        assert door.stored.wait(60)
    finally:
        worker.kill()
        worker.wait()
    door.hold.set()
    door.hold = None
    assert len(town.neighbour.reports()) == 1
    ((state, begun_at, known),) = town.sql("SELECT state, begun_at, service_request_id FROM open311_push")
    assert (state, known) == ("waiting", None)
    assert begun_at is not None
    town.office.do(stalled_s=0)
    assert town.pushes() == [("sent", None)]
    assert door.posts == 1  # it was looked up, not sent again
    ((known,),) = town.sql("SELECT service_request_id FROM open311_push")
    assert known == town.neighbour.reports()[0]["id"]
    assert town.history(report_id)[-1] == ("open311_sent", None)


def test_a_lost_answer_is_looked_up_and_what_is_not_listed_is_sent_again_rather_than_lost(town: Town) -> None:
    town.add_remote()
    town.report()
    door = town.neighbour.door
    door.lost_answers = 1
    town.tell()
    assert town.pushes() == [("waiting", "answered 504")]
    town.office.hurry()
    town.office.do()
    assert (town.pushes(), door.posts) == ([("sent", None)], 1)
    # The window that nobody can close: it has the report and does not say so.
    town.report("another", east_m=3)
    door.lost_answers, door.lists_nothing = 1, True
    town.tell()
    town.office.hurry()
    town.office.do()
    assert (town.pushes(), door.posts) == ([("sent", None)] * 2, 3)


def test_an_unclear_answer_is_looked_up_and_a_clear_refusal_is_not(town: Town) -> None:
    town.add_remote()
    town.report()
    door = town.neighbour.door
    door.instead = [("502 Bad Gateway", b"<html>")]
    town.tell()
    assert town.pushes() == [("waiting", "answered 502")]
    assert town.sql("SELECT begun_at IS NOT NULL FROM open311_push") == [(True,)]
    town.office.hurry()
    town.office.do()
    assert town.pushes() == [("sent", None)]
    assert (door.posts, len(town.neighbour.reports())) == (2, 1)


def test_a_refusal_ends_it_until_somebody_tries_again(town: Town) -> None:
    remote_id = town.add_remote()
    town.report()
    door = town.neighbour.door
    door.instead = [("400 Bad Request", ERRORS % (400, b"lat: outside"))]
    town.tell()
    assert town.pushes() == [("failed", "answered 400 lat: outside")]
    assert town.sql("SELECT begun_at FROM open311_push") == [(None,)]
    admin = town.world.actors["admin"]
    with unit_of_work(town.office.engine, admin) as uow:
        (push,) = remotes_actions.overview(uow, admin).pushes
        remotes_actions.send_again(uow, admin, push.id)
    town.office.do()
    assert town.pushes() == [("sent", None)]
    with town.office.app.app_context(), unit_of_work(town.office.engine, admin) as uow:
        with pytest.raises(ConflictError):
            remotes_actions.send_again(uow, admin, push.id)
        assert remotes_actions.overview(uow, admin).counts[remote_id].sent == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"<service_requests/>",
        b"<service_requests><request/></service_requests>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><service_requests><request><token>&b;</token></request></service_requests>',
    ],
)
def test_an_answer_without_an_id_is_unclear(town: Town, body: bytes) -> None:
    town.add_remote()
    town.report()
    town.neighbour.door.instead = [("200 OK", body)]
    town.tell()
    ((state, error),) = town.pushes()
    assert state == "waiting"
    assert error is not None


def test_a_token_is_followed_to_its_id(town: Town) -> None:
    town.add_remote()
    report_id = town.report()
    door = town.neighbour.door
    door.instead = [("200 OK", MADE % b"<token>4711</token>")]
    town.tell()
    assert town.sql("SELECT token, service_request_id FROM open311_push") == [("4711", None)]
    door.instead = [("404 Not Found", ERRORS % (404, b"not yet"))]
    town.poll()
    there = b"<service_request_id>77</service_request_id>"
    told = b"<status>closed</status><status_notes>Done by J. at 06 12 34 56 78</status_notes>"
    door.instead = [("200 OK", MADE % there), ("200 OK", MADE % (there + told))]
    town.poll()
    assert town.sql("SELECT service_request_id, remote_state FROM open311_push") == [("77", "closed")]
    assert town.state(report_id) == "resolved"
    ((text,),) = town.sql("SELECT details ->> 'text' FROM report_event WHERE to_state = 'resolved'")
    assert text == "voisine: Done by J. at […]"


def test_a_private_address_is_never_asked(town: Town) -> None:
    town.add_remote()
    town.report()
    strict = town.office.settings.model_copy(update={"webhook_private": False})
    town.office = replace(town.office, settings=strict)
    town.tell()
    ((state, error),) = town.pushes()
    assert (state, error) == ("waiting", "only https is allowed")
    assert town.neighbour.door.posts == 0


def test_the_key_is_sealed_and_another_secret_key_opens_nothing(town: Town) -> None:
    town.add_remote()
    ((stored,),) = town.sql("SELECT api_key_encrypted FROM open311_remote")
    assert town.neighbour.world.tokens["agent"].encode() not in bytes(stored)
    town.report()
    other = town.office.settings.model_copy(update={"secret_key": "another"})
    town.office = replace(town.office, settings=other)
    town.tell()
    assert town.pushes() == [("withheld", "unreadable_secret")]


def test_a_server_that_is_off_gets_nothing_and_a_removed_one_forgets_its_key(town: Town) -> None:
    remote_id: UUID = town.add_remote()
    admin = town.world.actors["admin"]
    town.report("one")
    town.office.look()
    with unit_of_work(town.office.engine, admin) as uow:
        remotes_actions.switch_remote(uow, admin, remote_id, active=False)
    town.office.do()
    town.report("two")
    town.tell()
    assert town.pushes() == [("withheld", "switched_off")]
    with unit_of_work(town.office.engine, admin) as uow:
        remotes_actions.remove_remote(uow, admin, remote_id)
    assert town.sql("SELECT api_key_encrypted FROM open311_remote") == [(None,)]
    town.add_remote()  # the name is free again


def test_older_ones_go_when_somebody_says_so(town: Town) -> None:
    older = town.report("older")
    town.report("older too", east_m=2)
    town.add_remote()
    town.tell()
    assert town.pushes() == []
    admin, engine = town.world.actors["admin"], town.office.engine
    with unit_of_work(engine, admin) as uow:
        remote = remotes_actions.remote_named(uow, admin, "voisine")
    assert remotes_actions.push_now(engine, admin, remote, older, demo_sends=False) == 1
    assert remotes_actions.push_now(engine, admin, remote, None, demo_sends=False) == 1
    town.office.do()
    assert town.pushes() == [("sent", None)] * 2
