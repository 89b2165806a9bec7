"""What looks like a person: every case of the corpus, what decision 29 measures, and what the server makes of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from app.reports.screening import Find, certain_finds, screen
from tests.reports.samples import body
from tests.reports.screening_cases import CASES, HELD_OUT, Case


def _kinds(text: str) -> frozenset[str]:
    return frozenset(find.kind for find in screen(text))


@pytest.mark.parametrize("case", [*CASES, *HELD_OUT], ids=lambda case: case.text)
def test_case(case: Case) -> None:
    assert (_kinds(case.text) == case.kinds) is not case.missed


@pytest.mark.parametrize(
    ("kinds", "precision", "recall"),
    [(("email", "phone", "plate"), 1.0, 1.0), (("name",), 0.95, 0.8), (("address", "look"), 0.95, 0.85)],
)
def test_texts_that_the_rules_never_saw(kinds: tuple[str, ...], precision: float, recall: float) -> None:
    right = found = wanted = 0
    for case in HELD_OUT:
        there, said = case.kinds & set(kinds), _kinds(case.text) & set(kinds)
        right, found, wanted = right + len(there & said), found + len(said), wanted + len(there)
    assert right / found >= precision
    assert right / wanted >= recall


def test_the_piece_is_named_and_certain_wins() -> None:
    text = "Mme Dupont, 06 12 34 56 78, voiture de Kevin AA-123-AA"
    assert [(find.kind, find.certain, find.found) for find in screen(text)] == [
        ("name", False, "Mme Dupont"),
        ("phone", True, "06 12 34 56 78"),
        ("name", False, "Kevin"),
        ("plate", True, "AA-123-AA"),
    ]
    assert all(find.certain for find in certain_finds(text))


def test_positions_are_those_of_the_composed_text() -> None:
    decomposed = "E\u0301lodie Caron"  # as some keyboards of phones send it
    (find,) = screen(decomposed)
    assert find == Find("name", certain=False, start=0, end=12, found="Élodie Caron")


@pytest.mark.parametrize("piece", ["a@", "06 ", "Mme ", "rue de la ", "A1", "@a.a", "M. A", "chez les "])
def test_no_text_takes_long(piece: str) -> None:
    """Nested repetition would take hours, not milliseconds: the test would never end."""
    screen(piece * (20_000 // len(piece)))


# ── on the server ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("voir avec k.benali@exemple.fr", "k.benali@exemple.fr"),
        ("rappeler au 06 12 34 56 78", "06 12 34 56 78"),
        ("Clio AB-123-CD", "AB-123-CD"),
    ],
)
def test_what_is_certain_is_refused_at_its_field(
    client: FlaskClient, bearer: Callable[..., dict[str, str]], text: str, found: str
) -> None:
    headers = bearer("agent")
    sent = body(description=text)
    answer = client.post("/api/reports", json=sent, headers=headers)
    assert answer.status_code == 422
    (error,) = answer.get_json()["errors"]
    assert (error["field"], error["code"]) == ("description", "person")
    assert found in error["message"]
    # Nothing of it was kept: the id is free for the corrected one.
    assert client.post("/api/reports", json=sent | {"description": "devant"}, headers=headers).status_code == 201


def test_what_is_uncertain_is_accepted(client: FlaskClient, bearer: Callable[..., dict[str, str]]) -> None:
    answer = client.post("/api/reports", json=body(description="Mme Dupont, rue Victor Hugo"), headers=bearer("agent"))
    assert answer.status_code == 201


def test_moves_and_interventions_take_no_phone_number(
    client: FlaskClient, bearer: Callable[..., dict[str, str]]
) -> None:
    sent = body()
    client.post("/api/reports", json=sent, headers=bearer("agent"))
    coordinator = bearer("coordinator")
    move = {"move": "reject", "version": 1, "reason": "other", "text": "appelez 0612345678"}
    answer = client.post(f"/api/reports/{sent['id']}/moves", json=move, headers=coordinator)
    assert (answer.status_code, answer.get_json()["errors"][0]["field"]) == (422, "text")
    intervention = {"description": "mail à paul@exemple.fr"}
    answer = client.post("/api/interventions", json=intervention, headers=bearer("bailleur"))
    errors = {error["field"]: error.get("code") for error in answer.get_json()["errors"]}
    assert (answer.status_code, errors["description"]) == (422, "person")


def test_a_round_takes_no_plate(client: FlaskClient, bearer: Callable[..., dict[str, str]]) -> None:
    answer = client.post("/api/patrols", json={"title": "Suivre AA-123-AA"}, headers=bearer("agent"))
    errors = {error["field"]: error.get("code") for error in answer.get_json()["errors"]}
    assert (answer.status_code, errors["title"]) == (422, "person")
