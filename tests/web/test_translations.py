"""French is complete: every msgid of code and templates has a translation with the same placeholders."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import flask_security
import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from flask.testing import FlaskClient

ROOT = Path(__file__).parents[2]
FRENCH = ROOT / "app/web/translations/fr/LC_MESSAGES/messages.po"
GUIDE = ROOT / "docs/guide"
SIGN_IN = FRENCH.with_name("flask_security.po")
# A colon, a semicolon and their like never begin a line; quotation marks keep their word; one kind of apostrophe.
SLOPPY = re.compile(r"[^\u00a0]:(?:\s|$)| [:;!?»]|[^\u202f\W\d][!?;]|« |[“”’]")
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


def _texts(value: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ("",))


def _plain_spaces(text: str) -> str:
    return re.sub(r"[ \u00a0\u202f]", " ", text)


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
    assert [message.id for message in french if message.id and used.get(message.id, message.context) is None] == []


def test_placeholders_are_the_same(french: Catalog) -> None:
    wrong = []
    for message in french:
        if not message.id:
            continue
        allowed = set(PLACEHOLDER.findall(" ".join(_texts(message.id))))
        for text in _texts(message.string):
            said = set(PLACEHOLDER.findall(text))
            # A French singular may say "un" instead of the number; every other name must be there.
            if not allowed - {"num"} <= said <= allowed:
                wrong.append((message.id, text))
    assert wrong == []


@pytest.mark.parametrize("catalogue", [FRENCH, SIGN_IN], ids=["ours", "sign-in"])
def test_punctuation_is_french(catalogue: Path) -> None:
    with catalogue.open("rb") as file:
        texts = [text for message in read_po(file, locale="fr") if message.id for text in _texts(message.string)]
    assert len(texts) > 50
    assert [text for text in texts if SLOPPY.search(text)] == []


def test_guide_quotes_what_the_screens_say(french: Catalog) -> None:
    texts = [_plain_spaces(text) for message in french for text in _texts(message.string) if text]
    said = [re.compile(re.sub(r"%\\\((\w+)\\\)s", ".+", re.escape(text).replace(r"\ ", " "))) for text in texts]
    guide = _plain_spaces(" ".join(page.read_text("utf-8") for page in GUIDE.glob("*.md")))
    quotes = re.findall(r"« (.+?) »", guide)
    assert len(quotes) >= 5
    assert [quote for quote in quotes if not any(pattern.fullmatch(quote) for pattern in said)] == []


def test_sign_in_words_replace_what_the_library_says() -> None:
    source = Path(flask_security.__file__).parent / "translations/flask_security.pot"
    with source.open("rb") as known_file, SIGN_IN.open("rb") as ours_file:
        known, ours = read_po(known_file), read_po(ours_file, locale="fr")
    for message in ours:
        if message.id:
            assert known.get(message.id) is not None, message.id
            assert message.string
            assert set(PLACEHOLDER.findall(str(message.string))) <= set(PLACEHOLDER.findall(str(message.id)))


def test_sign_in_page_speaks_one_language(client: FlaskClient) -> None:
    french = client.get("/login").text
    assert "Adresse électronique" in french
    assert "Email" not in french
    client.set_cookie("quietude_language", "en")
    english = client.get("/login").text
    assert "Email Address" in english
    assert "Adresse" not in english
