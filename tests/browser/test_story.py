"""The partners' story: an agent's report with a photo, Ametis, a landlord, the repair, its check, the tax ledger."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE
from tests.photos.samples import jpeg

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# The stop "Pôle Licorne" of the approximate geography.
STOP_LON, STOP_LAT = 2.266, 49.897


def _picture(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(jpeg(640, 480))
    return path


def _move(page: Page, path: str, move: str) -> None:
    """Press the button of a move, with what its form holds."""
    _open_form(page, move)
    page.locator(f"form[action='{path}']:has(input[name=move][value={move}]) button[type=submit]").click()


def _open_form(page: Page, move: str) -> None:
    """The form of a move that asks for something is folded."""
    folded = page.locator(f"details:not([open]):has(input[name=move][value={move}]) > summary")
    if folded.count():
        folded.click()


def _reported(page: Page, picture: Path) -> str:
    page.goto("/reports/new")
    page.set_input_files("#photos", picture)
    page.click("button[data-theme=transport]")
    page.click("label:has(input[value=damaged_shelter])")
    page.click("#locate")
    expect(page.locator(".map-pin")).to_be_visible()
    page.click("#submit")
    expect(page.locator("#photo-uploads [role=status]")).to_have_text(
        "Toutes les photos sont envoyées.", timeout=60_000
    )
    return str(page.get_attribute("#done-link", "href"))


def _transferred(page: Page, report: str) -> None:
    page.goto(report)
    expect(page.locator(".facts")).to_contain_text("Ametis")
    _open_form(page, "transfer")
    page.select_option("#transfer-organisation", "bailleur-social-demo")
    page.select_option("#transfer-reason", "other_place")
    _move(page, f"{report}/moves", "transfer")
    expect(page.locator(".message.success")).to_be_visible()


def _repaired(page: Page, report: str, before: Path, after: Path) -> str:
    """The landlord plans, begins and ends the work, with both photos. Returns the intervention's path."""
    page.goto(report)
    _move(page, f"{report}/moves", "acknowledge")
    page.get_by_role("link", name="Créer une intervention").click()
    page.select_option("#kind", "repair")
    page.fill("#planned_start", "2026-12-01T08:00")
    page.fill("#cost_eur", "480")
    page.locator(".send button").click()
    expect(page.locator("#linked")).to_be_visible()
    path = page.url.removeprefix(page.evaluate("location.origin"))
    _add_photo(page, "before", before)
    _move(page, f"{path}/moves", "start")
    _add_photo(page, "after", after)
    _open_form(page, "finish")
    page.fill("#finish-text", "Vitre remplacée")
    _move(page, f"{path}/moves", "finish")
    expect(page.locator("h1 + .row")).to_contain_text("Terminée")
    expect(page.locator("#pair-range")).to_be_visible()
    return path


def _add_photo(page: Page, stage: str, picture: Path) -> None:
    page.locator(".add-pair > summary").click()
    page.check(f"input[name=stage][value={stage}]", force=True)
    page.set_input_files("#stage-photo", picture)
    page.locator(".add-pair button").click()
    expect(page.locator(".gallery img").first).to_be_attached()


def _verified(page: Page, path: str) -> None:
    page.goto(path)
    _move(page, f"{path}/moves", "verify")
    expect(page.locator("h1 + .row")).to_contain_text("Vérifié")


def _entered(page: Page, intervention: str) -> None:
    """Into the ledger of the property tax rebate, and out as a spreadsheet."""
    page.goto(intervention)
    page.locator("#tfpb summary").click()
    page.select_option("#axis", index=1)
    page.fill("#amount_eur", "480")
    page.locator("#tfpb form button.primary").click()
    expect(page.locator("#tfpb")).to_contain_text("480")
    page.locator("#tfpb .facts a").click()
    row = page.locator("table.ledger tbody tr")
    expect(row).to_have_count(1)
    expect(row.locator("td.number")).to_contain_text(["1", "1", "2", "480"])
    with page.expect_download() as download:
        page.get_by_role("link", name="XLSX").click()
    sheet = load_workbook(io.BytesIO(Path(download.value.path()).read_bytes())).worksheets[0]
    assert 480 in [cell.value for line in sheet.iter_rows() for cell in line]


def test_from_the_stop_to_the_tax_ledger(open_page: Callable[..., Page], tmp_path: Path) -> None:
    here = {"longitude": STOP_LON, "latitude": STOP_LAT, "accuracy": 6}
    agent = open_page("agent@demo.quietude", viewport=PHONE, geolocation=here, permissions=["geolocation"])
    report = _reported(agent, _picture(tmp_path, "abri.jpg"))
    _transferred(open_page("ametis@demo.quietude", viewport=DESKTOP), report)
    landlord = open_page("bailleur@demo.quietude", viewport=DESKTOP)
    intervention = _repaired(landlord, report, _picture(tmp_path, "avant.jpg"), _picture(tmp_path, "apres.jpg"))
    agent.goto(report)
    expect(agent.locator("h1 + .row")).to_contain_text("Résolu")
    coordinator = open_page("coordinator@demo.quietude", viewport=DESKTOP)
    _verified(coordinator, report)
    _verified(coordinator, intervention)
    agent.reload()
    history = agent.locator(".timeline")
    for said in ("Transféré", "Résolu", "Vérifié"):
        expect(history).to_contain_text(said)
    _entered(landlord, intervention)
