"""The morning's mail: at 07:30 in Amiens, summer and winter, once, and only when there is something to say."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from app.notifications.rules import digest_day
from app.notifications.tasks import decide_digests
from tests.notifications.conftest import Mailbox, Scene

MORNING = datetime(2026, 3, 27, 7, 30, tzinfo=UTC)  # 08:30 in Amiens


@pytest.mark.parametrize(
    ("utc", "day"),
    [
        ("2026-01-15T06:29:59", None),
        ("2026-01-15T06:30:00", date(2026, 1, 15)),  # winter: UTC+1
        ("2026-07-15T05:29:59", None),
        ("2026-07-15T05:30:00", date(2026, 7, 15)),  # summer: UTC+2
        ("2026-03-28T05:45:00", None),  # the day before the clocks go forward
        ("2026-03-29T05:30:00", date(2026, 3, 29)),  # the day on which they did
        ("2026-10-24T05:30:00", date(2026, 10, 24)),
        ("2026-10-25T05:45:00", None),  # the day on which they went back
        ("2026-10-25T06:30:00", date(2026, 10, 25)),
        ("2026-01-15T22:59:59", date(2026, 1, 15)),
        ("2026-01-15T23:30:00", None),  # past midnight in Amiens
    ],
)
def test_when_the_digest_is_due(utc: str, day: date | None) -> None:
    moment = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert digest_day(moment) == day
    for hours in (-11, -3, 5.5, 13):  # wherever the server's own clock stands
        assert digest_day(moment.astimezone(timezone(timedelta(hours=hours)))) == day


def test_it_says_what_waits_and_what_is_late(scene: Scene, mailbox: Mailbox) -> None:
    scene.wants_mail("hlm-a", "office@hlm-a.example", digest=True)
    scene.sql("UPDATE notification_setting SET kinds = '{}'")
    waiting, late, done = scene.report(), scene.report(), scene.report()
    scene.sql("UPDATE report SET due_at = now() + interval '9 days' WHERE id = :id", id=waiting)
    scene.move("hlm-a", late, "acknowledge")
    scene.sql("UPDATE report SET due_at = now() - interval '1 hour' WHERE id = :id", id=late)
    scene.move("hlm-a", done, "acknowledge")
    scene.sql("UPDATE report SET due_at = now() + interval '9 days' WHERE id = :id", id=done)
    assert decide_digests(scene.office.engine, datetime.now(UTC).replace(hour=12)) == 1
    scene.office.do()
    (mail,) = mailbox.mails
    assert mail["Subject"] == "[Quiétude] 1 signalement hors délai, 1 signalement à prendre en compte"
    body = mail.get_body(("plain",))
    assert body is not None
    said = body.get_content()
    assert [said.count(str(one)) for one in (waiting, late, done)] == [1, 1, 0]
    assert said.index(str(late)) < said.index(str(waiting))


def test_once_a_day_and_only_with_something_to_say(scene: Scene, mailbox: Mailbox) -> None:
    scene.wants_mail("hlm-a", "office@hlm-a.example", digest=True)
    scene.wants_mail("hlm-b", "office@hlm-b.example", digest=True)
    scene.wants_mail("bus", "office@bus.example", digest=False)
    scene.report()
    assert decide_digests(scene.office.engine, MORNING.replace(hour=6, minute=29)) == 0  # 07:29 in Amiens
    assert decide_digests(scene.office.engine, MORNING) == 1
    assert decide_digests(scene.office.engine, MORNING + timedelta(hours=2)) == 0
    # hlm-b had nothing in the morning: what comes during the day waits for tomorrow.
    scene.report(east_m=200)
    assert decide_digests(scene.office.engine, MORNING + timedelta(hours=5)) == 0
    assert decide_digests(scene.office.engine, MORNING + timedelta(days=1)) == 2


def test_two_workers_at_once_decide_it_once(scene: Scene, mailbox: Mailbox) -> None:
    for slug in ("hlm-a", "hlm-b", "city", "bus"):
        scene.wants_mail(slug, f"office@{slug}.example", digest=True)
    scene.report()
    scene.report(east_m=200)
    found: list[int] = []
    workers = [
        threading.Thread(target=lambda: found.append(decide_digests(scene.office.engine, MORNING))) for _ in range(3)
    ]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert sum(found) == 2
    scene.office.do()
    assert sorted(to for to, _raw in mailbox.raw) == ["office@hlm-a.example", "office@hlm-b.example"]


def test_nothing_is_sent_when_everything_was_done_meanwhile(scene: Scene, mailbox: Mailbox) -> None:
    scene.wants_mail("hlm-a", "office@hlm-a.example", digest=True)
    report_id = scene.report()
    assert decide_digests(scene.office.engine, MORNING) == 1
    scene.move("hlm-a", report_id, "acknowledge")
    scene.office.do()
    assert mailbox.raw == []
    assert scene.states() == [("not_sent", "nothing_due")]


def test_switched_on_in_the_afternoon_it_begins_tomorrow(scene: Scene, mailbox: Mailbox) -> None:
    scene.wants_mail("hlm-a", "office@hlm-a.example", digest=True, now=MORNING + timedelta(hours=6))
    scene.wants_mail("hlm-b", "office@hlm-b.example", digest=True, now=MORNING - timedelta(hours=6))
    scene.report()
    scene.report(east_m=200)
    assert decide_digests(scene.office.engine, MORNING + timedelta(hours=7)) == 1  # hlm-b, which chose before 07:30
    assert decide_digests(scene.office.engine, MORNING + timedelta(days=1)) == 2
