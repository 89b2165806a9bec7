"""Draw the PNG app icons from their SVG sources with the browser that the tests use.

Run after changing app/web/static/icons/*.svg: `.venv/bin/python tools/make_icons.py`
"""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

ICONS = Path(__file__).parents[1] / "app/web/static/icons"
WANTED = (("quietude", 192), ("quietude", 512), ("quietude-maskable", 512))


def main() -> None:
    """Write each PNG beside its source."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, side_px in WANTED:
            page = browser.new_page(viewport={"width": side_px, "height": side_px})
            svg = (ICONS / f"{name}.svg").read_text().replace("<svg ", f'<svg width="{side_px}" height="{side_px}" ', 1)
            page.set_content(f"<style>body{{margin:0}}svg{{display:block}}</style>{svg}")
            page.screenshot(path=ICONS / f"{name}-{side_px}.png", omit_background=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
