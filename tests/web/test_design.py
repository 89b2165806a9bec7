"""The frame keeps its promises: contrast in both schemes, pictograms for all, nothing that the CSP forbids."""

from __future__ import annotations

import csv
import json
import re
import struct
import tomllib
from itertools import product
from pathlib import Path

import pytest

from app.version import VERSION

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "app/web/static"
TEMPLATES = sorted(ROOT.glob("app/**/templates/**/*.html"))
CSS = (STATIC / "css/app.css").read_text()

# Text and what it stands on: WCAG 2.1 AA asks for 4.5.
TEXT_PAIRS = [
    *product(["ink", "ink-soft", "accent", "danger"], ["paper", "surface"]),
    ("ink", "sunk"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("accent-strong", "accent-soft"),
    ("ink", "accent-soft"),
    ("danger", "danger-soft"),
    ("warn", "warn-soft"),
    ("good", "good-soft"),
    ("ink-soft", "land"),
]
# Borders of controls and the steps of the severity: 3.
SHAPE_PAIRS = [
    ("control", "surface"),
    ("accent", "surface"),
    ("accent", "paper"),
    *((f"severity-{step}", "surface") for step in (1, 2, 3, 4)),
]


def _tokens(scheme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\n\s*\}", CSS, re.DOTALL)[:2]
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light))
    return found if scheme == "light" else found | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", dark))


def _luminance(colour: str) -> float:
    """WCAG 2.1, relative luminance."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back"), TEXT_PAIRS)
def test_text_is_readable(scheme: str, front: str, back: str) -> None:
    tokens = _tokens(scheme)
    assert _contrast(tokens[front], tokens[back]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back"), SHAPE_PAIRS)
def test_shapes_stand_out(scheme: str, front: str, back: str) -> None:
    tokens = _tokens(scheme)
    assert _contrast(tokens[front], tokens[back]) >= 3


def _symbols() -> list[str]:
    return re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text())


def test_every_theme_and_category_has_a_pictogram() -> None:
    rows = list(csv.DictReader((ROOT / "app/nomenclature/default.csv").read_text().splitlines()))
    wanted = {f"category-{row['code']}" for row in rows} | {f"theme-{row['theme']}" for row in rows}
    assert len(wanted) == 46 + 8
    assert wanted <= set(_symbols())
    assert len(_symbols()) == len(set(_symbols()))


def test_every_icon_that_a_template_or_script_names_is_drawn() -> None:
    texts = [path.read_text() for path in (*TEMPLATES, *STATIC.glob("js/*.js"))]
    named = {name for text in texts for name in re.findall(r"['\"#]((?:ui|map)-[a-z]+)['\"]", text)}
    used = {name for text in texts for name in re.findall(r"icon\('(ui-[a-z]+)'", text)}
    assert used <= set(_symbols())
    assert {name for name in named if name.startswith("ui-")} <= set(_symbols())


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_template_needs_what_the_policy_forbids(path: Path) -> None:
    if "email" in path.parts or path.stem.endswith("_pdf"):
        pytest.skip("a mail or a printed sheet is no page and under no policy")
    text = path.read_text()
    if path.name == "takeaway.html":
        # A file for the disk carries everything inside and a policy of its own, which lets nothing out.
        assert "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:;" in text
        return
    assert not re.search(r"<[^>]+\sstyle=", text), "inline style attribute"
    assert not re.search(r"<[^>]+\son[a-z]+=", text), "inline event handler"
    assert not re.search(r"<style(?![^>]*nonce)", text), "style block without nonce"
    assert not re.search(r"<script(?![^>]*(src=|nonce=))", text), "script block without nonce"
    assert not re.search(r"(src|href)=\"https?://", text), "another origin"


def test_manifest_names_icons_of_the_size_it_says() -> None:
    manifest = json.loads((STATIC / "manifest.webmanifest").read_text())
    assert manifest["start_url"] == "/reports/new"
    for icon in manifest["icons"]:
        path = STATIC / icon["src"].removeprefix("/static/")
        if path.suffix == ".png":
            width, height = struct.unpack(">II", path.read_bytes()[16:24])
            assert icon["sizes"] == f"{width}x{height}"
        else:
            assert path.is_file()


def test_version_is_the_packages() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION
