"""What a phone keeps is the same whichever process, and whichever request, it was made in."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app.offline import shells


def release_after(client: FlaskClient, first: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a process names its release whose very first page is this one."""
    monkeypatch.setattr(shells, "_kept", None)
    return str(client.get(first).headers["X-Quietude-Release"])


def test_every_process_names_the_same_release(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [
        "/",
        "/map",
        "/login?next=/reports/new",
        *(f"/offline/shell?page={page}&lang=en" for page in shells.TEMPLATES),
    ]
    assert len({release_after(client, page, monkeypatch) for page in pages}) == 1


@pytest.mark.parametrize("page", shells.TEMPLATES)
def test_a_shell_is_the_page_that_it_stands_for(client: FlaskClient, page: str) -> None:
    html = client.get(f"/offline/shell?page={page}&lang=fr").text
    assert re.findall(r'href="([^"]+)" aria-current="page"', html) == [page] * (page in {"/reports/new", "/patrols"})
    assert f'href="/language/en?next={page}"' in html


def test_the_release_changes_when_data_becomes_synthetic(app: Flask, client: FlaskClient, cleaner: Engine) -> None:
    before = client.get("/").headers["X-Quietude-Release"]
    with cleaner.begin() as connection:
        connection.execute(
            text("INSERT INTO organisation (slug, name, kind, is_synthetic) VALUES ('a', 'A', 'landlord', true)")
        )
    app.extensions.pop("quietude_synthetic")
    after = client.get("/offline/shell?page=/near&lang=fr")
    assert after.headers["X-Quietude-Release"] != before
    assert "Données synthétiques" in after.text
