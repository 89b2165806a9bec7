"""From the history to a real mailbox: who is told what, once, after the commit."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from app.db.session import unit_of_work
from app.nomenclature.store import load_nomenclature
from app.notifications.rules import MAILS_AN_HOUR
from app.notifications.sending import NotDeliveredError, deliver
from app.people.actor import SYSTEM
from app.reports.tasks import escalate_all
from tests.notifications.conftest import Mailbox, Scene


def test_a_new_report_is_told_to_whoever_answers_for_it(scene: Scene, mailbox: Mailbox) -> None:
    scene.wants_mail("hlm-a", "office@hlm-a.example", "night@hlm-a.example")
    scene.wants_mail("hlm-b", "office@hlm-b.example")
    report_id = scene.report(description="The left lift, since this morning")
    scene.office.tell()
    assert sorted(to for to, _raw in mailbox.raw) == ["night@hlm-a.example", "office@hlm-a.example"]
    mail = mailbox.mails[0]
    with unit_of_work(scene.office.engine, SYSTEM) as uow:
        label = load_nomenclature(uow.connection).category_by_code["lift_out"].label("fr")
    assert mail["Subject"] == f"[Quiétude] Nouveau signalement pour vous – {label} · neighbourhood east"
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        said = part.get_content()
        assert f"https://quietude.example/q/reports/{report_id}" in said
        assert "left lift" not in said  # what somebody wrote may name somebody
        assert "The hlm-a" in said
    assert str(mail["List-Unsubscribe"]).strip() == "<https://quietude.example/q/organisations/hlm-a/notifications>"
    assert mail["Auto-Submitted"] == "auto-generated"
    # Reading the history again tells nothing again.
    scene.sql("UPDATE notification_cursor SET horizon = '3'")
    scene.office.tell()
    assert len(mailbox.raw) == 2
    assert scene.states() == [("sent", None)] * 2


def test_what_is_rolled_back_is_not_told(scene: Scene, mailbox: Mailbox) -> None:
    scene.wants_mail("hlm-a", "office@hlm-a.example")
    report_id = scene.report()
    with unit_of_work(scene.office.engine, SYSTEM) as uow:
        uow.raw.cursor().execute(
            "INSERT INTO report_event (report_id, kind, account_id, role, details)"
            " VALUES (%s, 'created', %s, 'agent', jsonb_build_object('responsible_id', %s))",
            (str(report_id), scene.world.actors["agent"].user_id, scene.world.organisations["hlm-a"]),
        )
        scene.office.tell()
        uow.connection.rollback()
    scene.office.tell()
    assert len(mailbox.raw) == 1


def test_a_line_that_is_committed_late_is_not_missed(scene: Scene, mailbox: Mailbox) -> None:
    scene.wants_mail("hlm-a", "office@hlm-a.example")
    first = scene.report()
    with unit_of_work(scene.office.engine, SYSTEM) as slow:
        slow.raw.cursor().execute(
            "INSERT INTO report_event (report_id, kind, account_id, role, details)"
            " VALUES (%s, 'transfer', %s, 'agent', jsonb_build_object('to_organisation_id', %s))",
            (str(first), scene.world.actors["agent"].user_id, scene.world.organisations["hlm-a"]),
        )
        scene.report()  # begun later, committed earlier
        scene.office.tell()
    scene.office.tell()
    assert len(mailbox.raw) == 3


def test_of_a_restricted_report_the_mail_says_only_where_to_read_it(scene: Scene, mailbox: Mailbox) -> None:
    scene.wants_mail("police", "office@police.example")
    with unit_of_work(scene.office.engine, SYSTEM) as uow:
        nomenclature = load_nomenclature(uow.connection)
    category = next(c for c in nomenclature.categories if c.visibility == "restricted" and c.responsible == "police")
    report_id = scene.report(category=category.code, east_m=1000)
    scene.office.tell()
    (mail,) = mailbox.mails
    assert mail["Subject"] == "[Quiétude] Nouveau signalement pour vous"
    assert category.label_fr not in mail.as_string()
    body = mail.get_body(("plain",))
    assert body is not None
    assert str(report_id) in body.get_content()


def test_transfer_question_and_reopening_are_told_to_the_right_one(scene: Scene, mailbox: Mailbox) -> None:
    for slug in ("hlm-a", "hlm-b", "city", "bus"):
        scene.wants_mail(slug, f"office@{slug}.example", language="en")
    report_id = scene.report()
    scene.move("hlm-a", report_id, "transfer", organisation="hlm-b", reason="other_place")
    scene.move("hlm-b", report_id, "acknowledge")
    scene.move("hlm-b", report_id, "ask", text="Which door?")
    scene.move("agent", report_id, "answer", text="The left one")
    scene.move("hlm-b", report_id, "resolve", text="Repaired")
    scene.move("coordinator", report_id, "reopen", text="Still broken")
    scene.office.tell()
    told = sorted(
        (to, str(mail["Subject"]).split(" – ")[0]) for (to, _), mail in zip(mailbox.raw, mailbox.mails, strict=True)
    )
    assert told == [
        ("office@city.example", "[Quiétude] A question for you"),
        ("office@hlm-a.example", "[Quiétude] New report for you"),
        ("office@hlm-b.example", "[Quiétude] Report reopened"),
        ("office@hlm-b.example", "[Quiétude] Report transferred to you"),
    ]


def test_a_deadline_that_passed_is_told_once(scene: Scene, mailbox: Mailbox) -> None:
    scene.wants_mail("hlm-a", "office@hlm-a.example", language="en")
    report_id = scene.report()
    scene.office.tell()
    scene.sql("UPDATE report SET due_at = now() - interval '1 hour' WHERE id = :id", id=report_id)
    assert escalate_all(scene.office.engine) == 1
    scene.office.tell()
    assert escalate_all(scene.office.engine) == 0
    scene.office.tell()
    assert [subject.split(" – ")[0] for subject in mailbox.subjects] == [
        "[Quiétude] Deadline passed",
        "[Quiétude] New report for you",
    ]


def test_a_mail_server_that_is_busy_gets_the_same_mail_again(scene: Scene, mailbox: Mailbox) -> None:
    scene.wants_mail("hlm-a", "office@hlm-a.example")
    mailbox.answers = ["451 try again later", "451 still busy"]
    scene.report()
    scene.office.tell()
    assert (mailbox.raw, scene.states()) == ([], [("waiting", None)])
    for _ in range(2):
        scene.office.hurry()
        scene.office.do()
    (mail,) = mailbox.mails
    ((notification_id,),) = scene.sql("SELECT id FROM notification")
    assert mail["Message-ID"] == f"<{notification_id}@quietude.example>"
    assert scene.states() == [("sent", None)]
    tries = scene.sql("SELECT succeeded, status FROM notification_attempt ORDER BY id")
    assert [tuple(one) for one in tries] == [(False, 451), (False, 451), (True, 250)]


def test_an_address_that_is_refused_for_good_is_not_tried_again(scene: Scene, mailbox: Mailbox) -> None:
    scene.wants_mail("hlm-a", "nobody@hlm-a.example")
    mailbox.answers = ["550 no such mailbox"]
    scene.report()
    scene.office.tell()
    assert scene.states() == [("failed", "refused")]
    assert scene.office.sql("SELECT 1 FROM procrastinate_jobs") == []


def test_a_server_that_is_down_for_days_ends_as_failed(scene: Scene, mailbox: Mailbox) -> None:
    scene = scene.settled(mail_port=1)
    scene.wants_mail("hlm-a", "office@hlm-a.example")
    scene.report()
    scene.office.tell()
    for _ in range(8):
        assert scene.states() == [("waiting", None)] or _ == 7
        scene.office.hurry()
        scene.office.do()
    assert scene.states() == [("failed", "refused")]
    assert [job[0] for job in scene.office.sql("SELECT status::text FROM procrastinate_jobs")] == ["failed"]


def test_without_a_mail_server_it_is_kept_and_said(scene: Scene, mailbox: Mailbox) -> None:
    scene = scene.settled(mail_server=None)
    scene.wants_mail("hlm-a", "office@hlm-a.example")
    scene.report()
    scene.office.tell()
    assert scene.states() == [("not_sent", "no_mail_server")]


def test_the_demo_sends_nothing_unless_it_is_told_to(scene: Scene, mailbox: Mailbox) -> None:
    scene.office.sql("UPDATE organisation SET is_synthetic = true")
    scene.wants_mail("hlm-a", "office@hlm-a.example")
    scene.report()
    scene.office.tell()
    assert (mailbox.raw, scene.states()) == ([], [("not_sent", "synthetic")])
    told = scene.settled(demo_sends=True)
    told.report()
    told.office.tell()
    assert "[Quiétude, données synthétiques]" in mailbox.subjects[0]


def test_a_flood_ends_in_the_digest(scene: Scene, mailbox: Mailbox) -> None:
    scene.wants_mail("hlm-a", "office@hlm-a.example")
    scene.report()
    scene.office.tell()
    scene.sql(
        "INSERT INTO notification (organisation_id, channel, kind, recipient, state, ended_at)"
        " SELECT organisation_id, 'mail', 'test', recipient, 'sent', now() FROM notification, generate_series(2, :n)",
        n=MAILS_AN_HOUR,
    )
    scene.report()
    scene.office.tell()
    assert len(mailbox.raw) == 1
    assert ("not_sent", "too_many") in scene.states()


def test_two_workers_at_once_send_each_mail_once(scene: Scene, mailbox: Mailbox) -> None:
    scene.wants_mail("hlm-a", "office@hlm-a.example")
    for _ in range(10):
        scene.report()
    workers = [threading.Thread(target=scene.office.tell) for _ in range(2)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    scene.office.tell()
    ids = [str(mail["Message-ID"]) for mail in mailbox.mails]
    assert len(ids) == len(set(ids)) == 10


def test_while_one_sends_it_no_other_does(scene: Scene, mailbox: Mailbox) -> None:
    """As when a worker was only slow and its job was given to another one."""
    scene.wants_mail("hlm-a", "office@hlm-a.example")
    scene.report()
    scene.office.look()
    ((notification_id,),) = scene.sql("SELECT id FROM notification")
    mailbox.hold.clear()
    slow = threading.Thread(target=scene.office.do)
    slow.start()
    try:
        assert mailbox.arrived.wait(60)
        with scene.office.context(), pytest.raises(NotDeliveredError):
            deliver(scene.office.work, notification_id)
    finally:
        mailbox.hold.set()
        slow.join()
    assert len(mailbox.raw) == 1


def test_a_worker_that_is_killed_while_it_sends(scene: Scene, mailbox: Mailbox, tmp_path: Path) -> None:
    """Killed before the server said "accepted": the server drops it, and the next worker sends the one mail."""
    scene.wants_mail("hlm-a", "office@hlm-a.example")
    mailbox.hold.clear()
    settings = scene.office.settings
    scene.report()
    killed = scene.office.process(
        tmp_path, MAIL_SERVER="127.0.0.1", MAIL_PORT=str(settings.mail_port), PUBLIC_URL=str(settings.public_url)
    )
    try:
        assert mailbox.arrived.wait(60)
        # While it sends, nobody else begins: neither as a new job nor as a stalled one.
        scene.office.do()
        assert scene.states() == [("waiting", None)]
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    assert mailbox.dropped.wait(60)
    mailbox.hold.set()
    scene.office.do(stalled_s=0)
    assert len(mailbox.raw) == 1
    assert scene.states() == [("sent", None)]


def test_a_crash_after_the_server_accepted_is_a_second_mail_that_says_it_is_the_same(
    scene: Scene, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one window that no mail system closes."""
    scene.wants_mail("hlm-a", "office@hlm-a.example")
    scene.report()
    with monkeypatch.context() as patch:
        patch.setattr("app.notifications.sending._end", lambda *_args: 1 / 0)
        scene.office.tell()
    assert scene.states() == [("waiting", None)]
    scene.office.hurry()
    scene.office.do()
    first, second = mailbox.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert scene.states() == [("sent", None)]
