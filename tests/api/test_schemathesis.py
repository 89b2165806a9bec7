"""Schemathesis on the documents, against the real server: every operation, all checks that it has, one seed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.api.serving import Site

HERE = Path(__file__).parent


def _run(site: Site, folder: Path, config: str, path: str, base: str = "") -> str:
    """What it says. The document comes as a file, else it leaves out the operation that gives the document."""
    document = folder / "document.json"
    with urlopen(site.url + path) as answer:  # noqa: S310  (our own server)
        document.write_bytes(answer.read())
    bearer = f"Authorization: Bearer {site.tokens['coordinator']}"
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / config), "--no-color"),
        *("run", str(document), "--url", site.url + base, "--header", bearer),
        *("--continue-on-failure", "--warnings", "off"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False, timeout=1800)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    return done.stdout


def _no_operation_is_left_out(said: str) -> None:
    selected = re.search(r"Selected: (\d+)/(\d+)", said)
    tested = re.search(r"Tested: (\d+)", said)
    assert selected, said
    assert tested, said
    assert selected[1] == selected[2] == tested[1]


def _nothing_broke(site: Site) -> None:
    """No 500, not even one that was not looked at."""
    log = site.log.read_text("utf-8", "replace")
    assert "status=500" not in log
    assert "Traceback" not in log


@pytest.mark.slow
def test_the_api_does_what_its_document_says(site: Site, tmp_path: Path) -> None:
    _no_operation_is_left_out(_run(site, tmp_path, "schemathesis.toml", "/api/openapi.json"))
    _nothing_broke(site)


@pytest.mark.slow
def test_ogc_api_features_does_what_its_document_says(site: Site, tmp_path: Path) -> None:
    _no_operation_is_left_out(_run(site, tmp_path, "schemathesis-ogc.toml", "/ogc/api", base="/ogc"))
    _nothing_broke(site)
