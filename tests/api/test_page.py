"""`/api/`: every operation with an example, in both languages."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.api import examples
from app.api.document import operations


def test_every_operation_is_on_the_page_with_its_examples(app: Flask, client: FlaskClient) -> None:
    page = client.get("/api/", headers={"Accept": "text/html", "Accept-Language": "en"})
    assert page.status_code == 200
    known = list(operations(app))
    assert page.text.count('class="more api-operation"') == len(known)
    for one in known:
        assert f"<code>{one.path.template}</code>" in page.text, one.name
    assert page.text.count("curl \\\n") > len(known) / 2
    assert "http://localhost/api/reports" in page.text


@pytest.mark.parametrize(("language", "words"), [("fr", "Envoyer un signalement"), ("en", "Submit a report")])
def test_it_speaks_both_languages(client: FlaskClient, language: str, words: str) -> None:
    assert words in client.get("/api/", headers={"Accept": "text/html", "Accept-Language": language}).text


def test_the_python_examples_are_python(app: Flask) -> None:
    with app.test_request_context("/"):
        for one in operations(app):
            compile(examples.python(one, "http://localhost"), one.name, "exec")


def test_every_page_leads_there(client: FlaskClient) -> None:
    assert 'href="/api/"' in client.get("/", headers={"Accept": "text/html"}).text
