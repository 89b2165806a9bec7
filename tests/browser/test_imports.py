"""The whole walk of a partner's file in a real browser, by thumb and by mouse, with and without scripts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, ViewportSize, expect
from sqlalchemy import Engine, text

from app.db.session import unit_of_work
from app.imports.running import Runner
from app.people.actor import SYSTEM
from app.web.context import services
from tests.browser.conftest import CENTRE_LAT, CENTRE_LON, DESKTOP, PHONE, sign_in
from tests.browser.test_pages import _violations

pytestmark = pytest.mark.browser

ROWS = "\r\n".join([
    "Numéro;Date de saisie;Objet;Longitude;Latitude",
    f"A1;04/05/2026 14:30;Dépôt sauvage;{CENTRE_LON};{CENTRE_LAT}".replace(".", ","),
    f"A2;04/05/2026 14:30;Lampadaire éteint;{CENTRE_LON};{CENTRE_LAT}".replace(".", ","),
    "A3;04/05/2026 14:30;Dépôt sauvage;9,0;9,0",
    f"A4;04/05/2026 14:30;Tout autre chose;{CENTRE_LON};{CENTRE_LAT}".replace(".", ","),
])  # fmt: skip


@pytest.fixture
def work(app: Flask, engine: Engine) -> Callable[[], None]:
    """What the worker would do now."""

    def run() -> None:
        with app.app_context():
            var_dir = services().settings.var_dir
        with unit_of_work(engine, SYSTEM) as uow:
            ids = list(uow.connection.scalars(text("SELECT id FROM import_batch")))
        with app.test_request_context():
            for batch_id in ids:
                Runner(engine, var_dir).work(batch_id)

    return run


def fine(page: Page) -> None:
    """Nothing that axe finds, and nothing wider than the screen."""
    page.wait_for_load_state("networkidle")
    assert _violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= (page.viewport_size or PHONE)["width"]


@pytest.mark.parametrize(
    ("viewport", "scheme", "scripts"), [(PHONE, "light", True), (DESKTOP, "dark", True), (PHONE, "dark", False)]
)
def test_the_whole_walk(  # noqa: PLR0917
    open_page: Callable[..., Page],
    work: Callable[[], None],
    tmp_path: Path,
    viewport: ViewportSize,
    scheme: str,
    scripts: bool,  # noqa: FBT001
) -> None:
    page = open_page(viewport=viewport, color_scheme=scheme, java_script_enabled=scripts)
    sign_in(page, "bailleur@demo.quietude")
    look = fine if scripts else (lambda _page: None)
    page.goto("/imports")
    expect(page.get_by_text("Pas encore de fichier.")).to_be_visible()
    file = tmp_path / "signalements de la résidence, un nom très long qui ne tient sur aucune ligne.csv"
    file.write_bytes(ROWS.encode("cp1252"))
    page.set_input_files("#file", file)
    page.get_by_role("button", name="Envoyer et regarder").click()
    expect(page.locator("#lon")).to_have_value("Longitude")
    expect(page.locator("#when")).to_have_value("Date de saisie")
    table = page.get_by_role("region", name="Les premières lignes telles qu'elles arriveraient")
    expect(table.locator("tbody tr")).to_have_count(4)
    expect(table.locator("tr.refused")).to_have_count(2)
    if scripts:
        ends = table.locator(".refusal").evaluate_all("(all) => all.map((e) => e.getBoundingClientRect().right)")
        assert len(ends) == 2
        assert max(ends) <= viewport["width"]
    if scripts:
        expect(page.locator("#import-map path.import-point")).to_have_count(2)
    look(page)
    page.get_by_label("Tout autre chose").select_option("graffiti")
    page.get_by_role("button", name="Refaire l'aperçu").click()
    expect(table.locator("tr.refused")).to_have_count(1)
    page.get_by_role("button", name="Vérifier tout le fichier").click()
    expect(page.locator("progress")).to_be_visible()
    work()
    page.reload()
    expect(page.locator("#checked")).to_be_visible()
    page.get_by_role("button", name="Importer 3 signalements").click()
    work()
    page.reload()
    expect(page.locator("#result")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Télécharger les lignes refusées (CSV)").click()
    assert "A3" in download.value.path().read_text(encoding="utf-8-sig")
    page.get_by_text("Annuler cet import").click()
    page.get_by_role("button", name="Retirer les signalements de cet import").click()
    work()
    page.reload()
    expect(page.get_by_text("3 signalements ont été retirés")).to_be_visible()
    look(page)
