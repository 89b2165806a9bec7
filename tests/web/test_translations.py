"""French is complete: every msgid of code and templates has a translation with the same placeholders."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
FRENCH = ROOT / "app/web/translations/fr/LC_MESSAGES/messages.po"
PLACEHOLDER = re.compile(r"%\((\w+)\)[a-z]")


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    template = tmp_path_factory.mktemp("messages") / "messages.pot"
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "pyproject.toml", "-k", "_l"]
    subprocess.run([*command, "-o", str(template), "."], cwd=ROOT, check=True)
    with template.open("rb") as file:
        return read_po(file)


@pytest.fixture(scope="module")
def french() -> Catalog:
    with FRENCH.open("rb") as file:
        return read_po(file, locale="fr")


def _texts(value: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def test_there_are_messages_at_all(used: Catalog) -> None:
    assert len(used) > 100


def test_no_message_is_missing_or_fuzzy(used: Catalog, french: Catalog) -> None:
    missing = []
    for message in used:
        if not message.id:
            continue
        found = french.get(message.id, message.context)
        if found is None or found.fuzzy or not all(_texts(found.string)):
            missing.append(message.id)
    assert missing == []


def test_nothing_is_translated_that_nobody_says(used: Catalog, french: Catalog) -> None:
    assert [message.id for message in french if message.id and used.get(message.id) is None] == []


def test_placeholders_are_the_same(french: Catalog) -> None:
    wrong = []
    for message in french:
        if not message.id:
            continue
        allowed = set(PLACEHOLDER.findall(" ".join(_texts(message.id))))
        for text in _texts(message.string):
            if not set(PLACEHOLDER.findall(text)) <= allowed:
                wrong.append((message.id, text))
            # A French singular may say "un" instead of the number; every other name must be there.
            elif not allowed - {"num"} <= set(PLACEHOLDER.findall(text)):
                wrong.append((message.id, text))
    assert wrong == []
