"""Maps to take along over HTTP and from the shell: what is in them, for whom, within which bounds."""

from __future__ import annotations

import base64
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from flask import Flask
from PIL import Image
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.heat import takeaway_routes
from app.heat.takeaway_cli import map_command
from app.people.actions import create_token
from app.people.actor import SYSTEM, Actor
from app.people.commands import NewToken
from app.web import pdf
from tests.heat.application import heat_application
from tests.heat.conftest import AMIENS, add_report

TODAY = date(2026, 11, 24)
LON, LAT = AMIENS
KINDS = ("html", "png", "pdf")
Ask = Callable[..., Any]


@pytest.fixture
def app(clean: None, app_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The application with these files alone, on a fixed day, with a cube as fresh as the request."""
    with heat_application(app_url, tmp_path, monkeypatch, TODAY, "heat.takeaway_routes") as made:
        yield made


_ACCOUNT = text("""
    WITH maker AS (INSERT INTO organisation (slug, name, kind) VALUES (:role, :role, 'city') RETURNING id)
    INSERT INTO account (email, fs_uniquifier, organisation_id, role_id)
    SELECT :role, :role, maker.id, role.id FROM maker, role WHERE role.name = :role
    RETURNING id, organisation_id
""")
_PLACE = text("""
    INSERT INTO place (kind, code, name, geom_4326, is_territory, source)
    VALUES (:kind, :name, :name, ST_MakeEnvelope(:west, :south, :east, :north, 4326), :kind = 'commune', 'test')
""")
HOSTILE = "Saint-Leu </script><img src=x onerror=alert(1)> & l'Hôtel"


@pytest.fixture
def ask(app: Flask, engine: Engine) -> Ask:
    """Asks with a token of an account of some role, or as the public; a commune with one neighbourhood is there."""
    headers: dict[str, dict[str, str]] = {"": {}}
    with unit_of_work(engine, SYSTEM) as uow:
        box = {"west": LON - 0.04, "south": LAT - 0.02, "east": LON + 0.04, "north": LAT + 0.02}
        uow.connection.execute(_PLACE, box | {"kind": "commune", "name": "Amiens"})
        uow.connection.execute(_PLACE, box | {"kind": "neighbourhood", "name": HOSTILE, "west": LON - 0.01})

    def token(role: Any) -> dict[str, str]:
        with unit_of_work(engine, SYSTEM) as uow:
            row = uow.connection.execute(_ACCOUNT, {"role": role}).one()
            issued = create_token(
                uow.connection, Actor(role, row.id, row.organisation_id), NewToken(name="test", scope="read")
            )
        return {"Authorization": f"Bearer {issued.secret}"}

    def asker(path: str, who: str = "", **query: str) -> Any:
        if who not in headers:
            headers[who] = token(who)
        return app.test_client().get(path, query_string=query, headers=headers[who])

    return asker


@pytest.fixture
def environment(app_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings for a command; the folder it may write to."""
    for name, value in {
        "DATABASE_URL": app_url,
        "VAR_DIR": str(tmp_path),
        "SECRET_KEY": "a-key-for-tests-only",
    }.items():
        monkeypatch.setenv(f"QUIETUDE_{name}", value)
    return tmp_path


@pytest.fixture
def fill(engine: Engine, clean: None) -> Callable[..., None]:
    """Adds that many reports on one point."""

    def add(count: int, **given: object) -> None:
        with unit_of_work(engine, SYSTEM) as uow:
            for _ in range(count):
                add_report(uow.connection, **given)

    return add


def embedded_image(page: str) -> tuple[Image.Image, list[list[float]]]:
    """The surface in an HTML file, and the corners that it is laid between: [[south, west], [north, east]]."""
    found = re.search(r'L\.imageOverlay\("data:image/png;base64,([^"]+)", (\[\[.*?\]\])', page)
    assert found
    return Image.open(io.BytesIO(base64.b64decode(found[1]))), json.loads(found[2])


def test_the_file_holds_everything_and_names_nobody_elses_address(ask: Ask, fill: Callable[..., None]) -> None:
    fill(7)
    answer = ask("/map.html", "planner", **{"from": "2026-01-01", "theme": "cleanliness"})
    assert "Organisme : planner" in ask("/map.html", "planner", organisation="planner").get_data(as_text=True)
    assert answer.mimetype == "text/html"
    assert 'attachment; filename="quietude-' in answer.headers["Content-Disposition"]
    page = answer.get_data(as_text=True)
    assert len(answer.data) < 1_000_000
    # Comments and texts of Leaflet name addresses; nothing is fetched by script, style, image or frame.
    assert not re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=", page)
    assert not re.findall(r"url\((?!#|['\"]?data:)", page.split("leaflet-vml-shape")[0])
    assert "default-src 'none'" in page
    for said in ("7 signalements", "du 1er janv. 2026 au 24 nov. 2026", "Propreté", "signalements par km² et 30 jours",
                 "Lissage sur 150", "Réservée aux partenaires", "Source\u00a0: Quiétude"):  # fmt: skip
        assert said in page, said
    assert '<td class="number">7</td>' in page


def test_a_hostile_name_stays_a_name(ask: Ask, fill: Callable[..., None]) -> None:
    fill(7)
    page = ask("/map.html", "planner").get_data(as_text=True)
    assert "<img" not in page
    assert page.count("</script>") == 2
    assert "Saint-Leu &lt;/script&gt;" in page  # the table
    assert "Saint-Leu \\u003c/script\\u003e" in page  # the map
    assert ask("/map.pdf", "planner").status_code == 200


def test_the_surface_lies_where_the_reports_are(ask: Ask, fill: Callable[..., None]) -> None:
    lon, lat = LON - 0.021, LAT + 0.012
    fill(7, lon=lon, lat=lat)
    image, ((south, west), (north, east)) = embedded_image(ask("/map.html", "planner").get_data(as_text=True))
    alpha = np.asarray(image.convert("RGBA"))[..., 3]
    strongest = np.asarray(image) == np.asarray(image).max()
    rows, columns = np.nonzero(strongest & (alpha > 0))

    def mercator(latitude: float) -> float:
        return float(np.arcsinh(np.tan(np.radians(latitude))))

    x = (lon - west) / (east - west) * image.width
    y = (mercator(north) - mercator(lat)) / (mercator(north) - mercator(south)) * image.height
    assert columns.mean() + 0.5 == pytest.approx(x, abs=1.0)
    assert rows.mean() + 0.5 == pytest.approx(y, abs=1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_public_gets_protected_counts_only(kind: str, ask: Ask, fill: Callable[..., None]) -> None:
    before = ask(f"/map.{kind}")
    assert before.status_code == 200
    fill(4)  # fewer than k: nothing is to be seen of them
    after = ask(f"/map.{kind}")
    if kind == "html":
        strip = re.compile(r"le \d+ nov\. 2026, \d\d:\d\d|_[0-9a-f]{32}")
        # folium's names are random.
        assert strip.sub("", after.get_data(as_text=True)) == strip.sub("", before.get_data(as_text=True))
        assert "Public\u00a0: peut être diffusée." in after.get_data(as_text=True)
        assert "4 signalements" in ask("/map.html", "planner").get_data(as_text=True)
    if kind == "png":
        areas = [np.asarray(Image.open(io.BytesIO(one.data)).convert("RGB"))[:930] for one in (before, after)]
        assert (areas[0] == areas[1]).all()


def test_each_scope_is_said_in_the_file(ask: Ask) -> None:
    for who, said in (("", "peut être diffusée"), ("agent", "Réservée aux partenaires"), ("admin", "aux partenaires"),
                      ("coordinator", "Réservée à la coordination")):  # fmt: skip
        assert said in ask("/map.html", who).get_data(as_text=True)


def test_the_image_has_the_size_asked_for_and_is_not_kept_by_caches(ask: Ask, fill: Callable[..., None]) -> None:
    fill(7)
    answer = ask("/map.png", "planner", size="900x700", bbox=f"{LON - 0.01},{LAT - 0.01},{LON + 0.01},{LAT + 0.01}")
    image = Image.open(io.BytesIO(answer.data))
    assert (image.format, image.size) == ("PNG", (900, 700))
    assert answer.headers["Cache-Control"] == "no-store"
    # The strongest classes stand in the middle of the map and nowhere else in it.
    red, green, _blue = np.moveaxis(np.asarray(image.convert("RGB")).astype(int), 2, 0)
    rows, columns = np.nonzero((red - green > 100) & (np.arange(900) < 620))
    assert rows.mean() == pytest.approx(84 + (700 - 84 - 48) / 2, abs=15)
    assert columns.mean() == pytest.approx(21 + (900 - 21 - 279) / 2, abs=15)


@pytest.mark.parametrize("measure", ["count", "weighted", "significance", "change"])
def test_every_measure_has_its_files(measure: str, ask: Ask, fill: Callable[..., None]) -> None:
    fill(7)
    for kind in ("html", "png"):
        answer = ask(f"/map.{kind}", "planner", measure=measure, **{"from": "2026-01-01"})
        assert answer.status_code == 200, answer.text
    assert ask("/map.png", measure="change").status_code == 400


def test_the_sheet_is_tagged_text(ask: Ask, fill: Callable[..., None]) -> None:
    fill(7)
    body = ask("/map.pdf", "planner", theme="cleanliness").data
    assert body.startswith(b"%PDF-1.7")
    # Objects are packed in compressed streams.
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", body, re.DOTALL)
    opened = b"".join(zlib.decompressobj().decompress(one) for one in streams if one.startswith(b"x"))
    for mark in (b"/MarkInfo", b"/StructTreeRoot", b"/Alt", b"/Table"):
        assert mark in opened, mark
    # Our own font and no other that the machine happens to have.
    assert set(re.findall(rb"/BaseFont\s*/\w+\+([\w-]+)", opened)) == {b"Sheet", b"Sheet-Bold"}


def test_without_pango_the_sheet_says_so(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Any:
        raise pdf.NoPdfError("no PDF here")

    monkeypatch.setattr(pdf, "_weasyprint", missing)
    answer = ask("/map.pdf")
    assert answer.status_code == 503
    assert "no PDF here" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"size": "99999x10"}, "size"),
        ({"size": "599x700"}, "size"),
        ({"size": "4000x4000"}, "size"),
        ({"size": "big"}, "size"),
        ({"bbox": "1,2,3"}, "bbox"),
        ({"bbox": "-60,4,-50,6"}, "bbox"),
        ({"bbox": "2.2,49.8,2.2,49.8"}, "bbox"),
        ({"bbox": "-5,42,8,51"}, "bbox"),
        ({"by": "street"}, "by"),
        ({"bandwidth": "5"}, "bandwidth"),
        ({"theme": "nonsense"}, "theme"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_parameter_is_named(ask: Ask, query: dict[str, str], named: str) -> None:
    answer = ask("/map.png", **query)
    assert answer.status_code == 400
    assert named in answer.get_data(as_text=True)


def test_too_many_are_refused_and_told_when(app: Flask, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    app.config["RATELIMIT_ENABLED"] = True
    monkeypatch.setattr(takeaway_routes, "made", lambda *_: b"made")
    answers = [ask("/map.png") for _ in range(takeaway_routes.RATE.amount + 1)]
    assert [answer.status_code for answer in answers[:-1]] == [200] * takeaway_routes.RATE.amount
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_the_shell_writes_the_same_file(app: Flask, ask: Ask, fill: Callable[..., None], environment: Path) -> None:
    fill(7)
    target = environment / "carte.html"
    done = CliRunner().invoke(map_command, [str(target), "--scope", "partners", "--from", "2026-01-01"])
    assert done.exit_code == 0, done.output
    page = target.read_text(encoding="utf-8")
    assert "7 signalements" in page
    assert "Réservée aux partenaires" in page
    assert [path.name for path in environment.glob("*carte*")] == ["carte.html"]
    english = CliRunner().invoke(map_command, [str(target), "--language", "en"])
    assert english.exit_code == 0
    assert "Public: may be passed on." in target.read_text(encoding="utf-8")
    assert CliRunner().invoke(map_command, [str(environment / "carte.docx")]).exit_code == 2
