"""The coordination's list of texts that may be about a person: what is on it, who may, what a decision leaves."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.desk import texts_actions
from tests.desk.moves_world import DeskWorld

NOW = datetime.now(UTC)
NAMED = "Monsieur Dupont dépose ses sacs ici"


def written(desk: DeskWorld, text: str, minutes_ago: int = 0) -> UUID:
    """A report with a text, as an author may have kept it."""
    report = desk.report("hlm-a", NOW - timedelta(minutes=minutes_ago))
    desk.sql("UPDATE report SET description = :text WHERE id = :id", text=text, id=report)
    return report


def listed(desk: DeskWorld, address: str = "/desk/texts", who: str = "coordinator") -> list[UUID]:
    answer = desk.browse(who).get(address)
    assert answer.status_code == 200, answer.text
    return [UUID(one) for one in re.findall(r'href="/reports/([0-9a-f-]{36})"', answer.text)]


def decide(desk: DeskWorld, report: UUID, decision: str, who: str = "coordinator", **form: Any) -> Any:
    version = desk.sql("SELECT version FROM report WHERE id = :id", id=report)[0][0]
    form = {"decision": decision, "version": str(version)} | form
    return desk.browse(who).post(f"/desk/texts/{report}", "/account", **form)


def text_of(desk: DeskWorld, report: UUID) -> str | None:
    found: str | None = desk.sql("SELECT description FROM report WHERE id = :id", id=report)[0][0]
    return found


def history(desk: DeskWorld, report: UUID) -> list[tuple[str, str]]:
    """What was done, and everything that the history keeps of it."""
    query = "SELECT kind, details::text FROM report_event WHERE report_id = :id AND kind LIKE 'text%' ORDER BY id"
    return [(row[0], row[1]) for row in desk.sql(query, id=report)]


def test_what_may_be_a_person_is_listed_the_newest_first_and_marked(desk: DeskWorld) -> None:
    older = written(desk, NAMED, minutes_ago=5)
    newer = written(desk, "Un homme barbu traîne devant", minutes_ago=1)
    written(desk, "Sacs devant le hall, rue Jean Jaurès")
    desk.report("hlm-a", NOW)
    assert listed(desk) == [newer, older]
    page = desk.browse("coordinator").get("/desk/texts").text
    assert "<mark>Monsieur Dupont</mark> dépose ses sacs ici" in page
    assert "«\xa0Monsieur Dupont\xa0»\xa0: peut-être un nom de personne." in page


def test_kept_is_gone_from_the_list_until_the_text_is_another(desk: DeskWorld) -> None:
    report = written(desk, NAMED)
    assert decide(desk, report, "keep").status_code == 303
    assert listed(desk) == []
    assert text_of(desk, report) == NAMED
    desk.sql("UPDATE report SET description = 'Madame Durand aussi' WHERE id = :id", id=report)
    assert listed(desk) == [report]


def test_changed_and_hidden_leave_nothing_of_the_old_text(desk: DeskWorld) -> None:
    changed, hidden = written(desk, NAMED, 1), written(desk, NAMED)
    assert decide(desk, changed, "change", text="  Des sacs sont déposés ici ").status_code == 303
    assert decide(desk, hidden, "hide").status_code == 303
    assert (text_of(desk, changed), text_of(desk, hidden)) == ("Des sacs sont déposés ici", None)
    assert listed(desk) == []
    assert [kind for kind, _ in history(desk, changed) + history(desk, hidden)] == ["text_changed", "text_hidden"]
    for report, said in ((changed, "Texte modifié"), (hidden, "Texte masqué")):
        page = desk.browse("coordinator").get(f"/reports/{report}").text
        assert said in page
        assert "Dupont" not in page + str(history(desk, report))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"decision": "change", "text": " "}, "Écrivez un texte, ou masquez-le."),
        ({"decision": "change", "text": "appeler le 06 12 34 56 78"}, "Retirez «\xa006 12 34 56 78\xa0»"),
        ({"decision": "change", "text": "<b>ici</b>"}, "pas de HTML"),
        ({"decision": "burn"}, "Rouvrez la liste"),
        ({"decision": "keep", "version": "x"}, "Rouvrez la liste"),
    ],
)
def test_refused_input_is_said_and_nothing_stored(desk: DeskWorld, form: dict[str, str], said: str) -> None:
    report = written(desk, NAMED)
    answer = decide(desk, report, **form)
    assert answer.status_code == 422
    assert said in answer.text
    assert (text_of(desk, report), history(desk, report)) == (NAMED, [])


def test_a_report_that_changed_meanwhile_is_not_touched(desk: DeskWorld) -> None:
    report = written(desk, NAMED)
    for decision in ("keep", "hide"):
        assert decide(desk, report, decision, version="1").status_code == 409
    assert (text_of(desk, report), history(desk, report)) == (NAMED, [])


@pytest.mark.parametrize("who", ["agent", "hlm-a", "planner", "admin"])
def test_nobody_else_sees_or_decides(desk: DeskWorld, who: str) -> None:
    report = written(desk, NAMED)
    assert desk.browse(who).get("/desk/texts").status_code == 403
    assert decide(desk, report, "hide", who=who).status_code == 403
    assert text_of(desk, report) == NAMED


def test_only_the_coordinations_desk_leads_to_it(desk: DeskWorld) -> None:
    assert 'href="/desk/texts"' in desk.browse("coordinator").get("/desk").text
    assert "/desk/texts" not in desk.browse("hlm-a").get("/desk").text


def test_pages_go_on_where_the_last_ended(desk: DeskWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts_actions, "PAGE", 2)
    monkeypatch.setattr(texts_actions, "MOST_TEXTS", 3)
    named = [written(desk, NAMED, minutes_ago=minutes) for minutes in range(3)]
    for minutes in range(3, 8):
        written(desk, "devant le hall", minutes_ago=minutes)
    last = written(desk, NAMED, minutes_ago=9)
    seen: list[UUID] = []
    address = "/desk/texts"
    for _page in range(6):
        page = desk.browse("coordinator").get(address).text
        seen += [UUID(one) for one in re.findall(r'href="/reports/([0-9a-f-]{36})"', page)]
        following = re.search(r'rel="next" href="([^"]+)"', page)
        if following is None:
            break
        address = following[1]
    assert seen == [*named, last]
    assert desk.browse("coordinator").get("/desk/texts?after=x").status_code == 400
    assert desk.browse("coordinator").get("/desk/texts?page=2").status_code == 400
